"""From the arrays that enter a net back to what a person can look at: pictures and text.

What was done to them is not recorded anywhere, so it is guessed, and said how sure that is. Pictures come from 8-bit
numbers: with the right constants undone, (almost) all values are again whole multiples of 1/255, with wrong ones not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Constants = tuple[Sequence[float], Sequence[float]]
Layout = Literal["CHW", "HWC", "HW", "flat"]

# Mean and std by channel, in the order R, G, B: torchvision's for ImageNet; OpenAI's for CLIP; those in general use for
# the others. Of Caffe's models (Simonyan and Zisserman 2014) the means are of 0..255 and in the order B, G, R.
CONSTANTS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "none, 0 to 1": ((0.0,), (1.0,)),
    "none, 0 to 255": ((0.0,), (1 / 255,)),
    "mean 0.5, std 0.5": ((0.5,), (0.5,)),
    "MNIST (0.1307, 0.3081)": ((0.1307,), (0.3081,)),
    "Fashion-MNIST (0.2860, 0.3530)": ((0.2860,), (0.3530,)),
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "CIFAR-10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "CIFAR-10 (0.2023, 0.1994, 0.2010)": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "CIFAR-100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    "CLIP": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "Caffe (104, 117, 124 of 255)": ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3),
}
# Share of the values that are to be multiples of 1/255; float32 leaves errors of about 1e-5 of a level.
ON_GRID, NEAR = 0.98, 0.02
# Of picture values by chance 4 % are so near; a few hundred of them decide.
MAX_VALUES = 20_000
# Neighbours of a picture differ by less than this share of what any two of its pixels do.
SMOOTH = 0.8
MIN_SIDE = 6


@dataclass(frozen=True)
class Pictures:
    """Pictures [n, H, W, C] of 0..255, and what was guessed.

    Args:
        normalisation: name in `CONSTANTS`, or `undetermined`: then shown by the range of the values.
        certain: the values fit the constants exactly, and no others.
        colours: `RGB`, `BGR`, `grey`, or `undetermined`.
        low, high: of the values as they enter the net.
    """

    pixels: npt.NDArray[np.uint8]
    layout: Layout
    normalisation: str
    certain: bool
    colours: str
    low: float
    high: float


def pictures(values: npt.NDArray[Any]) -> Pictures | None:
    """Samples [n, ...] as pictures; None where they seem to be none."""
    if values.dtype.kind not in "fiub" or values.ndim < 2 or not values.size or values.size == len(values):
        return None
    found = _laid_out(values)
    if found is None:
        return None
    shaped, layout = found
    finite = np.where(np.isfinite(shaped), shaped, 0.0)
    name, inverse, certain, order = _undone(finite)
    colours = "grey" if shaped.shape[-1] == 1 else order
    shown = inverse[..., ::-1] if colours == "BGR" and shaped.shape[-1] == 3 else inverse
    pixels = np.clip(np.round(shown * 255), 0, 255).astype(np.uint8)
    return Pictures(pixels, layout, name, certain, colours, float(finite.min()), float(finite.max()))


def _laid_out(values: npt.NDArray[Any]) -> tuple[Floats, Layout] | None:
    """The samples as [n, H, W, C]."""
    shape = values.shape[1:]
    wide = values.astype(np.float64)
    if len(shape) == 3:
        if shape[0] in (1, 3, 4) and min(shape[1:]) >= MIN_SIDE:
            return np.moveaxis(wide, 1, -1)[..., :3], "CHW"
        if shape[2] in (1, 3, 4) and min(shape[:2]) >= MIN_SIDE:
            return wide[..., :3], "HWC"
        return None
    side = round(float(np.prod(shape)) ** 0.5)
    if len(shape) == 2 and min(shape) >= MIN_SIDE and _smooth(wide):
        return wide[..., None], "HW"
    if len(shape) == 1 and side >= MIN_SIDE and side * side == shape[0]:
        square = wide.reshape(len(wide), side, side)
        return (square[..., None], "flat") if _smooth(square) else None
    return None


def _smooth(grey: Floats) -> bool:
    """Neighbours in both directions are more alike than any two pixels, which in tables and sequences they are not."""
    every = np.nan_to_num(grey[:256])
    any_two = np.abs(every - np.random.default_rng(0).permuted(every.reshape(len(every), -1), axis=1)
                     .reshape(every.shape)).mean()  # fmt: skip
    neighbours = [np.abs(np.diff(every, axis=axis)).mean() for axis in (1, 2)]
    return bool(any_two > 0 and max(neighbours) < SMOOTH * any_two)


def _undone(shaped: Floats) -> tuple[str, Floats, bool, str]:
    """The best inverse: its name, the pictures of 0..1, whether it is certain, and the order of the channels."""
    pixels = shaped.reshape(-1, shaped.shape[-1])
    few = pixels[:: max(1, pixels.size // MAX_VALUES)]
    fits: list[tuple[float, str, Constants, str]] = []
    for name, (mean, std) in CONSTANTS.items():
        orders = [("undetermined", mean, std)]
        if len(mean) == 3:
            if shaped.shape[-1] != 3:
                continue
            orders = [("RGB", mean, std), ("BGR", mean[::-1], std[::-1])]
        fits += [(_fit(_inverse(few, m, s)), name, (m, s), order) for order, m, s in orders]
    fits.sort(key=lambda fit: -fit[0])
    good = [fit for fit in fits if fit[0] >= ON_GRID]
    if good:
        best = good[0]
        clear = len({fit[1] for fit in good}) == 1 or best[1].startswith("none")
        return best[1], _inverse(shaped, *best[2]), clear, best[3]
    low, high = shaped.min(), shaped.max()
    if low >= 0 and high <= 1:
        return "none, 0 to 1", shaped, False, "undetermined"
    return "undetermined", (shaped - low) / max(high - low, 1e-12), False, "undetermined"


def _inverse(shaped: Floats, mean: Sequence[float], std: Sequence[float]) -> Floats:
    made: Floats = shaped * np.asarray(std) + np.asarray(mean)
    return made


def _fit(pictured: Floats) -> float:
    """Share of values that are whole levels of 0..255; 0 where others are out of that range, or all are one level."""
    some = pictured * 255
    inside = (some >= -NEAR) & (some <= 255 + NEAR)
    if not inside.all() or some.max() - some.min() < 2:
        return 0.0
    return float((np.abs(some - np.round(some)) < NEAR).mean())


def text(ids: npt.NDArray[np.integer[Any]], words: Mapping[int, str]) -> str:
    """One sequence of ids as text: characters are joined, words and pieces have a space between them."""
    parts = [words.get(int(i), f"<{int(i)}>") for i in ids.reshape(-1)]
    plain = [p for p in parts if not p.startswith("<")]
    return ("" if plain and max(map(len, plain)) <= 1 else " ").join(parts)


def vocabulary(thing: Any, ids: npt.NDArray[np.integer[Any]]) -> dict[int, str] | None:
    """What a mapping or list says about ids, if it knows (almost) all of them; None if it is no vocabulary."""
    if isinstance(thing, Mapping):
        pairs = list(thing.items())
        if pairs and all(isinstance(k, str) and type(v) is int for k, v in pairs):
            pairs = [(v, k) for k, v in pairs]
        if not pairs or not all(type(k) is int and isinstance(v, str) for k, v in pairs):
            return None
        found = dict(pairs)
    elif isinstance(thing, (list, tuple)) and thing and all(isinstance(one, str) for one in thing):
        found = dict(enumerate(thing))
    else:
        return None
    unique = np.unique(ids)
    known = float(np.mean([int(i) in found for i in unique])) if len(unique) else 0.0
    return found if known >= 0.95 and len(found) <= 100 * max(len(unique), 100) else None
