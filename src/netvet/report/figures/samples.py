"""Single samples: as they enter the net, what is predicted for them, the worst of them; filters and mean pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import records_of
from netvet.report.figures.spec import Base, Heat, Images, Item, Pixels, Scale, heat

WORDS = {"ids": "ids: ", "numbers": ""}


def batch(source: Source) -> Iterator[Images]:
    """The fixed batch as the net sees it, with the newest predictions."""
    for number, record in enumerate(records_of(source, "fixed_batch")):
        predicted, steps = list(record.get("predicted") or ()), list(record.get("steps") or ())
        if not record.get("shown") or not predicted:
            continue
        labels, sure = list(record.get("labels") or ()), list(record.get("probability") or ())
        items = [
            item(record, at, label=str(labels[at]), prediction=str(predicted[-1][at]),
                 note=f"p = {sure[-1][at]:.2f}", wrong=labels[at] != predicted[-1][at])
            for at in range(min(len(labels), len(record["shown"])))
        ]  # fmt: skip
        yield {
            "kind": "images", "id": f"fixed-batch-{number}", "title": "A batch as the net sees it",
            "about": f"The first samples of one training batch as they enter the model{decoding(record)}, with the "
            f"label and the class that is predicted at step {steps[-1]}. Healthy: one recognises what the label says.",
            "signals": ["fixed_batch", "inputs"], "items": items,
        }  # fmt: skip


def dynamics(source: Source) -> Iterator[Heat]:
    """How sure the right answer was for each sample of the fixed batch, whenever the model was asked."""
    for number, record in enumerate(records_of(source, "fixed_batch")):
        predicted, labels = record.get("predicted") or [], list(record.get("labels") or ())
        if len(predicted) < 2 or not labels:
            continue
        sure = np.array(record["probability"], dtype=np.float64)
        right = np.array(predicted) == np.array(labels)
        # What is right is above the middle, what is wrong below it: the surer, the farther.
        values = np.where(right, sure, -sure).T
        flips = (np.diff(np.array(predicted), axis=0) != 0).sum(axis=0)
        rows = [f"{at}: label {label}" for at, label in enumerate(labels)]
        restless = [rows[at] for at in np.argsort(-flips, kind="stable")[:3] if flips[at] > 1]
        about = (
            "Rows are samples of one fixed batch, columns the steps at which the model was asked: the probability of "
            "its answer, counted negative where the answer is wrong. Healthy: dark rows turn bright and stay so."
        )
        if restless:
            about += f" Most changes: {'; '.join(restless)}."
        base: Base = {
            "id": f"prediction-dynamics-{number}", "title": "Prediction dynamics of a fixed batch", "about": about,
            "signals": ["fixed_batch", "fixed_batch_flips"],
        }  # fmt: skip
        label = "probability of the answer (wrong ones negative)"
        scale: Scale = {"label": label, "unit": "1", "scale": "linear", "low": -1.0, "high": 1.0}
        yield heat(base, rows, record["steps"], values, scale, family=f"prediction-dynamics-{number}")


def worst(source: Source) -> Iterator[Images]:
    """The samples with the highest losses."""
    for number, record in enumerate(records_of(source, "held_out_predictions")):
        found = record.get("worst")
        if not isinstance(found, Mapping) or not found.get("shown"):
            continue
        losses, labels, told = found.get("losses") or [], found.get("labels"), found.get("predicted")
        sure, classes = found.get("probability"), record.get("task") == "classification"
        items = [
            item(
                found, at, label=text(labels, at), prediction=text(told, at),
                note=f"loss {number_text(losses[at])}" + (f", p = {number_text(sure[at])}" if sure else ""),
                wrong=bool(classes and labels and told and labels[at] != told[at]),
            )
            for at in range(len(losses))
        ]  # fmt: skip
        yield {
            "kind": "images", "id": f"worst-samples-{number}",
            "title": f"Samples with the highest losses ({split(record)})",
            "about": f"Of {record.get('samples')} {split(record)} samples, those that the trained model is worst at, "
            f"as they enter it{decoding(found)}. Look for wrong labels, rare cases and broken inputs.",
            "signals": ["held_out_predictions"], "items": items,
        }  # fmt: skip


def filters(source: Source) -> Iterator[Images]:
    """The weights of the first layer as pictures, before and after."""
    for number, record in enumerate(records_of(source, "first_layer_pictures")):
        for which, when in (("last", f"at step {record.get('step')}"), ("first", "before the first step")):
            shown, reach = record.get(which) or [], record.get(f"reach_{which}") or []
            items: list[Item] = [
                {**item({**record, "kind": "image", "shown": shown}, at), "note": f"reach {number_text(reach[at])}"}
                for at in range(len(shown))
            ]
            if not items:
                continue
            cut = "" if record.get("of_channels") in (1, 3) else f", of {record.get('of_channels')} channels the first"
            yield {
                "kind": "images", "id": f"first-layer-{which}-{number}",
                "title": f"Weights of {record.get('layer')} as pictures, {when}",
                "about": f"{len(items)} of {record.get('filters')} filters{cut}; grey is zero, and black or white the "
                "weight that is farthest from it (its reach). Healthy after training: smooth blobs, edges and colours; "
                "noise says that little was learned, flat grey with reach 0 a dead filter.",
                "signals": ["first_layer_pictures", "first_layer_filters"], "items": items,
            }  # fmt: skip


def means(source: Source) -> Iterator[Images]:
    """The mean of all pictures, and of each class."""
    for number, record in enumerate(records_of(source, "mean_images")):
        classes, samples = list(record.get("classes") or ()), list(record.get("samples") or ())
        items = [
            item({**record, "kind": "image"}, at, label="all" if label is None else f"class {label}",
                 note=f"{samples[at]} samples")
            for at, label in enumerate(classes)
        ]  # fmt: skip
        if items:
            yield {
                "kind": "images", "id": f"mean-images-{number}", "title": "Mean pictures",
                "about": f"The mean of training samples, of all and of each class{decoding(record)}. A mark or frame "
                "that only one class has is something that the model may look at instead of what matters.",
                "signals": ["mean_images"], "items": items,
            }  # fmt: skip


def item(
    record: Mapping[str, Any], at: int, *, label: str = "", prediction: str = "", note: str = "", wrong: bool = False
) -> Item:
    """One of the samples of a record."""
    shown = record["shown"][at]
    pixels: Pixels | None = None
    words = ""
    if record.get("kind") == "image":
        pixels = {"width": record["width"], "height": record["height"], "channels": record["channels"], "data": shown}
    else:
        words = WORDS.get(str(record.get("kind")), "") + " ".join(number_text(value) for value in shown)
    return {"pixels": pixels, "text": words, "label": label, "prediction": prediction, "note": note, "wrong": wrong}


def decoding(record: Mapping[str, Any]) -> str:
    """How pictures were made from the numbers."""
    if record.get("kind", "image") != "image":
        return ""
    name = str(record.get("normalisation"))
    told = f"values {number_text(record.get('low'))} to {number_text(record.get('high'))}"
    if name == "undetermined":
        told += "; shown by the range of their values"
    elif not name.startswith("none"):
        told += f"; normalisation undone: {name}{'' if record.get('certain') else ', a guess'}"
    return f" ({told})"


def split(record: Record) -> str:
    """Which samples these are."""
    return "held-out" if record.get("split") == "val" else "training"


def text(values: Sequence[Any] | None, at: int) -> str:
    """One of some numbers, if there are any."""
    return number_text(values[at]) if values else ""


def number_text(value: Any) -> str:
    """A number with few digits."""
    if value is None:
        return "not finite"
    return str(value) if isinstance(value, int) else f"{value:.4g}"
