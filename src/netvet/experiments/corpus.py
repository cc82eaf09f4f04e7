"""Images that are known to be learnable: the digits, a folder with one subfolder a class, or a data set by its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data, Roles

DIGITS = "digits"
# Names that everybody knows, on the Hugging Face hub.
KNOWN = {"cifar10": "uoft-cs/cifar10", "cifar100": "uoft-cs/cifar100", "mnist": "ylecun/mnist"}
# A few hundred steps see no more images than this; all are brought to one size.
MAX_IMAGES, SIDE = 4_000, 32
HELD_OUT = 0.2
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
EXTRA = "pip install 'netvet[corpus]'"


@dataclass(frozen=True)
class Corpus:
    """Images and their classes.

    Args:
        images: [N, C, H, W], of 0 to 1, in an order drawn once.
        labels: [N], from 0 on.
        train: so many are for training, the others are held out.
    """

    images: torch.Tensor
    labels: torch.Tensor
    train: int

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.labels.max()) + 1

    @property
    def chance(self) -> float:
        """The share of the commonest class among the held-out images."""
        held = self.labels[self.train :]
        return float(torch.bincount(held).max()) / len(held)

    def batches(self, size: int) -> tuple[Data, Data]:
        """Training and held-out images, as `images` and `classes`."""
        roles = Roles(("images",), ("classes",))
        whole: Batch = {"images": self.images, "classes": self.labels}
        cuts = [slice(i, i + size) for i in range(0, self.train - size + 1, size)] or [slice(0, self.train)]
        batches = tuple({n: t[cut] for n, t in whole.items()} for cut in cuts)
        return Data(batches, roles), Data(({n: t[self.train :] for n, t in whole.items()},), roles)


@lru_cache(maxsize=1)
def corpus(name: str) -> Corpus:
    """The images of this name: `digits`, a folder, or a data set of the Hugging Face hub.

    Raises:
        NetvetError: there is no such thing, it has no images with classes, or a package is missing.
    """
    if name == DIGITS:
        return _digits()
    name = located(name)
    pictures, labels = _of_folder(Path(name)) if Path(name).is_dir() else _of_hub(KNOWN.get(name, name))
    if len(set(labels)) < 2:
        raise NetvetError(f"{name} has images of {len(set(labels))} classes; expected two or more")
    order = np.random.default_rng(0).permutation(len(labels))[:MAX_IMAGES]
    images = np.stack([_array(pictures[i]) for i in order])
    found = torch.tensor([labels[i] for i in order])
    return Corpus(torch.tensor(images).permute(0, 3, 1, 2) / 255.0, found, len(found) - round(HELD_OUT * len(found)))


def located(name: str) -> str:
    """The name as workers elsewhere know it: of a folder the whole path. To be asked before any training.

    Raises:
        NetvetError: there is no such folder, or a package is missing.
    """
    if name == DIGITS:
        return name
    path = Path(name)
    if not path.is_dir() and (path.is_absolute() or name.startswith((".", "~")) or path.exists()):
        raise NetvetError(f"{name!r} is no folder; expected one with a subfolder of images for each class")
    try:
        import PIL  # noqa: F401

        if not path.is_dir():
            import datasets  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise NetvetError(f"images of {name!r} need the package {error.name}: {EXTRA}") from error
    return str(path.absolute()) if path.is_dir() else name


def _digits() -> Corpus:
    """The digits of scikit-learn: 1,437 and 360 images of 8 by 8."""
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    except ImportError as error:
        raise NetvetError("known data needs scikit-learn: pip install 'netvet[recipe]'") from error
    found = load_digits()
    images = torch.tensor(found.images / 16.0, dtype=torch.float32)[:, None]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return Corpus(images[order], torch.tensor(found.target)[order], 1437)


def _of_folder(folder: Path) -> tuple[Sequence[Path], list[int]]:
    classes = sorted(one for one in folder.iterdir() if one.is_dir())
    found = [(file, i) for i, one in enumerate(classes) for file in _drawn(_images_in(one), len(classes))]
    if not found:
        raise NetvetError(f"{folder} has no images in subfolders; expected one subfolder of images for each class")
    return [file for file, _ in found], [label for _, label in found]


def _images_in(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.suffix.lower() in ENDINGS)


def _drawn(files: list[Path], classes: int) -> Iterable[Path]:
    """As many of each class as may be used in all: a large folder is not read to its end."""
    order = np.random.default_rng(0).permutation(len(files))[: MAX_IMAGES // classes + 1]
    return (files[i] for i in order)


def _of_hub(name: str) -> tuple[Any, list[int]]:
    import datasets

    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(name, split="train")
    except Exception as error:  # no network, no such name, a file that cannot be read
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NetvetError(f"the data set {name!r} cannot be loaded: {told}") from error
    image = next((n for n, f in found.features.items() if isinstance(f, datasets.Image)), None)
    label = next((n for n, f in found.features.items() if isinstance(f, datasets.ClassLabel)), None)
    if image is None or label is None:
        raise NetvetError(f"the data set {name!r} has no column of images and one of classes")
    some = found.shuffle(seed=0).select(range(min(MAX_IMAGES, len(found))))
    return some[image], list(some[label])


def _array(picture: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """[SIDE, SIDE, 3], 0 to 255."""
    from PIL import Image

    try:
        opened = Image.open(picture) if isinstance(picture, Path) else picture
        return np.asarray(opened.convert("RGB").resize((SIDE, SIDE)), dtype=np.float32)
    except OSError as error:
        raise NetvetError(f"the image {picture} cannot be read: {error}") from error
