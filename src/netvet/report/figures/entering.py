"""What enters the net and the loss: ranges of numbers, and counts of samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import Role, bars, number_of, records_of
from netvet.report.figures.spec import Bars, axis

# Fields of a summary of numbers, each with its word.
SUMMARY = {"min": "smallest", "mean": "mean", "std": "standard deviation", "max": "largest"}
PHASES: dict[str, tuple[str, Role]] = {"train": ("training", "train"), "eval": ("evaluation", "val")}
# Inputs, and losses, that have a picture each.
INPUTS, LOSSES = 6, 3
# Columns whose bars still have a place of their own.
FEATURES = 64


def net_inputs(source: Source) -> Iterator[Bars]:
    """Range, mean and standard deviation of each input of the net, in training and in evaluation."""
    found: dict[tuple[str, str], dict[str, Record]] = {}
    for record in records_of(source, "inputs"):
        if any(number_of(record.get(name)) is not None for name in SUMMARY):
            name = str(record.get("model")), str(record.get("position"))
            found.setdefault(name, {}).setdefault("train" if record.get("phase") == "train" else "eval", record)
    for number, ((model, position), phases) in enumerate(list(found.items())[:INPUTS]):
        series = {word: (summary(phases[phase]), role) for phase, (word, role) in PHASES.items() if phase in phases}
        about = (
            "Over the sampled batches. Healthy: mean near 0 and standard deviation near 1, or whole numbers that are "
            f"looked up in an embedding; the same in training and evaluation.{oddities(phases.values())}"
        )
        whole = bars(
            f"net-input-{number}", f"Input {position} of {model}", about, ["inputs"], axis("statistic"),
            axis("value", "input units"), list(SUMMARY.values()), series,
        )  # fmt: skip
        single = list(features(number, whole["title"], phases))
        # Where some never vary, that is what stands out.
        constant = any(one.get("constant_features") for one in phases.values())
        yield from [*single, whole] if constant else [whole, *single]


def ids(source: Source) -> Iterator[Bars]:
    """Ids that enter an embedding, beside the rows that it has for them."""
    for number, record in enumerate(records_of(source, "inputs")):
        rows, low, high = (number_of(record.get(name)) for name in ("embedding_rows", "min", "max"))
        if rows is None or low is None or high is None or record.get("phase") != "train":
            continue
        made = bars(
            f"ids-{number}", f"Ids of input {record.get('position')} of {record.get('model')}",
            f"Ids that were seen, and those that the embedding has rows for: 0 to {rows - 1:,.0f}. Healthy: none is "
            "below 0 or above the last row.",
            ["inputs"], axis("id"), axis("id", "number"), ["lowest seen", "highest seen", "last row"],
            {"id": ([low, high, rows - 1], "other")},
        )  # fmt: skip
        made["checks"] = ["token-out-of-range"]
        yield made


def features(number: int, title: str, phases: Mapping[str, Record]) -> Iterator[Bars]:
    """Standard deviation of each column of an input."""
    spread = {
        p: std for p, one in phases.items() if len(one.get("shape") or ()) == 2 and (std := one.get("feature_std"))
    }
    size = max((len(one) for one in spread.values() if isinstance(one, Sequence)), default=0)
    if 1 < size <= FEATURES:
        yield bars(
            f"net-input-{number}-features", f"{title}, feature by feature",
            "Standard deviation of each column over the sampled batches. Healthy: all are near 1; a column of 0 is "
            "the same for every sample.",
            ["inputs"], axis("feature"), axis("standard deviation", "input units"), [str(k) for k in range(size)],
            {PHASES[phase][0]: (one, PHASES[phase][1]) for phase, one in spread.items() if phase in PHASES},
        )  # fmt: skip


def summary(record: Mapping[str, Any]) -> list[Any]:
    """Smallest, mean, standard deviation and largest."""
    return [record.get(name) for name in SUMMARY]


def shape_of(record: Mapping[str, Any]) -> str:
    """The shape of a tensor, as Python writes it."""
    shape = record.get("shape")
    return str(list(shape)) if isinstance(shape, list | tuple) else ""


def oddities(records: Any) -> str:
    """What else is told of an input."""
    said = ""
    for record in records:
        wrong, rows = record.get("nonfinite"), record.get("embedding_rows")
        if isinstance(wrong, int) and wrong > 0:
            said += f" {wrong:,} values in {record.get('phase')} are not finite."
        if isinstance(rows, int) and not said:
            said = f" The embedding has {rows:,} rows, for 0 to {rows - 1:,}."
    return said


def loss_inputs(source: Source) -> Iterator[Bars]:
    """What a loss compares where targets are numbers: outputs beside targets."""
    trained = [one for one in records_of(source, "losses") if one.get("phase") == "train"]
    numeric = {one.get("site") for one in records_of(source, "targets") if one.get("kind") == "regression"}
    for number, record in enumerate(trained[:LOSSES]):
        given, target = record.get("input"), record.get("target")
        if isinstance(given, Mapping) and isinstance(target, Mapping) and record.get("site") in numeric:
            made_by = f", made by {record['input_op']}" if record.get("input_op") else ""
            yield bars(
                f"loss-input-{number}", f"Outputs and targets of {record.get('function')} ({record.get('site')})",
                f"What the loss compares{made_by}, at its first call. Healthy: both are of one size, and the outputs "
                "can reach all that the targets are.",
                ["losses", "targets"], axis("statistic"), axis("value", "target units"), list(SUMMARY.values()),
                {f"outputs {shape_of(given)}": (summary(given), "train"),
                 f"targets {shape_of(target)}": (summary(target), "reference")},
            )  # fmt: skip


def samples(source: Source) -> Iterator[Bars]:
    """How many samples there are, and how many of them are the same."""
    words = {
        "train_seen": "training samples", "duplicates": "copies of an earlier training sample",
        "conflicting": "the same with another target", "eval": "evaluation samples",
        "overlap": "evaluation samples seen in training",
    }  # fmt: skip
    for number, record in enumerate(records_of(source, "samples")[:LOSSES]):
        counts = {word: record[name] for name, word in words.items() if number_of(record.get(name)) is not None}
        if any(counts.values()):
            split = record.get("split")
            yield bars(
                f"samples-{number}", f"Samples and copies{f' ({split})' if split else ''}",
                "Samples by the fingerprint of what entered the net. Healthy: few copies, and none between training "
                "and evaluation.",
                ["samples"], axis("samples"), axis("samples", "count"), list(counts),
                {"samples": (list(counts.values()), "train")},
            )  # fmt: skip
