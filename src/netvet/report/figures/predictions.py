"""What the model predicts, beside dumb predictors, ablated inputs and the targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from netvet.core import Facts, Record
from netvet.report.figures import Source
from netvet.report.figures.curves import Plot, plotted
from netvet.report.figures.spec import Axis, Bar, Bars, Figure, axis, numbers

# Bars that still have a place of their own.
CLASSES = 100
FLIPS = Plot(
    "fixed-batch-flips", "Changed predictions on a fixed batch",
    "Share of the samples of one fixed batch whose predicted class changed since the last look. Healthy: it falls as "
    "training settles.",
    axis("share of the batch", "share"), (("fixed_batch_flips", "flips", "train"),),
)  # fmt: skip
BASELINES = {
    "model": "model", "majority": "most common class", "mean": "mean", "linear": "linear model",
    "nearest": "nearest neighbour", "held_best": "best on held-out fifths",
}  # fmt: skip
Role = Literal["train", "val", "reference", "other"]


def predictions(source: Source) -> Iterator[Figure]:
    """All figures of predictions."""
    yield from baselines(source)
    yield from ablation(source)
    yield from classes(source)
    yield from plotted(source, FLIPS)


def records_of(source: Source, signal: str) -> list[Record]:
    """The records of a signal of facts."""
    found = source.get(signal)
    return list(found) if isinstance(found, Facts) else []


def baselines(source: Source) -> Iterator[Bars]:
    """The model beside dumb predictors."""
    for number, record in enumerate(records_of(source, "baselines")):
        score, split = str(record.get("score")), str(record.get("split"))
        better = "Lower is better." if score == "loss" else "Higher is better."
        kept = known(record, BASELINES)
        unit = {"loss": "nats", "r2": "1"}.get(score, "share")
        yield bars(
            f"baselines-{number}", f"Model against dumb predictors ({split})",
            f"Score of the trained model and of predictors that need no network, on the same {split} samples. {better} "
            "Healthy: the model is clearly better than all of them.",
            ["baselines"], axis("predictor"), axis(score, unit),
            kept, {score: (list(kept.values()), "train" if split == "train" else "val")},
        )  # fmt: skip


def ablation(source: Source) -> Iterator[Bars]:
    """The trained model with real, shuffled and zeroed inputs."""
    for number, record in enumerate(records_of(source, "input_ablation")):
        kept = known(record, {name: name for name in ("real", "shuffled", "zeroed")})
        blocked = record.get("blocked_by")
        about = (
            "Loss of the trained model with the real inputs, with those of other samples, and with zeros. Healthy: it "
            "rises far without the real ones; if it does not, the model does not look at its input."
        )
        about += f" The input is lost in {blocked}." if blocked else ""
        yield bars(
            f"input-ablation-{number}", "Loss without its input", about, ["input_ablation"], axis("inputs"),
            axis("loss", "loss"), kept, {str(record.get("split")): (list(kept.values()), "train")},
        )  # fmt: skip


def classes(source: Source) -> Iterator[Bars]:
    """How often each class is the target, and how often it is predicted."""
    if records_of(source, "data_splits") and not records_of(source, "predicted_labels"):
        return  # an audit, which draws all of its classes itself
    counted: dict[str, tuple[Sequence[Any], Role]] = {}
    for record in records_of(source, "targets"):
        phase = "train" if record.get("phase") == "train" else "eval"
        add(counted, f"targets, {phase}", record.get("counts"), "train" if phase == "train" else "reference")
    for record in records_of(source, "predicted_labels"):
        add(counted, "predictions of the last evaluation", record.get("counts"), "val")
    size = max((len(counts) for counts, _ in counted.values()), default=0)
    if size < 2:
        return
    shown = min(size, CLASSES)
    shares: dict[str, tuple[Sequence[Any], Role]] = {}
    for name, (counts, role) in counted.items():
        whole = sum(counts) or 1
        shares[name] = [(counts[k] if k < len(counts) else 0) / whole for k in range(shown)], role
    rest = f" The first {shown} of {size} classes." if shown < size else ""
    yield bars(
        "class-counts", "Classes of targets and predictions",
        f"Share of each class among targets and predictions. Healthy: the predictions follow the targets.{rest}",
        ["targets", "predicted_labels"], axis("class"), axis("share of the samples", "share"),
        [str(k) for k in range(shown)], shares,
    )  # fmt: skip


def add(counted: dict[str, tuple[Sequence[Any], Role]], name: str, counts: Any, role: Role) -> None:
    """Put in counts by class, under a name that is not yet there."""
    if isinstance(counts, Sequence) and len(counts) and all(number_of(one) is not None for one in counts):
        same = sum(known == name or known.startswith(f"{name} (") for known in counted)
        counted[f"{name} ({same + 1})" if same else name] = counts, role


def terms(source: Source) -> Iterator[Figure]:
    """The terms of the loss: their values, and the gradients that they make."""
    found = [one for one in records_of(source, "loss_terms") if number_of(one.get("value")) is not None]
    if len(found) < 2:
        return
    places = [f"{one.get('term')} ({str(one.get('file') or '').rpartition('/')[2]}:{one.get('line')})" for one in found]
    names = [
        f"{place}, {places[:n].count(place) + 1}" if places.count(place) > 1 else place
        for n, place in enumerate(places)
    ]
    about = "Healthy: the term of the data rules; a regulariser that rules it makes the weights its own."
    for name, title, unit in (("value", "Value", "loss"), ("grad_norm", "Gradient norm", "loss/weight")):
        values = [one.get(name) for one in found]
        if any(number_of(value) is not None for value in values):
            yield bars(
                f"loss-terms-{name.replace('_', '-')}", f"{title} of the terms of the loss",
                f"{title} of each term that is added up into the loss. {about}", ["loss_terms"], axis("term"),
                axis(title.lower(), unit), names, {title.lower(): (values, "train")},
            )  # fmt: skip


def number_of(value: Any) -> float | None:
    """A number that can be drawn, else None."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return numbers([value])[0] if is_number else None


def known(record: Record, words: Mapping[str, str]) -> dict[str, Any]:
    """The numbers of a record, each by its word."""
    return {word: record[name] for name, word in words.items() if number_of(record.get(name)) is not None}


def bars(
    identifier: str, title: str, about: str, signals: list[str], x: Axis, y: Axis,
    categories: Sequence[str] | Mapping[str, Any], series: Mapping[str, tuple[Sequence[Any], Role]],
) -> Bars:  # fmt: skip
    """Bars by category."""
    drawn: list[Bar] = [
        {"name": name, "values": [number_of(value) for value in values], "role": role}
        for name, (values, role) in series.items()
    ]
    return {
        "kind": "bars", "id": identifier, "title": title, "about": about, "signals": signals, "x": x, "y": y,
        "categories": list(categories), "edges": [], "series": drawn,
    }  # fmt: skip
