"""Held-out images that are those of the training data upside down, mirrored, transposed, or with channels swapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.faults import NotAssessable
from netvet.data.index import Audited, Split

Planes = npt.NDArray[np.float64]

FEWEST = 50
MAX_SAMPLES = 5_000
# A small grid of grey values has at least this many cells on a side.
MIN_SIDE = 4
_CHANGES: Mapping[str, Callable[[Planes], Planes]] = {
    "upside down": lambda p: p[:, ::-1], "mirrored": lambda p: p[:, :, ::-1], "transposed": lambda p: p.swapaxes(1, 2),
    "turned by a half": lambda p: p[:, ::-1, ::-1],
}  # fmt: skip


def split_layout(data: Audited) -> list[Record]:
    """Records of the signal `split_layout`: one for each held-out split that fits better after a change."""
    train = data.train
    held_out = [s for s in data.held_out if len(s) >= FEWEST]
    if train is None or len(train) < 2 * FEWEST or not held_out:
        raise NotAssessable(f"it takes {2 * FEWEST} training samples and {FEWEST} that are held out")
    if _grid(data, train) is None and _colours(train) is None:
        raise NotAssessable("of these samples no rows, columns or channels of an image are kept")
    found = []
    for split in held_out:
        grids = [_grid(data, s) for s in (train, split)]
        if grids[0] is not None and grids[1] is not None:
            found += _changed(train, split, grids[0], grids[1], _CHANGES)
        colours = [_colours(s) for s in (train, split)]
        if colours[0] is not None and colours[1] is not None:
            found += _changed(train, split, colours[0], colours[1], {"channels swapped": lambda p: p[:, :, ::-1]})
    return found


def _grid(data: Audited, split: Split) -> Planes | None:
    """Grey values [n, side, side] of images; of flat samples that are the square of a small side."""
    names, features = split.rows.names, split.rows.features
    if names:
        cells = [i for i, name in enumerate(names) if name.startswith("grey ")]
    else:
        cells = list(range(features.shape[1])) if data.kind == "tensor" else []
    side = int(np.sqrt(len(cells)))
    if side < MIN_SIDE or side * side != len(cells):
        return None
    return _finite(features[:MAX_SAMPLES, cells].reshape(-1, side, side))


def _colours(split: Split) -> Planes | None:
    """Statistics of red, green and blue [n, statistics, 3] of images that are not all grey."""
    rows = split.rows
    known = {name: values[:MAX_SAMPLES] for name, values in rows.attributes.items()}  # of tensors
    known |= {name: rows.features[:MAX_SAMPLES, i] for i, name in enumerate(rows.names)}
    words = sorted({name.removesuffix(" red") for name in known if name.endswith(" red")})
    columns = [known.get(f"{word} {colour}") for word in words for colour in ("red", "green", "blue")]
    kept = [column for column in columns if column is not None]
    if not words or len(kept) < len(columns):
        return None
    found = _finite(np.stack(kept, axis=1).reshape(-1, len(words), 3))
    return found if float(np.abs(found[:, :, 0] - found[:, :, 2]).max(initial=0)) > 1e-3 else None


def _finite(planes: npt.NDArray[np.floating[Any]]) -> Planes:
    return np.nan_to_num(planes.astype(np.float64))


def _changed(
    train: Split, split: Split, ours: Planes, theirs: Planes, changes: Mapping[str, Callable[[Planes], Planes]]
) -> list[Record]:
    """The change after which the held-out mean is nearest to that of training, where it is nearer than as it is."""
    if ours.shape[1:] != theirs.shape[1:]:
        return []
    usual = _distance(ours, theirs)
    best = min(changes, key=lambda name: _distance(ours, changes[name](theirs)))
    return [
        {"train": train.name, "split": split.name, "change": best, "distance": usual, "samples": len(theirs),
         "changed": _distance(ours, changes[best](theirs)), "chance": _chance(ours, len(theirs))}
    ]  # fmt: skip


def _distance(ours: Planes, theirs: Planes) -> float:
    """Root mean square over cells between the means of two sets of planes, in units of the spread of a cell."""
    spread = ours.std(axis=0)
    used = spread > 0.05 * float(spread.max(initial=0))  # cells that hardly vary tell of noise
    apart = (ours.mean(axis=0) - theirs.mean(axis=0))[used] / spread[used]
    return float(np.sqrt(np.mean(apart**2))) if used.any() else 0.0


def _chance(ours: Planes, count: int) -> float:
    """The largest distance of 20 random parts of the training data, of that size, from the rest."""
    random = np.random.default_rng(0)
    size = min(count, len(ours) // 2)
    found = []
    for _ in range(20):
        order = random.permutation(len(ours))
        found.append(_distance(ours[order[size:]], ours[order[:size]]))
    return max(found)
