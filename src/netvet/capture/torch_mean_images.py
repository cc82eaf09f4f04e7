"""The mean of the pictures that the model was trained with, of all and of each class. Records `mean_images`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from netvet.capture.torch_events import Session
from netvet.capture.torch_reservoir import Kept, Reservoir
from netvet.capture.torch_shown import Arrays, as_pictures, described, packed, read, thumbnails
from netvet.capture.torch_tensors import CLASS_LOSSES

# A mean of so many pictures is off by 4 % of what they differ by.
MAX_READ, MIN_READ = 512, 16
MAX_CLASSES, MIN_OF_CLASS = 10, 3
MAX_BYTES = 16_384


class MeanImageCollector:
    """Records `mean_images`."""

    part = "mean pictures"

    def __init__(self, session: Session) -> None:
        self._session = session

    def on_finish(self, _ended: str) -> None:
        reservoir: Reservoir = self._session.options["reservoir"]
        record = mean_images(reservoir.train)
        if record is not None:
            self._session.recorder.facts("mean_images", [record])
        else:
            self._session.recorder.missing("mean_images", reservoir.train.reason or "no pictures enter the model")


def mean_images(kept: Kept) -> dict[str, Any] | None:
    """Means of some samples of a selection; None where they are no pictures."""
    if kept.count < MIN_READ or kept.targets is None:
        return None
    rows = torch.from_numpy(np.random.default_rng(0).permutation(kept.count)[:MAX_READ])
    for name, tensor in kept.inputs.items():
        found = as_pictures(read(tensor[rows]))
        if found is not None:
            groups = _groups(kept, kept.targets[rows])
            means = np.stack([found.pixels[chosen].mean(axis=0) for _, chosen in groups])
            small: Arrays = thumbnails(means.round().astype(np.uint8), MAX_BYTES)
            return {
                "input": name, "split": "train", **described(found), **packed(small),
                "classes": [label for label, _ in groups], "samples": [len(chosen) for _, chosen in groups],
            }  # fmt: skip
    return None


def _groups(kept: Kept, targets: torch.Tensor) -> list[tuple[int | None, npt.NDArray[np.int64]]]:
    """Rows of all samples, and of the most common classes."""
    groups: list[tuple[int | None, npt.NDArray[np.int64]]] = [(None, np.arange(len(targets)))]
    binary = kept.function.startswith("binary_cross_entropy") and targets.numel() == len(targets)
    if binary or (kept.function in CLASS_LOSSES and targets.dim() == 1 and not targets.is_floating_point()):
        labels = targets.reshape(-1).round().long().numpy()
        found, counts = np.unique(labels, return_counts=True)
        common = [int(found[i]) for i in np.argsort(-counts, kind="stable") if counts[i] >= MIN_OF_CLASS]
        groups += [(label, np.flatnonzero(labels == label)) for label in sorted(common[:MAX_CLASSES])]
    return groups
