"""How alike two images are once one is moved and scaled a little: Lucas and Kanade's alignment of thumbnails."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netvet.data.describe.image import THUMBNAIL
from netvet.data.faults.neighbours import Floats, Numbers

# Images are aligned to within a sixth of their side, and scaled by so much about their middle: more shows something
# else. In pixels of a thumbnail; for a scale, at its border.
MOST = 2.5
# Steps of Gauss and Newton: after three of them, from the best of nine places, no more is gained.
STEPS = 3
# Pairs of which the coarse images are less alike, wherever one is moved, are not aligned: their correlation stays low.
HOPELESS = 0.35
# Pairs at a time, whose arrays stay in a processor's cache; damping of the equations; variance of a flat image.
_BATCH, _DAMPING, _FLAT = 200, 1e-3, 1e-6
# Neither the light nor the contrast tells images apart; a gain below this is another image.
_GAIN = 0.3


def unlike(thumbnails: npt.NDArray[np.uint8], first: Numbers, second: Numbers) -> npt.NDArray[np.float64]:
    """Of pairs of thumbnails [n, 16, 16], 1 - their correlation after alignment: 0 for one image moved a little, [p].

    Baker and Matthews, Lucas-Kanade 20 years on, 2004: shift and scale in both directions with gain and offset.
    """
    found = np.ones(len(first))
    for begin in range(0, len(first), _BATCH):
        some = slice(begin, begin + _BATCH)
        left = thumbnails[first[some]].astype(np.float32)
        right = thumbnails[second[some]].astype(np.float32)
        start, moved = _coarse(left, right)
        hopeful = np.flatnonzero(start <= HOPELESS)
        found[some] = start
        if len(hopeful):
            a, b, by = left[hopeful], right[hopeful], moved[hopeful]
            # Each way: one may be a part of the other.
            found[begin + hopeful] = np.minimum(_refined(a, b, by), _refined(b, a, -by))
    return found


def _coarse(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """The best of nine places [p], and the shift [p, 2] in pixels of the thumbnails that gives it."""
    half = THUMBNAIL // 2
    a, b = (one.reshape(len(one), half, 2, half, 2).mean(axis=(2, 4)) for one in (left, right))
    inner = b[:, 1:-1, 1:-1]
    moves = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    each = np.stack([_apart(a[:, 1 + y : half - 1 + y, 1 + x : half - 1 + x], inner) for y, x in moves])
    best = each.argmin(axis=0)
    return each[best, np.arange(len(a))], 2 * np.array(moves, np.float32)[best]


def _refined(left: Floats, right: Floats, moved: Floats) -> Floats:
    """1 - correlation [p] after alignment, from a shift [p, 2] on."""
    by = np.concatenate([moved, np.zeros_like(moved)], axis=1)
    warped, inside = _warped(left, by)
    best = _apart(warped, right, inside)
    for _ in range(STEPS):
        by = np.clip(by + _step(warped, right, inside), -MOST, MOST)
        warped, inside = _warped(left, by)
        best = np.minimum(best, _apart(warped, right, inside))
    return best


def _warped(images: Floats, by: Floats) -> tuple[Floats, Floats]:
    """Images [p, s, s] by bilinear interpolation, and 1 where these are inside of them; shifts and scales [p, 4]."""
    size = images.shape[1]
    pixels, centred = np.arange(size, dtype=np.float32), _centred(size)
    weights, inside = [], []
    for axis in (0, 1):
        places = pixels + by[:, axis, None] + by[:, axis + 2, None] * centred
        inside.append((places > -0.25) & (places < size - 0.75))
        weights.append(np.maximum(1 - np.abs(np.clip(places, 0, size - 1)[:, :, None] - pixels), 0))
    both = inside[0][:, :, None] & inside[1][:, None, :]
    return weights[0] @ images @ weights[1].swapaxes(1, 2), both.astype(np.float32)


def _step(warped: Floats, right: Floats, inside: Floats) -> Floats:
    """Change of shifts and scales [p, 4] that brings the warped images nearest the others, with gain and offset."""
    pairs, size = len(warped), warped.shape[1]
    down, across = np.gradient(warped, axis=(1, 2))
    centred = _centred(size)
    terms = [down, across, down * centred[:, None], across * centred, warped, np.ones_like(warped)]
    slopes = np.stack(terms, axis=1).reshape(pairs, 6, -1)
    counted = slopes * inside.reshape(pairs, 1, -1)
    normal, aim = counted @ slopes.swapaxes(1, 2), counted @ right.reshape(pairs, -1, 1)
    scale = np.sqrt(np.maximum(np.einsum("pii->pi", normal), _FLAT))
    damped = normal / scale[:, :, None] / scale[:, None, :] + _DAMPING * np.eye(6, dtype=np.float32)
    solved = np.linalg.solve(damped, aim / scale[:, :, None])[:, :, 0] / scale
    gain = np.where(np.abs(solved[:, 4:5]) < _GAIN, 1.0, solved[:, 4:5])
    found: Floats = np.clip(solved[:, :4] / gain, -1.5, 1.5).astype(np.float32)
    return found


def _apart(left: Floats, right: Floats, inside: Floats | None = None) -> Floats:
    """1 - correlation of images [p, h, w] where they count, [p]; 1 where one is flat or the inverse of the other."""
    counted = np.ones_like(left) if inside is None else inside
    total = np.maximum(counted.sum(axis=(1, 2)), 1)
    a, b = ((one - ((one * counted).sum(axis=(1, 2)) / total)[:, None, None]) * counted for one in (left, right))
    both = (a * b).sum(axis=(1, 2))
    lengths = np.sqrt(np.square(a).sum(axis=(1, 2)) * np.square(b).sum(axis=(1, 2)))
    found: Floats = 1 - np.clip(both / np.maximum(lengths, _FLAT), 0, 1)
    return found


def _centred(size: int) -> Floats:
    """Places of pixels from -1 at one border to 1 at the other."""
    return np.linspace(-1, 1, size, dtype=np.float32)
