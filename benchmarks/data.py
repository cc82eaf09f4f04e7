"""What `netvet data` finds of planted faults, beside cleanlab and CleanVision on the same data: `make bench-data`.

Faults of each kind are planted into clean images, tables and texts at three rates. Recall is over the faulty samples;
precision over the samples that are named, where the originals of copies are right answers too. Seconds are of the whole
audit with all its looks, from files, and for the others of the one look that is asked for.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.data_faults import PLANTERS, Planted, plant
from benchmarks.data_rivals import NUMBER, Answer, clean_vision, cleanlab
from benchmarks.data_sets import Array, Data, clean

if TYPE_CHECKING:
    from netvet.data.audit import Found

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


def audit_of(data: Data, paths: dict[str, Path]) -> tuple[Found, float]:
    """All that netvet sees, and the seconds that it takes."""
    from netvet.data.audit import Options, audit
    from netvet.data.readers import Wanted, open_source

    began = perf_counter()
    wanted = Wanted(paths, "label" if data.form == "text" else "target" if data.form == "table" else None)
    found = audit(open_source(wanted), Options(task="classification" if data.classes else "regression"))
    return found, perf_counter() - began


def numbers_of(data: Data, found: Found) -> dict[str, NUMBER]:
    """Which of the data the samples of each split are."""
    numbers = {}
    for name, split in found.data.splits.items():
        if data.form == "image":
            numbers[name] = np.array([int(Path(split.key(i)).stem) for i in range(len(split))], dtype=np.int64)
        else:
            numbers[name] = np.flatnonzero(data.test if name == "test" else ~data.test)
    return numbers


def named(kind: str, data: Data, found: Found, seconds: float) -> Answer:
    """The samples that netvet names for a kind."""
    numbers, samples, looked = numbers_of(data, found), [], False
    for fault in NAMES[kind]:
        for split, which in found.suspects.get(fault, {}).items():
            samples.append(numbers[split][which])
    looked = kind in ("missing values", "label errors")
    if looked and not samples and not any(fault in found.suspects for fault in NAMES[kind]):
        return Answer("netvet", _of_signals(kind, found, numbers), seconds)
    return Answer("netvet", np.unique(np.concatenate([*samples, np.zeros(0, np.int64)])), seconds)


def _of_signals(kind: str, found: Found, numbers: dict[str, NUMBER]) -> NUMBER | None:
    """The samples of looks that do not mark them: of label errors by their own function, None without such a look."""
    if kind != "label errors" or "label_suspects" not in found.signals:
        return None
    from netvet.data.faults.label_errors import suspects

    marked = [numbers[split][np.asarray(which)] for split, which in suspects(found.data).items()]
    return np.unique(np.concatenate([*marked, np.zeros(0, np.int64)]))


def judged(kind: str, planted: Planted, rate: float, answer: Answer) -> Row:
    """Recall and precision of an answer."""
    name = planted.data.name
    if answer.samples is None:
        return Row(kind, name, rate, answer.tool, None, None, answer.seconds)
    right = np.isin(answer.samples, np.union1d(planted.faulty, planted.also)).sum()
    recall = float(np.isin(planted.faulty, answer.samples).mean())
    precision = float(right / len(answer.samples)) if len(answer.samples) else float("nan")
    return Row(kind, name, rate, answer.tool, recall, precision, answer.seconds)


def rows(data: Data, kinds: Sequence[str], rates: Sequence[float]) -> Iterator[Row]:
    """All tools on one set, each kind at each rate."""
    for kind in kinds:
        for rate in rates:
            planted = plant(kind, data, rate)
            if planted is None:
                continue
            with tempfile.TemporaryDirectory() as place:
                paths = write(planted.data, Path(place))
                found, seconds = audit_of(planted.data, paths)
                answers = [named(kind, planted.data, found, seconds)]
                answers.append(cleanlab(kind, planted.data, features_of(planted.data, found)))
                if data.form == "image":
                    answers.append(clean_vision(kind, Path(place)))
            yield from (judged(kind, planted, rate, answer) for answer in answers)


def features_of(data: Data, found: Found) -> Array:
    """Features of all samples [n, d] in the order of the data."""
    splits, numbers = found.data.splits, numbers_of(data, found)
    features = np.zeros((len(data), next(iter(splits.values())).rows.features.shape[1]), np.float32)
    for name, split in splits.items():
        features[numbers[name]] = split.rows.features
    return features


def alarms(data: Data) -> list[str]:
    """Errors and warnings of an audit of clean data."""
    from netvet.checks import NAMES as CHECKS
    from netvet.checks import load
    from netvet.core import Facts

    with tempfile.TemporaryDirectory() as place:
        found, _ = audit_of(data, write(data, Path(place)))
    said = []
    for check in map(load, CHECKS):
        if not set(check.required) <= set(found.signals):
            continue
        known = {s: Facts(found.signals[s]) for s in (*check.required, *check.optional) if s in found.signals}
        said += [f"{f.severity} {f.check}: {f.message}" for f in check(**known) if f.severity != "note"]
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
            precision = np.nanmean([np.nan if r.precision is None else r.precision for r in known] + [np.nan] * 0)
            seconds = np.mean([r.seconds for r in known])
            lines.append(f"| {kind} | {tool} | {len(known)} | {recall:.3f} | {precision:.3f} | {seconds:.1f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="*", default=list(PLANTERS), choices=list(PLANTERS))
    parser.add_argument("--data", nargs="*", help="names of sets (default: all)")
    parser.add_argument("--rates", nargs="*", type=float, default=RATES)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    every: list[Row] = []
    for data in clean():
        if asked.data and data.name not in asked.data:
            continue
        said = alarms(data)
        print(f"{data.name} ({data.form}, {len(data)}), clean: {said or 'no error, no warning'}", flush=True)
        for row in rows(data, asked.kinds, asked.rates):
            every.append(row)
            print(table([row]).splitlines()[-1], flush=True)
    print(f"\n{table(every)}\n\n{summary(every)}")
    if asked.json:
        kept: list[dict[str, Any]] = [vars(r) for r in every]
        asked.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
