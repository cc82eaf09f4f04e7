"""How alike two images are once one is moved and scaled a little: Lucas and Kanade's alignment of thumbnails."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netvet.data.faults.neighbours import Floats, Numbers

# Images are aligned to within a sixth of their side, and scaled by so much about their middle: more shows something
# else. In pixels of a thumbnail; for a scale, at its border.
MOST = 2.5
# Steps of Gauss and Newton: after three of them, from the best of nine places, no more is gained.
STEPS = 3
# Pairs of which the coarse images are less alike than this, wherever one is moved, are not aligned.
HOPELESS = 0.35
# Pairs at a time, whose arrays stay in a processor's cache; damping of the equations; variance of a flat image.
_BATCH, _DAMPING, _FLAT = 200, 1e-3, 1e-6
# Pixels at each border that do not count.
_RIM = 1
# Neither the light nor the contrast tells images apart; a gain below this is another image.
_GAIN = 0.3


def unlike(thumbnails: npt.NDArray[np.uint8], first: Numbers, second: Numbers) -> Floats:
    """Of pairs of thumbnails [n, 16, 16], 1 - their correlation after alignment: 0 for one image moved a little, [p].

    Baker and Matthews, Lucas-Kanade 20 years on, 2004: shift and scale in both directions with gain and offset.
    """
    found: Floats = np.ones(len(first), np.float32)
    coarse = _halved(thumbnails)
    for begin in range(0, len(first), _BATCH):
        some = slice(begin, begin + _BATCH)
        apart, moved = _placed(coarse[first[some]], coarse[second[some]])
        hopeful = np.flatnonzero(apart <= HOPELESS)
        if len(hopeful):
            left, right = (thumbnails[side[begin + hopeful]].astype(np.float32) for side in (first, second))
            # Each way: one may be a part of the other.
            either = _refined(left, right, moved[hopeful]), _refined(right, left, -moved[hopeful])
            apart[hopeful] = np.minimum(either[0], either[1])
        found[some] = apart
    return found


def _halved(thumbnails: npt.NDArray[np.uint8]) -> Floats:
    """Means of four pixels each [n, 8, 8]."""
    rows = thumbnails[:, ::2].astype(np.uint16) + thumbnails[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) / 4, dtype=np.float32)


def _placed(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """1 - correlation of coarse images [p, 8, 8] at the best of nine places, and that shift in fine pixels [p, 2]."""
    size, inner = left.shape[1], right[:, 1:-1, 1:-1]
    moves = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    each = np.stack([_apart(left[:, 1 + y : size - 1 + y, 1 + x : size - 1 + x], inner) for y, x in moves])
    best = each.argmin(axis=0)
    return each[best, np.arange(len(left))], 2 * np.array(moves, np.float32)[best]


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
        # Interpolation ends at the outermost pixels, on both images.
        within = (places > _RIM - 0.25) & (places < size - 0.75 - _RIM)
        inside.append(within & (pixels >= _RIM) & (pixels < size - _RIM))
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
    a, b = left.reshape(len(left), -1), right.reshape(len(left), -1)
    if inside is None:
        a, b = (one - one.mean(axis=1, keepdims=True) for one in (a, b))
    else:
        counted = inside.reshape(len(left), -1)
        total = np.maximum(counted.sum(axis=1, keepdims=True), 1)
        a, b = ((one - np.einsum("pi,pi->p", one, counted)[:, None] / total) * counted for one in (a, b))
    both, lengths = np.einsum("pi,pi->p", a, b), np.einsum("pi,pi->p", a, a) * np.einsum("pi,pi->p", b, b)
    found: Floats = 1 - np.clip(both / np.sqrt(np.maximum(lengths, _FLAT)), 0, 1)
    return found


def _centred(size: int) -> Floats:
    """Places of pixels from -1 at one border to 1 at the other."""
    return np.linspace(-1, 1, size, dtype=np.float32)
