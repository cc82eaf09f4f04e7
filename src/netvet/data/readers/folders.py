"""Folders with one file a sample: a folder for each class, a CSV of labels, or neither; splits as folders above."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from netvet.data.chunks import Chunk, Kind, Problem, Shard, role_of
from netvet.data.readers import Wanted
from netvet.data.readers.decoded import Form, Raw, Unusable, chunks
from netvet.data.readers.labels import Labels, read_labels
from netvet.data.readers.walk import File, Walked, printable, read_bytes, walk

# A shard ends at so many files or bytes: half a minute of photographs.
SHARD, SHARD_BYTES = 2_000, 256 * 2**20


@dataclass(frozen=True, slots=True)
class Item:
    """A file with what is known of it beside its bytes."""

    file: File
    label: Any = None
    facts: tuple[tuple[str, float | str], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What a shard needs to be read: a root and files below it."""

    root: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Listed:
    """All files of a split and what is wrong with others."""

    split: str
    root: str
    items: tuple[Item, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Group:
    """The files of a split before they have labels; they lie below `top`."""

    split: str
    root: str
    top: str
    files: list[File]
    problems: list[Problem]

    def rest(self, file: File) -> str:
        """Path of a file below the folder of the split."""
        return file.key.removeprefix(f"{self.top}/") if self.top else file.key


@dataclass(frozen=True)
class Folders:
    """A `Source` of files below a folder, or below one for each split."""

    name: str
    paths: tuple[tuple[str, Path], ...]
    form: Form
    labels: Path | None = None
    target: str | None = None
    here_only: bool = False

    @property
    def kind(self) -> Kind:
        """What a file holds."""
        return self.form.kind

    def __getstate__(self) -> dict[str, Any]:
        """Without the list of files: each shard has its own."""
        return {name: value for name, value in self.__dict__.items() if name != "listed"}

    @cached_property
    def listed(self) -> tuple[Listed, ...]:
        """The files of each split, the training data first.

        Raises:
            NetvetError: the CSV of labels cannot be used.
        """
        groups = [
            group
            for split, path in self.paths
            for group in _groups(split, walk(path, self.form.endings, self.form.word))
        ]
        if self.labels is None:
            found = _by_folder(groups)
        else:
            keys = [f.key for group in groups for f in group.files]
            found = _by_csv(groups, read_labels(self.labels, keys, self.target))
        return tuple(sorted(found, key=lambda s: role_of(s.split) != "train"))

    def shards(self) -> list[Shard]:
        """Parts of each split, of one even where it has no file that can be read."""
        return [shard for listed in self.listed for shard in _shards(listed)]

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """Decode the files of a part."""
        part: Part = shard.where
        yield from chunks((_raw(part.root, item) for item in part.items), self.form)

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """What can be told without reading a file."""
        return [(listed.split, problem) for listed in self.listed for problem in listed.problems]


def open_folders(wanted: Wanted, form: Form) -> Folders:
    """Files of a form at the paths that the user names."""
    name = ", ".join(printable(str(path)) for path in wanted.paths.values())
    paths = tuple((printable(split), path) for split, path in wanted.paths.items())
    return Folders(name, paths, form, wanted.labels, wanted.target)


def _raw(root: str, item: Item) -> Raw:
    data: bytes | Unusable
    try:
        data = read_bytes(os.path.join(root, item.file.path))
    except OSError as error:
        data = Unusable("unreadable", f"cannot be read ({error.strerror or error})")
    return Raw(item.file.key, data, item.label, dict(item.facts))


def _shards(listed: Listed) -> Iterator[Shard]:
    part: list[Item] = []
    number = first = size = 0
    for item in listed.items:
        if part and (len(part) == SHARD or size + item.file.size > SHARD_BYTES):
            yield _shard(listed, number, first, part)
            number, first, size, part = number + 1, first + len(part), 0, []
        part.append(item)
        size += item.file.size
    if part or not number:
        yield _shard(listed, number, first, part)


def _shard(listed: Listed, number: int, first: int, part: list[Item]) -> Shard:
    content = hashlib.sha256(listed.root.encode(errors="surrogateescape"))
    for item in part:
        content.update(repr((item.file.path, item.file.size, item.file.changed, item.label, item.facts)).encode())
    return Shard(listed.split, number, first, len(part), content.hexdigest(), Part(listed.root, tuple(part)))


def _first(path: str) -> str:
    """The first folder of a path, empty for a file without one."""
    folder, slash, _ = path.partition("/")
    return folder if slash else ""


def _common(paths: Sequence[str]) -> str:
    """Folders that hold all of the rest, as the start of every path: `images/`."""
    start = ""
    while True:
        tops = {_first(path.removeprefix(start)) for path in paths}
        if len(tops) != 1 or "" in tops or role_of(next(iter(tops))) != "other":
            return start
        start += f"{tops.pop()}/"


def _groups(split: str, walked: Walked) -> list[_Group]:
    """The splits of a folder, by the names of the folders in it; one that the user has named is whole."""
    start = "" if split else _common([f.key for f in walked.files])
    tops = sorted({_first(f.key.removeprefix(start)) for f in walked.files})
    roles = {role_of(top) for top in tops}
    parted = bool(tops) and ("other" not in roles or ("train" in roles and bool({"val", "test"} & roles)))
    if split or not parted:
        return [_Group(split or "data", walked.root, "", walked.files, walked.problems)]
    tops.sort(key=lambda top: role_of(top) != "train")
    found = []
    for top in tops:
        files = [f for f in walked.files if _first(f.key.removeprefix(start)) == top]
        others = tuple(f"{start}{t}/" for t in tops if t != top)
        own = [
            p for p in walked.problems
            if p.key.startswith(f"{start}{top}/") or (top == tops[0] and not p.key.startswith(others))
        ]  # fmt: skip
        found.append(_Group(top or "data", walked.root, f"{start}{top}".rstrip("/"), files, own))
    return found


def _by_folder(groups: Sequence[_Group]) -> list[Listed]:
    """Labels by the first folder below that of the split, where there are several; files beside such have none."""
    start = _common([group.rest(f) for group in groups for f in group.files])
    labels = [[_first(group.rest(f).removeprefix(start)) for f in group.files] for group in groups]
    labelled = len({label for of in labels for label in of} - {""}) > 1
    found = []
    for group, own in zip(groups, labels, strict=True):
        pairs = list(zip(group.files, own, strict=True))
        items = tuple(Item(f, label if labelled else None) for f, label in pairs if label or not labelled)
        loose = [
            Problem(f.key, "no class", "it lies beside the folders of the classes: not read")
            for f, label in pairs if labelled and not label
        ]  # fmt: skip
        found.append(Listed(group.split, group.root, items, (*group.problems, *loose)))
    return found


def _by_csv(groups: Sequence[_Group], told: Labels) -> list[Listed]:
    """Labels, splits and further facts from the CSV; files and rows without the other are told."""
    items: dict[str, list[Item]] = {group.split: [] for group in groups}
    problems: dict[str, list[Problem]] = {group.split: list(group.problems) for group in groups}
    roots = {group.split: group.root for group in groups}
    listed, several = set(), len(groups) == 1 and told.split is not None
    for group in groups:
        for file in group.files:
            name = told.of(file.key)
            label, facts = told.rows[name] if name is not None else (None, {})
            split = str(facts.get(told.split or "") or group.split) if several else group.split
            listed.add(name)
            if label is None:
                why = "its row has no label" if name is not None else f"{told.file.name} has no row for it"
                problems[group.split].append(Problem(file.key, "no label", why))
                continue
            roots.setdefault(split, group.root)
            items.setdefault(split, []).append(Item(file, label, tuple(facts.items())))
    first = groups[0].split
    known = {p.key for of in problems.values() for p in of}
    problems[first] += [
        Problem(printable(name), "missing file", f"{told.file.name} names it, and it is not there")
        for name in told.rows if name not in listed and name not in known
    ]  # fmt: skip
    if several and not items[first]:  # all files are in splits of the CSV
        moved = next((split for split in items if items[split]), first)
        problems[moved], items = problems.pop(first), {s: of for s, of in items.items() if of} or items
    return [Listed(s, roots[s], tuple(of), tuple(problems.get(s, ()))) for s, of in items.items()]
