"""Many small pictures with captions in one PNG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError

COLUMNS, CELL, CAPTION, GAP = 8, 96, 14, 6
MAX_CAPTION = 15

Pixels = npt.NDArray[np.uint8]


def sheet(pictures: Sequence[Pixels] | Pixels, captions: Sequence[str], path: Path) -> None:
    """Write pictures [H, W, C] of 0..255, enlarged by whole factors, so that pixels stay what they are.

    Raises:
        NetvetError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        raise NetvetError("pictures need Pillow; `pip install 'netvet[data]'`") from error
    rows = max(1, math.ceil(len(pictures) / COLUMNS))
    page = Image.new("RGB", (GAP + COLUMNS * (CELL + GAP), GAP + rows * (CELL + CAPTION + GAP)), "white")
    draw = ImageDraw.Draw(page)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x = GAP + number % COLUMNS * (CELL + GAP)
        y = GAP + number // COLUMNS * (CELL + CAPTION + GAP)
        page.paste(_fitted(Image.fromarray(picture if picture.shape[-1] == 3 else picture[..., 0])), (x, y))
        shown = caption.encode("latin-1", "replace").decode("latin-1")  # what Pillow's own font has
        draw.text((x, y + CELL), shown[:MAX_CAPTION], fill="black")
    page.save(path)


def _fitted(image: Any) -> Any:
    """The picture in a cell: enlarged by a whole factor, or made smaller."""
    factor = CELL // max(image.size)
    if factor >= 1:
        return image.resize((image.width * factor, image.height * factor), 0)
    image.thumbnail((CELL, CELL))
    return image


def curves(values: npt.NDArray[Any]) -> Pixels:
    """Numbers of each sample as a curve. [n, CELL, CELL, 1]."""
    flat = np.nan_to_num(values.reshape(len(values), -1).astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(flat.min()), float(flat.max())
    found = np.full((len(flat), CELL, CELL, 1), 255, dtype=np.uint8)
    places = np.linspace(0, flat.shape[1] - 1, CELL).round().astype(int)
    heights = ((flat[:, places] - low) / max(high - low, 1e-12) * (CELL - 1)).round().astype(int)
    for one, row in zip(found, heights, strict=True):
        for x, (a, b) in enumerate(zip(np.append(row[:1], row[:-1]), row, strict=True)):
            one[CELL - 1 - max(a, b) : CELL - min(a, b), x] = 0
    return found
