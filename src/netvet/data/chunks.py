"""What readers give: samples of a split, a few thousand at a time, as they lie in the data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, overload

import numpy as np
import numpy.typing as npt

# image: [H, W, C] of 0..255; table: named columns; text: strings; tokens: whole numbers; audio: [T, channels] of -1..1;
# tensor: numbers of any shape, as a net is given them.
Kind = Literal["image", "table", "text", "tokens", "audio", "tensor"]
Role = Literal["train", "val", "test", "other"]

_ROLES: dict[str, Role] = {
    "train": "train", "training": "train", "trn": "train", "tr": "train", "fit": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val", "evaluation": "val",
    "test": "test", "testing": "test", "tst": "test", "holdout": "test",
}  # fmt: skip


def role_of(split: str) -> Role:
    """What a split is for, by its name: `train`, `validation`, `images_test`, ..."""
    words = split.lower().replace("-", "_").replace(".", "_").replace("/", "_").split("_")
    return next((_ROLES[word] for word in reversed(words) if word in _ROLES), "other")


# Names of columns of whom a sample is.
_OWNERS = {"patient", "user", "subject", "speaker", "customer", "client", "person", "session", "device", "participant",
           "donor", "animal", "recording"}  # fmt: skip


def is_id(name: str) -> bool:
    """A column holds ids of something, by its name: `patient_id`, `Speaker`, `category_id`."""
    return is_owner(name) or "id" in _words(name)


def is_owner(name: str) -> bool:
    """A column tells of whom or of which occasion a sample is, by its name: `patient`, `userId`, `session-3`."""
    return bool({word.removesuffix("id").removesuffix("s") for word in _words(name)} & _OWNERS)


def _words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.split(r"[-_ .]", apart.lower())


@dataclass(frozen=True, slots=True)
class Numbered(Sequence[str]):
    """Keys of samples that have no other name than their number."""

    numbers: range

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Numbered: ...
    def __getitem__(self, index: int | slice) -> str | Numbered:
        found = self.numbers[index]
        return Numbered(found) if isinstance(found, range) else str(found)


@dataclass(frozen=True, slots=True)
class Problem:
    """A sample, or a file that should hold some, that cannot be used.

    Args:
        key: its path below the root of the data, or its number.
        what: in one or two words (`unreadable`, `empty`, `truncated`, `too large`, `link loop`, ...), the same for the
            same thing.
        message: one line for a person.
    """

    key: str
    what: str
    message: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Successive samples of a split.

    Args:
        keys: a name for each of the n samples, by which a person finds it: its path, its row number.
        inputs: n arrays or strings; for a table, columns by name: float64 [n] with NaN for what is missing, or object
            [n] of strings with None.
        targets: [n] labels (strings or whole numbers) or float64; an object array of anything else; None without.
        attributes: further facts about each sample, [n] each: `file bytes`, `group`, `time`, ... float64 or strings.
        problems: samples that were expected here and cannot be used; they are not among the n.
        ragged: samples of these data differ in shape, if not here then elsewhere.
        prints: uint64 [n], exact hashes of inputs that are given reduced, 0 for whole ones; None where all are whole.
    """

    keys: Sequence[str]
    inputs: Any
    targets: npt.NDArray[Any] | None = None
    attributes: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    ragged: bool = False
    prints: npt.NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def array(self) -> npt.NDArray[Any] | None:
        """Inputs as one array [n, ...], where all have one shape."""
        if self.ragged:
            return None
        if isinstance(self.inputs, np.ndarray) and self.inputs.dtype != object:
            return self.inputs
        if isinstance(self.inputs, Mapping) or not len(self.inputs) or isinstance(self.inputs[0], str):
            return None
        same = len({(np.shape(one), np.asarray(one).dtype) for one in self.inputs}) == 1
        return np.stack([np.asarray(one) for one in self.inputs]) if same else None


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a split that is read in one go, on whatever machine.

    Args:
        split: its name; `number`: 0, 1, ... within the split.
        first: number of its first sample; `count`: samples at most, None where only reading tells.
        content: what it holds, as a word that changes when the data change (paths with sizes and times).
        where: what the reader needs to find it; plain data.
    """

    split: str
    number: int
    first: int
    count: int | None
    content: str
    where: Any = None


class Source(Protocol):
    """Data that can be read shard by shard; pickles, so that shards can be read elsewhere."""

    @property
    def kind(self) -> Kind:
        """What a sample is."""

    @property
    def name(self) -> str:
        """What a report calls the data."""

    @property
    def here_only(self) -> bool:
        """It holds objects of this process (a script's own data set), so that shards cannot be read elsewhere."""

    def shards(self) -> list[Shard]:
        """All parts, split by split, the training data first."""

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """The samples of a part, a few thousand at a time."""

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """What is wrong with the data before any sample is read, with the name of the split (or an empty one)."""
