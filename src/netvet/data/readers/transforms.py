"""A data set without its random transforms, as far as they can be found where torchvision and its like keep them."""

from __future__ import annotations

import copy
from typing import Any

# Attributes that hold what is done to a sample.
ATTRIBUTES = ("transform", "transforms", "augment", "augmentation", "augmentations")
# How transforms that draw random numbers are called in torchvision, albumentations, kornia and timm.
RANDOM = (
    "random", "autoaugment", "randaugment", "trivialaugment", "augmix", "colorjitter", "jitter", "gaussiannoise",
    "cutout", "coarsedropout", "erasing", "mixup", "cutmix", "elastic",
)  # fmt: skip
MAX_DEPTH = 5


def plain(dataset: Any, depth: int = 0) -> tuple[Any, list[str]]:
    """A copy of the data set that leaves random transforms out, and what these are called; the given one is as it was.

    Data sets behind subsets and concatenations are copied too; samples themselves are shared.
    """
    if depth > MAX_DEPTH or type(dataset) in (list, tuple):
        return dataset, []
    made, left = copy.copy(dataset), []
    for name in ATTRIBUTES:
        if name in getattr(dataset, "__dict__", {}):
            kept, out = _kept(getattr(dataset, name))
            if out:
                setattr(made, name, kept)
                left += out
    for name in ("dataset", "datasets"):
        inner = getattr(dataset, "__dict__", {}).get(name)
        if inner is None:
            continue
        parts = [plain(one, depth + 1) for one in (inner if name == "datasets" else [inner])]
        if any(out for _, out in parts):
            setattr(made, name, [one for one, _ in parts] if name == "datasets" else parts[0][0])
            left += [out for _, outs in parts for out in outs]
    return (made, left) if left else (dataset, [])


def _kept(transform: Any) -> tuple[Any, list[str]]:
    """What is left of a transform without its random parts (None: nothing), and what these are called."""
    name = type(transform).__name__
    if any(word in name.lower().replace("_", "") for word in RANDOM):
        return None, [name]
    inner = getattr(transform, "transforms", None)
    if isinstance(inner, (list, tuple)):
        parts = [_kept(one) for one in inner]
        made = copy.copy(transform)
        made.transforms = [one for one, _ in parts if one is not None]
        out = [o for _, outs in parts for o in outs]
        return (made, out) if out else (transform, [])
    behind = getattr(transform, "transform", None)
    if behind is not None:  # torchvision's pair of transforms for input and target
        kept, out = _kept(behind)
        if out:
            made = copy.copy(transform)
            made.transform = kept
            return made, out
    return transform, []
