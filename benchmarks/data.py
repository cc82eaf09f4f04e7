"""What `netvet data` finds of planted faults, beside cleanlab and CleanVision on the same data: `make bench-data`.

Faults of each kind are planted into clean images, tables and texts at three rates. Recall is over the faulty samples;
precision over the samples that are named, where the originals of copies are right answers too. cleanlab is given the
features that netvet has made, and for labels the probabilities of its cheap models as well. Seconds are of one look,
from files on: for netvet and cleanlab both with the features (and models) that they share.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.data_faults import PLANTERS, Planted, plant
from benchmarks.data_rivals import NUMBER, Answer, clean_vision, cleanlab, cleanlab_labels
from benchmarks.data_sets import Array, Data, clean

if TYPE_CHECKING:
    from netvet.data.audit import Options
    from netvet.data.chunks import Source
    from netvet.data.index import Audited, Split

RATES = (0.001, 0.01, 0.1)
# What netvet calls the samples (`Found.suspects`) that are right answers to each kind.
NAMES: dict[str, tuple[str, ...]] = {
    "exact duplicates": ("duplicate",),
    "split overlap": ("overlap",),
    "conflicting labels": ("conflicting label (equal)",),
    "missing values": ("missing", "not finite"),
    "near duplicates": ("near duplicate", "duplicate"),
    "near split overlap": ("near duplicate", "overlap"),
    "outliers": ("outlier",),
    "label errors": ("label error",),
}
# The looks that find them (`netvet.data.faults.LOOKS`).
LOOKS: dict[str, tuple[str, ...]] = {
    "exact duplicates": ("samples",),
    "split overlap": ("samples",),
    "conflicting labels": ("conflicts",),
    "missing values": (),
    "near duplicates": ("samples", "near_duplicates"),
    "near split overlap": ("samples", "near_duplicates"),
    "outliers": ("outliers",),
    "label errors": ("label_suspects",),
}

# Kinds of which the audit lists, beside what it is sure of, samples that are as likely right as wrong.
UNSURE = ("near duplicates", "near split overlap", "outliers", "label errors")


@dataclass(frozen=True)
class Row:
    """How well a tool found a planted fault; recall and precision None where it has no such look."""

    kind: str
    data: str
    rate: float
    tool: str
    recall: float | None
    precision: float | None
    seconds: float


def write(data: Data, folder: Path) -> dict[str, Path]:
    """The data as files: a folder of images, CSV, JSONL; gives the path of each split."""
    found = {}
    for split, marked in (("train", ~data.test), ("test", data.test)):
        numbers = np.flatnonzero(marked)
        if data.form == "image":
            found[split] = _write_images(data, numbers, folder / split)
            continue
        found[split] = folder / f"{split}.{'jsonl' if data.form == 'text' else 'csv'}"
        with found[split].open("w") as file:
            if data.form == "table":
                file.write(",".join([f"x{c}" for c in range(data.inputs.shape[1])] + ["target"]) + "\n")
            file.writelines(_line(data, i) for i in numbers.tolist())
    return found


def _line(data: Data, sample: int) -> str:
    target = data.targets[sample].item()
    if data.form == "text":
        return json.dumps({"text": data.inputs[sample], "label": f"class {target}"}) + "\n"
    cells = ["" if np.isnan(v) else repr(v) for v in data.inputs[sample].tolist()]
    return ",".join([*cells, f"class {target}" if data.classes else repr(target)]) + "\n"


def _write_images(data: Data, numbers: NUMBER, folder: Path) -> Path:
    from PIL import Image

    for i in numbers.tolist():
        path = folder / f"class{data.targets[i]}" / f"{i:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.inputs[i].squeeze()).save(path, compress_level=1)
    return folder


def opened(data: Data, paths: dict[str, Path]) -> tuple[Source, Options]:
    """What an audit of these files is asked for."""
    from netvet.data.audit import Options
    from netvet.data.readers import Wanted, open_source

    wanted = Wanted(paths, "label" if data.form == "text" else "target" if data.form == "table" else None)
    return open_source(wanted), Options(task="classification" if data.classes else "regression")


def numbers_of(data: Data, splits: Mapping[str, Split]) -> dict[str, NUMBER]:
    """Which of the data the samples of each split are."""
    numbers = {}
    for name, split in splits.items():
        if data.form == "image":
            numbers[name] = np.array([int(Path(split.key(i)).stem) for i in range(len(split))], dtype=np.int64)
        else:
            numbers[name] = np.flatnonzero(data.test if name == "test" else ~data.test)
    return numbers


def named(kind: str, seen: Audited, numbers: dict[str, NUMBER], *, possible: bool = False) -> NUMBER:
    """The samples that netvet names for a kind; on demand also those that it lists as possible."""
    from netvet.data.faults import NotAssessable, load

    faults = NAMES[kind] + tuple(f"possible {name}" for name in NAMES[kind] if possible)
    samples = [np.zeros(0, np.int64)]
    if kind == "missing values":
        # The audit counts them by column, and `netvet data --find` lists them; here they are read off the features.
        samples += [numbers[n][~np.isfinite(s.rows.features).all(axis=1)] for n, s in seen.splits.items()]
    for look in LOOKS[kind]:
        try:
            records: list[Any] = load(look)(seen)
        except NotAssessable:
            continue
        marked = [record.get("marked", {}).get(fault, {}) for record in records for fault in faults]
        samples += [numbers[split][which] for splits in marked for split, which in splits.items()]
    return np.unique(np.concatenate(samples))


def judged(kind: str, planted: Planted, rate: float, answer: Answer) -> Row:
    """Recall and precision of an answer."""
    name = planted.data.name
    if answer.samples is None:
        return Row(kind, name, rate, answer.tool, None, None, answer.seconds)
    right = np.isin(answer.samples, np.union1d(planted.faulty, planted.also)).sum()
    recall = float(np.isin(planted.faulty, answer.samples).mean())
    precision = float(right / len(answer.samples)) if len(answer.samples) else float("nan")
    return Row(kind, name, rate, answer.tool, recall, precision, answer.seconds)


def rows(data: Data, kinds: Sequence[str], rates: Sequence[float], seed: int) -> Iterator[Row]:
    """All tools on one set, each kind at each rate."""
    for kind in kinds:
        for rate in rates:
            planted = plant(kind, data, rate, seed)
            if planted is None:
                continue
            with tempfile.TemporaryDirectory() as place:
                answers = answers_of(kind, planted.data, Path(place))
            yield from (judged(kind, planted, rate, answer) for answer in answers)


def answers_of(kind: str, data: Data, folder: Path) -> list[Answer]:
    """What each tool says of the data; the features of netvet are made once, and count for both that use them."""
    from netvet.data.audit import gathered

    paths = write(data, folder)
    began = perf_counter()
    seen = gathered(*opened(data, paths))
    shared, numbers = perf_counter() - began, numbers_of(data, seen.splits)
    began = perf_counter()
    found = named(kind, seen, numbers)
    answers = [Answer("netvet", found, perf_counter() - began)]
    if kind in UNSURE:
        answers.append(Answer("netvet, with possible", named(kind, seen, numbers, possible=True), answers[0].seconds))
    features = in_order(data, {n: s.rows.features for n, s in seen.splits.items()}, numbers)
    if kind == "label errors":
        answers += _labels(data, seen, numbers, features)
    else:
        answers.append(cleanlab(kind, data, features))
    answers = [replace(a, seconds=a.seconds + shared) for a in answers]
    return [*answers, clean_vision(kind, folder)] if data.form == "image" else answers


def _labels(data: Data, seen: Audited, numbers: dict[str, NUMBER], features: Array) -> list[Answer]:
    """cleanlab on the probabilities that netvet has used (which it has kept: they are made anew for the time)."""
    from netvet.data.faults.cheap import cheap

    began = perf_counter()
    by = cheap(replace(seen, shared={}))
    fitting = perf_counter() - began
    same = cleanlab_labels("cleanlab", data, in_order(data, by.probabilities, numbers))
    return [replace(same, seconds=same.seconds + fitting), cleanlab("label errors", data, features)]


def in_order(data: Data, parts: Mapping[str, Array], numbers: Mapping[str, NUMBER]) -> Array:
    """What there is of each split as one array [n, d] in the order of the data."""
    found = np.zeros((len(data), next(iter(parts.values())).shape[1]), np.float32)
    for name, part in parts.items():
        found[numbers[name]] = part
    return found


def alarms(data: Data) -> list[str]:
    """Errors and warnings of an audit of clean data."""
    from netvet.checks import NAMES as CHECKS
    from netvet.checks import load
    from netvet.core import Facts
    from netvet.data.audit import audit

    with tempfile.TemporaryDirectory() as place:
        found = audit(*opened(data, write(data, Path(place))))
    said = []
    for check in map(load, CHECKS):
        if not set(check.required) <= set(found.signals):
            continue
        known = {s: Facts(found.signals[s]) for s in (*check.required, *check.optional) if s in found.signals}
        said += [f"{f.severity} {check.name}: {f.message}" for f in check(**known) if f.severity != "note"]
    return said


def table(every: Sequence[Row]) -> str:
    """One line for each kind, data and rate."""
    lines = ["| fault | data | rate | tool | recall | precision | s |", "|---|---|---|---|---|---|---|"]
    for row in every:
        shown = ["-" if v is None else f"{v:.2f}" for v in (row.recall, row.precision)]
        cells = (row.kind, row.data, f"{row.rate:.1%}", row.tool, *shown, f"{row.seconds:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(every: Sequence[Row]) -> str:
    """Means of each kind and tool over all data and rates."""
    lines = ["| fault | tool | cells | recall | precision | s |", "|---|---|---|---|---|---|"]
    for kind in dict.fromkeys(r.kind for r in every):
        for tool in dict.fromkeys(r.tool for r in every if r.kind == kind):
            of = [r for r in every if (r.kind, r.tool) == (kind, tool)]
            known = [r for r in of if r.recall is not None]
            if not known:
                lines.append(f"| {kind} | {tool} | 0 | not installed, or no such look | | |")
                continue
            recall = np.mean([r.recall or 0.0 for r in known])
            # A tool that names nothing is wrong nowhere: its recall tells.
            precise = [r.precision for r in known if r.precision is not None and r.precision == r.precision]
            precision = np.mean(precise) if precise else float("nan")
            seconds = np.mean([r.seconds for r in known])
            lines.append(f"| {kind} | {tool} | {len(known)} | {recall:.3f} | {precision:.3f} | {seconds:.1f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="*", default=list(PLANTERS), choices=list(PLANTERS))
    parser.add_argument("--data", nargs="*", help="names of sets (default: all)")
    parser.add_argument("--rates", nargs="*", type=float, default=RATES)
    parser.add_argument("--seed", type=int, default=0, help="of what is planted")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    every: list[Row] = []
    for data in clean():
        if asked.data and data.name not in asked.data:
            continue
        said = alarms(data)
        print(f"{data.name} ({data.form}, {len(data)}), clean: {said or 'no error, no warning'}", flush=True)
        for row in rows(data, asked.kinds, asked.rates, asked.seed):
            every.append(row)
            print(table([row]).splitlines()[-1], flush=True)
    print(f"\n{table(every)}\n\n{summary(every)}")
    if asked.json:
        kept: list[dict[str, Any]] = [vars(r) for r in every]
        asked.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
