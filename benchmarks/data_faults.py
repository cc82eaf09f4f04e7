"""Faults that benchmarks/data.py plants into clean data, with the samples that have them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from benchmarks.data_sets import Array, Data, photographs

Generator = np.random.Generator


@dataclass(frozen=True)
class Planted:
    """Data with a fault.

    Args:
        faulty: samples that have it; `also`: those that a right answer may name too (the originals of copies).
    """

    data: Data
    faulty: npt.NDArray[np.int64]
    also: npt.NDArray[np.int64]


def plant(kind: str, data: Data, rate: float, seed: int = 0) -> Planted | None:
    """Plant a fault into so large a share of the samples; None where the data cannot have it."""
    generator = np.random.default_rng([seed, int(rate * 10_000)])
    return PLANTERS[kind](data, max(round(rate * len(data)), 1), generator)


def _copies(
    data: Data, count: int, generator: Generator, *, change: bool = False, across: bool = False, relabel: bool = False
) -> Planted | None:
    """Overwrite samples with copies of others, changed a little or not, in the same split or the other."""
    if relabel and data.form == "table" and not data.classes:
        return None
    train, test = np.flatnonzero(~data.test), np.flatnonzero(data.test)
    count = min(count, len(train) // 2, len(test) if across else len(train))
    originals = generator.choice(train, count, replace=False)
    copies = generator.choice(test if across else np.setdiff1d(train, originals), count, replace=False)
    inputs, targets = data.inputs.copy(), data.targets.copy()
    inputs[copies] = data.inputs[originals]
    targets[copies] = targets[originals]
    if change:
        inputs[copies] = _changed(data, data.inputs[originals], generator)
    if relabel:
        targets[copies] = _other_labels(targets, copies, generator)
    return Planted(replace(data, inputs=inputs, targets=targets), copies, originals)


def _other_labels(targets: Array, which: Array, generator: Generator) -> Array:
    classes = len(np.unique(targets))
    return (targets[which] + generator.integers(1, classes, len(which))) % classes


def _changed(data: Data, inputs: Array, generator: Generator) -> Array:
    if data.form == "image":
        edits = list(EDITS.values())
        return np.stack([edits[i % len(edits)](one, generator) for i, one in enumerate(inputs)])
    if data.form == "table":
        # A digit less: a thousandth of the spread of each column.
        return inputs + 1e-3 * data.inputs.std(axis=0) * generator.normal(size=inputs.shape)
    return np.array([_edited(text, generator) for text in inputs], dtype=object)


def _edited(text: str, generator: Generator) -> str:
    """One word in 40 replaced, one left out."""
    words = text.split()
    for place in generator.choice(len(words), max(len(words) // 40, 1), replace=False):
        words[place] = words[int(generator.integers(len(words)))]
    del words[int(generator.integers(len(words)))]
    return " ".join(words)


def _jpeg(image: Array, _: Generator) -> Array:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image.squeeze()).save(stream, "JPEG", quality=70)
    return np.asarray(Image.open(stream)).reshape(image.shape)


def _shifted(image: Array, _: Generator) -> Array:
    return np.pad(image, ((1, 0), (1, 0), (0, 0)), mode="edge")[:-1, :-1]


def _cropped(image: Array, _: Generator) -> Array:
    from PIL import Image

    height, width = image.shape[:2]
    box = (1, 1, width - 1, height - 1)
    return np.asarray(Image.fromarray(image.squeeze()).crop(box).resize((width, height))).reshape(image.shape)


def _lighter(image: Array, _: Generator) -> Array:
    return np.clip(image * 1.12 + 4, 0, 255).astype(np.uint8)


def _noisy(image: Array, generator: Generator) -> Array:
    return np.clip(image + generator.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


EDITS: Mapping[str, Callable[[Array, Generator], Array]] = {
    "recompressed": _jpeg, "shifted": _shifted, "cropped": _cropped, "lighter": _lighter, "noisy": _noisy,
}  # fmt: skip


def _outliers(data: Data, count: int, generator: Generator) -> Planted:
    """Images of another kind, wrong units in a table, texts of random letters."""
    which, inputs = generator.choice(len(data), count, replace=False), data.inputs.copy()
    if data.form == "image":
        inputs[which] = _strange(data, which, generator)
    elif data.form == "table":
        column = generator.integers(0, inputs.shape[1], count)
        inputs[which, column] = (inputs[which, column] + inputs.std(axis=0)[column]) * 1000
    else:
        letters = np.array(list("qxzjkvwpyg0123456789"))
        inputs[which] = ["".join(generator.choice(letters, len(inputs[i]))) for i in which]
    return Planted(data.with_inputs(inputs), which, which[:0])


def _strange(data: Data, which: Array, generator: Generator) -> Array:
    """Inverted, noise, and cuttings of photographs or (among these) stripes."""
    found, (height, width, channels) = [], data.inputs.shape[1:]
    photos = photographs()
    for number, sample in enumerate(which):
        if number % 3 == 0:
            found.append(255 - data.inputs[sample])
        elif number % 3 == 1:
            found.append(generator.integers(0, 256, (height, width, channels), dtype=np.uint8))
        elif channels == 1:
            photo = photos[int(generator.integers(len(photos)))]
            y, x = (int(generator.integers(photo.shape[a] - data.inputs.shape[1 + a])) for a in (0, 1))
            found.append(photo[y : y + height, x : x + width, :1])
        else:
            stripes = (np.arange(width) // int(generator.integers(1, 4)) % 2 * 255).astype(np.uint8)
            found.append(np.broadcast_to(stripes[None, :, None], (height, width, channels)))
    return np.stack(found)


def _flipped(data: Data, count: int, generator: Generator) -> Planted | None:
    """Labels replaced by another class."""
    if not data.classes:
        return None
    which, targets = generator.choice(len(data), count, replace=False), data.targets.copy()
    targets[which] = _other_labels(targets, which, generator)
    return Planted(replace(data, targets=targets), which, which[:0])


def _not_finite(data: Data, count: int, generator: Generator) -> Planted | None:
    """NaN in one column of a table each."""
    if data.form != "table":
        return None
    which, inputs = generator.choice(len(data), count, replace=False), data.inputs.copy()
    inputs[which, generator.integers(0, inputs.shape[1], count)] = np.nan
    return Planted(data.with_inputs(inputs), which, which[:0])


PLANTERS: Mapping[str, Callable[[Data, int, Generator], Planted | None]] = {
    "exact duplicates": _copies,
    "split overlap": partial(_copies, across=True),
    "conflicting labels": partial(_copies, relabel=True),
    "missing values": _not_finite,
    "near duplicates": partial(_copies, change=True),
    "near split overlap": partial(_copies, change=True, across=True),
    "outliers": _outliers,
    "label errors": _flipped,
}
