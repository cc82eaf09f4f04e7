"""Data sets of Hugging Face: saved to disk, or by name (`hf:NAME`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Kind, Numbered, Problem, Shard, role_of
from netvet.data.readers import HUB, Wanted
from netvet.data.readers.columns import Plan, chunk_of, plan_of

# Samples of a shard, of a chunk, of a chunk of images, and of the sample that columns are told by.
SHARD, CHUNK, IMAGES, SAMPLE = 50_000, 10_000, 500, 5_000


@dataclass(frozen=True)
class Hub:
    """A `Source` of the rows of a data set of the `datasets` library."""

    name: str
    paths: tuple[tuple[str, str], ...]
    plan: Plan
    image: str | None
    marks: Mapping[str, tuple[int, str]]
    here_only: bool = False

    @property
    def kind(self) -> Kind:
        """Images, texts, or rows of a table."""
        return "image" if self.image is not None else self.plan.kind

    def shards(self) -> list[Shard]:
        """Equal parts of each split."""
        found = []
        for split, (count, mark) in self.marks.items():
            for number, first in enumerate(range(0, count, SHARD)):
                content = f"{mark} {self.plan} {self.image}"
                found.append(Shard(split, number, first, min(SHARD, count - first), content))
        return found

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Some thousand samples at a time."""
        data = loaded(self.paths)[shard.split]
        end, step = shard.first + (shard.count or 0), IMAGES if self.image else CHUNK
        for first in range(shard.first, end, step):
            numbers = range(first, min(first + step, end))
            names = [n for n in self.plan.forms if n in data.column_names]
            table = data.select_columns(names).with_format("arrow")[first : numbers.stop] if names else None
            chunk = chunk_of(_plain(table, len(numbers)), self.plan, Numbered(numbers))
            yield chunk if self.image is None else self._images(data, numbers, chunk)

    def _images(self, data: Any, numbers: range, chunk: Chunk) -> Chunk:
        """The same samples with their pictures as inputs."""
        pictures, kept, problems = [], [], []
        column = data.select_columns([self.image])
        for position, number in enumerate(numbers):
            try:
                pictures.append(np.asarray(column[number][self.image].convert("RGB")))
                kept.append(position)
            except (OSError, ValueError, AttributeError, SyntaxError) as error:
                problems.append(Problem(str(number), "unreadable", f"sample {number}: no image ({error})"))
        targets = None if chunk.targets is None else chunk.targets[kept]
        attributes = {name: values[kept] for name, values in chunk.attributes.items()}
        return Chunk([chunk.keys[i] for i in kept], pictures, targets, attributes, tuple(problems))

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """None before samples are read."""
        return ()


def _plain(table: Any, count: int) -> Any:
    import pyarrow as pa

    return pa.table({"none": pa.nulls(count)}) if table is None else table


def open_source(wanted: Wanted) -> Hub:
    """A data set saved to disk for all splits or one for each; `hf:NAME` or `hf:NAME/CONFIGURATION`.

    Raises:
        NetvetError: the library is missing, or there is no such data set.
    """
    paths = tuple((split, _absolute(path)) for split, path in wanted.paths.items())
    splits = loaded(paths)
    image, classes = _of_features(splits, wanted)
    samples = [_sample(data, image) for data in splits.values()]
    plan = plan_of(samples, wanted, alone=image is None)
    if image is not None:
        plan = replace(plan, inputs={}, text=None)
    if plan.target is not None and plan.target[0] in classes:
        plan = replace(plan, classes=classes[plan.target[0]])
    order = sorted(splits, key=lambda name: role_of(name) != "train")
    marks = {name: (len(splits[name]), str(splits[name]._fingerprint)) for name in order}
    return Hub(", ".join(path for _, path in paths), paths, plan, image, marks)


def _sample(data: Any, image: str | None) -> Any:
    names = [n for n in data.column_names if n != image]
    table = data.select_columns(names).with_format("arrow")[: min(SAMPLE, len(data))] if names else None
    return _plain(None, 0).select([]) if table is None else table


def _of_features(splits: Mapping[str, Any], wanted: Wanted) -> tuple[str | None, dict[str, tuple[str, ...]]]:
    """The column of images, and names of the classes of columns of labels."""
    features = next(iter(splits.values())).features
    images = [n for n, f in features.items() if type(f).__name__ == "Image" and n != wanted.target]
    classes = {n: tuple(f.names) for n, f in features.items() if type(f).__name__ == "ClassLabel" and f.names}
    return (images[0] if images else None), classes


def _absolute(path: Path) -> str:
    return str(path) if str(path).startswith(HUB) else str(path.absolute())


def loaded(paths: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The splits by their names.

    Raises:
        NetvetError: the library is missing, or a data set cannot be loaded.
    """
    try:
        import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise NetvetError(
            "data sets of Hugging Face are read by their library: pip install 'netvet[corpus]'"
        ) from error
    found: dict[str, Any] = {}
    for split, path in paths:
        try:
            made = _named(path.removeprefix(HUB)) if path.startswith(HUB) else datasets.load_from_disk(path)
        except Exception as error:  # the library raises what its many parts raise
            told = " ".join(str(error).split())[:200]
            raise NetvetError(f"{path}: no data set of Hugging Face ({type(error).__name__}: {told})") from error
        parts = made if isinstance(made, Mapping) else {split or "data": made}
        found |= {f"{split}/{name}" if split and len(parts) > 1 else split or name: d for name, d in parts.items()}
    return found


def _named(name: str) -> Any:
    """A data set of the hub, or of the folder of that name where there is one."""
    import datasets

    if Path(name).exists():
        return datasets.load_dataset(name)
    owner, _, rest = name.partition("/")
    path, _, configuration = rest.partition("/")
    return datasets.load_dataset(f"{owner}/{path}" if path else owner, configuration or None)
