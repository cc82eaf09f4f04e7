"""Pictures whose axes are mixed up on their way into a net: channels last, or reshaped where they were to be moved.

Two mistakes that raise no error: `[H, W, C]` given to a convolution that takes H for its channels, and
`view(n, C, H, W)` of what is `[H, W, C]`, which cuts the pixels into three pictures of stripes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.net_inputs import Shown

Pixels = npt.NDArray[np.float64]
# The least side of a picture, the most samples that are looked at, and channels of colours.
LEAST_SIDE, MOST, COLOURS = 8, 64, (3, 4)
# Neighbours differ by less than this share of what any two pixels do; photographs: 0.1 to 0.5.
SMOOTH = 0.7
# So much nearer are neighbours once the axes are put right. Photographs as they should be: 1.2 to 2 the other way.
BETTER = 0.75


def mixed_axes(shown: Sequence[Shown], channels: Collection[int]) -> list[Record]:
    """Records for the signal `split_layout`: one for each split whose pictures enter with mixed axes.

    Args:
        shown: samples as they entered the model.
        channels: that the two-dimensional convolutions of the model take.
    """
    found: list[Record] = []
    for one in shown:
        values = np.asarray(one.values[:MOST])
        if values.ndim != 4 or values.dtype.kind not in "fiu" or not channels:
            continue
        pictures = np.nan_to_num(values.astype(np.float64))
        for axes, (usual, right) in (("last", _last(pictures, channels)), ("reshaped", _reshaped(pictures))):
            if right < SMOOTH and right < BETTER * usual:
                found.append({"split": one.split, "axes": axes, "shape": list(values.shape[1:]), "samples": len(values),
                              "rough": usual if np.isfinite(usual) else None, "smooth": right})  # fmt: skip
    return found


def _last(pictures: Pixels, channels: Collection[int]) -> tuple[float, float]:
    """Roughness [n, H, W, C] as the convolutions take it, where none takes C channels and one takes H, and as it is.

    Only square ones with channels of colours: rows of features may be as smooth, and a side of 3 pixels as narrow.
    """
    _, height, width, count = pictures.shape
    if count not in COLOURS or height != width or height < LEAST_SIDE or count in channels or height not in channels:
        return np.inf, np.inf
    return np.inf, max(_roughness(pictures, 1), _roughness(pictures, 2))


def _reshaped(pictures: Pixels) -> tuple[float, float]:
    """Roughness of [n, C, H, W] as it is, and read as [n, H, W, C]."""
    n, count, height, width = pictures.shape
    if count not in COLOURS or min(height, width) < LEAST_SIDE:
        return np.inf, np.inf
    right = pictures.reshape(n, height, width, count)
    return (_roughness(pictures, 2) + _roughness(pictures, 3)) / 2, (_roughness(right, 1) + _roughness(right, 2)) / 2


def _roughness(pictures: Pixels, axis: int) -> float:
    """Mean difference of neighbours along an axis, in units of that of any two values of a picture; 1 for noise."""
    flat = pictures.reshape(len(pictures), -1)
    any_two: Any = np.abs(flat - np.random.default_rng(0).permuted(flat, axis=1)).mean()
    return float(np.abs(np.diff(pictures, axis=axis)).mean() / any_two) if any_two > 0 else 1.0


def convolved(model: Any) -> frozenset[int]:
    """Channels that the two-dimensional convolutions of a model take; none without a model."""
    from torch import nn

    return frozenset(m.in_channels for m in model.modules() if isinstance(m, nn.Conv2d)) if model else frozenset()
