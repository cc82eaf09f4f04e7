"""Samples as they enter a net, small enough to be kept: pictures, token ids, or the first of their numbers."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import adaptive_avg_pool2d

from netvet.decode import Pictures, pictures

# A picture is no larger than this; smaller where all that are kept together would take too many bytes.
MAX_SIDE, MIN_SIDE = 64, 6
# Of larger pictures every nth pixel is taken, which keeps their levels: what was done to them is told by levels.
MAX_READ = 72
MAX_IDS, MAX_NUMBERS = 64, 16

Arrays = npt.NDArray[np.uint8]


def shown(inputs: dict[str, torch.Tensor], limit: int) -> dict[str, Any]:
    """What the model is given, by name of the argument, samples first: the one that is a picture, or else the first.

    Args:
        limit: bytes of all pictures together.

    Returns:
        `kind` and one entry of `shown` a sample; of pictures also their size and how they were decoded.
    """
    arrays = {name: read(tensor) for name, tensor in inputs.items()}
    for name, values in arrays.items():
        found = as_pictures(values)
        if found is not None:
            made = thumbnails(found.pixels, limit)
            return {"input": name, "kind": "image", **described(found), **packed(made)}
    name, values = next(iter(arrays.items()))
    kind: Literal["ids", "numbers"] = "ids" if values.dtype.kind in "iub" else "numbers"
    few = values.reshape(len(values), -1)[:, : MAX_IDS if kind == "ids" else MAX_NUMBERS]
    return {"input": name, "kind": kind, "shown": [[_plain(v) for v in row] for row in few.tolist()]}


def read(tensor: torch.Tensor) -> npt.NDArray[Any]:
    """The values as NumPy knows them; large pictures with every nth pixel."""
    tensor = tensor.detach().cpu()
    if tensor.is_complex():
        tensor = tensor.abs()
    values: npt.NDArray[Any] = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    for axis in range(1, values.ndim) if values.ndim > 2 else ():
        every = values.shape[axis] // MAX_READ
        if every > 1:
            values = values.take(range(0, values.shape[axis], every), axis)
    return values


def as_pictures(values: npt.NDArray[Any]) -> Pictures | None:
    """Samples [n, ...] as pictures, if they seem to be some; ids of a sequence are none."""
    if values.ndim == 3 and values.dtype.kind in "iub" and values.dtype != np.uint8:
        return None
    return pictures(values)


def described(found: Pictures) -> dict[str, Any]:
    """How pictures were decoded."""
    return {
        "low": _plain(found.low), "high": _plain(found.high), "layout": found.layout,
        "normalisation": found.normalisation, "certain": found.certain,
    }  # fmt: skip


def thumbnails(pixels: Arrays, limit: int) -> Arrays:
    """Pictures [n, H, W, C] made so small, by means over areas, that all of them take no more than `limit` bytes."""
    count, height, width, channels = pixels.shape
    area = max(MIN_SIDE**2, limit / max(1, count * channels))
    factor = min(1.0, MAX_SIDE / max(height, width), (area / (height * width)) ** 0.5)
    if factor == 1:
        return pixels
    size = max(1, int(height * factor)), max(1, int(width * factor))
    small = adaptive_avg_pool2d(torch.from_numpy(pixels).movedim(-1, 1).float(), size)
    found: Arrays = small.round().byte().movedim(1, -1).contiguous().numpy()
    return found


def packed(pixels: Arrays) -> dict[str, Any]:
    """Pictures [n, H, W, C] as text."""
    _, height, width, channels = pixels.shape
    texts = [b64encode(np.ascontiguousarray(one).tobytes()).decode("ascii") for one in pixels]
    return {"height": height, "width": width, "channels": channels, "shown": texts}


def _plain(value: Any) -> Any:
    """A number for a record: six digits, None where it is not finite."""
    if isinstance(value, (bool, int)):
        return int(value)
    return float(f"{value:.6g}") if np.isfinite(value) else None
