"""Samples of a data set read several times: what changes at random, and whether the target moves with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_tensors import is_plain, tensors_in
from netvet.experiments.given import rewound
from netvet.experiments.problem import seed_all

# Samples that are read, how often, and the seconds after which what was read must do.
SAMPLES, TIMES, SECONDS = 64, 3, 2.0
LEAST = 8
# Values that differ by less than this share of their size differ by rounding.
ROUNDING = 1e-5
# A picture read again is a mirror image of the first if it correlates with that, and not with the first as it was.
MIRRORED, MARGIN = 0.95, 0.1
MIRRORS: Mapping[str, tuple[int, ...]] = {"flipped": (-1,), "upside down": (-2,), "turned by 180 degrees": (-2, -1)}

Reading = dict[str, Any]


def read_again(loader: Any) -> Reading:
    """Read some samples of a loader several times; its generators and the global ones are left as they were.

    Returns:
        `samples`; `changed`: how many of these had other inputs in a later reading; `relabelled`: other targets;
        `inputs`: how many tensors of a sample hold more than one value; `mirrored`: readings that are mirror images
        of the first; `left`: of these, how many have a target of the same height and width that was not mirrored,
        by the kind of mirror. Or `reason`, why they could not be read.
    """
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return {"reason": "it is not read from a data set with numbered samples by a DataLoader"}
    if loader.batch_sampler is None:
        return {"reason": "its DataLoader gives what the data set makes, without putting batches together"}
    try:
        with forked_rng(), rewound(loader):
            return _compared(_readings(loader))
    except Exception as error:  # whatever a data set does when it is read once more
        return {"reason": f"reading it again raised {type(error).__name__}: {error}"}


def _readings(loader: DataLoader[Any]) -> list[list[torch.Tensor]]:
    """The tensors of the same samples, put together by the loader's own function, once for each time."""
    total = len(loader.dataset)  # type: ignore[arg-type]
    rows = torch.randperm(total, generator=torch.Generator().manual_seed(0))[:SAMPLES].tolist()
    began, found = perf_counter(), []
    for time in range(TIMES):
        seed_all(time)
        items = []
        for row in rows:
            items.append(loader.dataset[row])
            if not time and perf_counter() - began > SECONDS / TIMES and len(items) >= LEAST:
                break
        rows = rows[: len(items)]
        batch = tensors_in([loader.collate_fn(items)])
        found.append([t.detach().cpu() for t in batch if is_plain(t) and t.dim() and len(t) == len(rows)])
    return found


def _compared(readings: Sequence[Sequence[torch.Tensor]]) -> Reading:
    first, *later = readings
    if not first or any([t.shape for t in one] != [t.shape for t in first] for one in later):
        return {"reason": "its samples have another form each time they are read"}
    count = len(first[0])
    own = [i for i, t in enumerate(first) if t.numel() > count]
    # The first tensor with more than one value is what a sample is; a single number each is its target.
    changed, relabelled = torch.zeros(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
    for one in later:
        for number, (a, b) in enumerate(zip(first, one, strict=True)):
            differs = _differ(a, b)
            changed, relabelled = (
                (changed | differs, relabelled) if number in own[:1] else (changed, relabelled | differs)
            )
    return {
        "samples": count, "changed": int(changed.sum()), "relabelled": int(relabelled.sum()), "inputs": len(own),
        **_mirrors(first, later, own),
    }  # fmt: skip


def _differ(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Which samples have other values. [samples]."""
    x, y = (t.reshape(len(t), -1).double() for t in (a, b))
    return ((x - y).abs() > ROUNDING * x.abs().max().clamp(min=1e-12)).any(1) | (x.isnan() ^ y.isnan()).any(1)


def _mirrors(first: Sequence[torch.Tensor], later: Sequence[Sequence[torch.Tensor]], own: list[int]) -> Reading:
    """How many pictures came as mirror images, and how many of their masks did not follow."""
    mirrored, left = dict.fromkeys(MIRRORS, 0), dict.fromkeys(MIRRORS, 0)
    picture = first[own[0]] if own else None
    masks = [i for i, t in enumerate(first) if i not in own[:1] and picture is not None and _is_mask(t, picture)]
    if picture is None or picture.dim() not in (3, 4) or not masks:
        return {"mirrored": mirrored, "left": left, "masks": len(masks)}
    for one in later:
        for name, axes in MIRRORS.items():
            found = _mirrored(picture, one[own[0]], lambda t, axes=axes: t.flip(axes))  # type: ignore[misc]
            mask, again = first[masks[0]], one[masks[0]]
            # A mask that is its own mirror image says nothing.
            found &= _differ(mask, mask.flip(axes))
            mirrored[name] += int(found.sum())
            left[name] += int((found & ~_differ(mask, again)).sum())
    return {"mirrored": mirrored, "left": left, "masks": len(masks)}


def _is_mask(tensor: torch.Tensor, picture: torch.Tensor) -> bool:
    return tensor.dim() >= 3 and picture.dim() >= 3 and tensor.shape[-2:] == picture.shape[-2:]


def _mirrored(a: torch.Tensor, b: torch.Tensor, mirror: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Which pictures of the second reading are the mirror images of the first. [samples]."""
    turned, plain = _correlated(mirror(a), b), _correlated(a, b)
    return (turned > MIRRORED) & (plain < turned - MARGIN)


def _correlated(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    x, y = (t.reshape(len(t), -1).double() for t in (a, b))
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    found: torch.Tensor = (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1)).clamp(min=1e-12)
    return found
