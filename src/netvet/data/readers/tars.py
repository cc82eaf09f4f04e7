"""Tar shards as WebDataset writes them, compressed or not: members with one stem are a sample.

Nothing is ever unpacked to a disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from itertools import groupby, islice
from pathlib import PurePosixPath
from typing import Any

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Kind, Problem, Shard, role_of
from netvet.data.readers import Wanted, audio, images
from netvet.data.readers.arrays import TARGETS
from netvet.data.readers.decoded import Decoded, Form, Raw, Unusable, chunks
from netvet.data.readers.walk import MAX_BYTES, File, ending, odd_name, open_plain, printable, walk

ENDINGS = (".tar", ".tar.gz", ".tgz")
# What a compressed file begins with.
_GZIP = b"\x1f\x8b"
# Members that tell what the shards hold; larger tars than this do not occur (1 TiB).
_LOOKED_AT, _LARGEST = 300, 2**40
# Endings of members with a label.
_LABELS = ("cls", "class", "label", "json")
_BROKEN = (OSError, tarfile.TarError, ValueError, EOFError, zlib.error)
_WHOLE, MAX_LABEL = re.compile("-?[0-9]{1,18}"), 200


def decode_text(data: bytes) -> Decoded:
    """A text in UTF-8.

    Raises:
        Unusable: it is none.
    """
    try:
        return Decoded(data.decode())
    except UnicodeDecodeError as error:
        raise Unusable("damaged", f"no UTF-8: {error.reason} at byte {error.start:,}") from None


TEXT = Form("text", frozenset((".txt",)), "text", decode_text)
FORMS = {"image": images.FORM, "audio": audio.FORM, "text": TEXT}


@dataclass(frozen=True)
class Tars:
    """A `Source` of tars, one a shard."""

    name: str
    tars: tuple[tuple[str, str, File], ...]
    told: tuple[tuple[str, Problem], ...]
    kind: Kind
    here_only: bool = False

    def shards(self) -> list[Shard]:
        """One for each tar, the training data first."""
        found = []
        numbers: Counter[str] = Counter()
        for split, root, file in self.tars:
            content = hashlib.sha256(repr((root, file.path, file.size, file.changed)).encode()).hexdigest()
            found.append(Shard(split, numbers[split], 0, None, content, (root, file)))
            numbers[split] += 1
        return found

    def read(self, shard: Shard) -> Iterator[Chunk]:
        """The samples of a tar, in their order."""
        root, file = shard.where
        yield from chunks(_samples(os.path.join(root, file.path), file.key, FORMS[self.kind]), FORMS[self.kind])

    def problems(self) -> Sequence[tuple[str, Problem]]:
        """What can be told without reading a tar."""
        return self.told


def open_source(wanted: Wanted) -> Tars:
    """Tars, or folders of tars; splits by the names of the tars where the user names none.

    Raises:
        NetvetError: no tar holds samples of a known form.
    """
    tars: list[tuple[str, str, File]] = []
    problems: list[tuple[str, Problem]] = []
    for split, path in wanted.paths.items():
        folder = path if path.is_dir() else path.parent
        walked = walk(folder, frozenset(ENDINGS), "tar", _LARGEST)
        files = [f for f in walked.files if path.is_dir() or f.path == path.name]
        tars += [(printable(split) or _split(f.key), walked.root, f) for f in files]
        problems += [(split, p) for p in walked.problems if path.is_dir() or p.key == printable(path.name)]
    name = ", ".join(printable(str(path)) for path in wanted.paths.values())
    if not tars:
        why = "; ".join(f"{p.key}: {p.message}" for _, p in problems[:3]) or "no tar in it"
        raise NetvetError(f"{name}: no tar that can be read ({why})")
    tars.sort(key=lambda t: (role_of(t[0]) != "train", t[0], t[2].path))
    told = tuple((printable(split) or tars[0][0], problem) for split, problem in problems)
    kind = next((k for _, root, f in tars if (k := _kind(os.path.join(root, f.path))) is not None), None)
    if kind is None:
        raise NetvetError(
            f"{name}: no member is an image, audio or text; expected jpg, png, wav, flac, txt, ... and cls"
        )
    return Tars(name, tuple(tars), told, kind)


def _split(key: str) -> str:
    """`train` of `shards-train-0001.tar`."""
    role = role_of(key.removesuffix(ending(key)))
    return "data" if role == "other" else role


def _kind(path: str) -> Kind | None:
    endings = set()
    with suppress(*_BROKEN), _opened(path) as tar:
        for member in islice(tar, _LOOKED_AT):
            endings.add(PurePosixPath(member.name).suffix.lower())
    return next((form.kind for form in FORMS.values() if endings & form.endings), None)


@contextmanager
def _opened(path: str) -> Iterator[tarfile.TarFile]:
    with BufferedReader(open_plain(path)) as file:
        packed = file.peek(2)[:2] == _GZIP
        with tarfile.open(fileobj=file, mode="r:gz" if packed else "r:", errorlevel=0) as tar:
            yield tar


@dataclass(frozen=True, slots=True)
class _Member:
    """A member that may count: its stem, ending, name, and bytes or why there are none."""

    stem: str
    ending: str
    name: str
    data: bytes | Unusable


def _samples(path: str, key: str, form: Form) -> Iterator[Raw]:
    """The samples of a tar, and as samples without bytes what is wrong with it."""
    for stem, group in groupby(_members(path, form), key=lambda m: m.stem):
        yield from _sample(f"{key}/{printable(stem)}", key, list(group), form)


def _members(path: str, form: Form) -> Iterator[_Member]:
    """The members that may count; at the end of a tar that ends too early, one without a name."""
    try:
        with _opened(path) as tar:
            yield from _listed(tar, form)
    except _BROKEN as error:
        text = " ".join(str(error).split())[:120]
        short = any(word in text for word in ("unexpected end", "truncated", "end-of-stream"))
        why = Unusable("truncated" if short else "damaged", f"cannot be read to its end ({text})")
        yield _Member("", "", "", why)


def _listed(tar: tarfile.TarFile, form: Form) -> Iterator[_Member]:
    for member in tar:
        tar.members = []  # type: ignore[attr-defined]  # tarfile keeps all that it has seen
        if member.isdir():
            continue
        folder, _, name = member.name.rpartition("/")
        stem, _, ending = name.partition(".")
        stem = f"{folder}/{stem}" if folder else stem
        if not member.isfile():
            yield _Member(stem, "", member.name, Unusable("not a file", "a link or device in a tar: not followed"))
        elif ending.lower() in _LABELS or f".{ending.lower().rpartition('.')[2]}" in form.endings:
            yield _Member(stem, ending.lower(), member.name, _bytes(tar, member))
        if odd_name(member.name) or ".." in folder.split("/") or member.name.startswith("/"):
            yield _Member(
                stem, "", member.name, Unusable("odd name", "a name that leads out of the tar, or is no text")
            )


def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | Unusable:
    if member.size > MAX_BYTES:
        return Unusable("too large", f"{member.size:,} bytes by its header; up to {MAX_BYTES:,} are read")
    file, data = tar.extractfile(member), b""
    with suppress(tarfile.ReadError):  # it ends too early
        data = file.read() if file is not None else b""
    return data if len(data) == member.size else Unusable("truncated", f"{member.size - len(data):,} bytes are missing")


def _sample(key: str, tar: str, members: Sequence[_Member], form: Form) -> Iterator[Raw]:
    told = [m for m in members if not m.ending]
    yield from (Raw(f"{tar}/{printable(m.name)}" if m.name else tar, m.data) for m in told)
    inputs = [m for m in members if f".{m.ending.rpartition('.')[2]}" in form.endings]
    if inputs:
        first = min(inputs, key=lambda m: m.ending.count("."))
        yield Raw(f"{tar}/{printable(first.name)}", first.data, _label(members))
    elif len(told) < len(members):
        yield Raw(key, Unusable(f"no {form.word}", "a label without a sample"))


def _label(members: Sequence[_Member]) -> Any:
    """What `.cls` or `.json` says; an empty string where it cannot be told."""
    for member in sorted((m for m in members if m.ending in _LABELS), key=lambda m: _LABELS.index(m.ending)):
        if isinstance(member.data, Unusable):
            continue
        text = member.data.decode(errors="replace").strip()
        if member.ending != "json":
            return int(text) if _WHOLE.fullmatch(text) else printable(text[:MAX_LABEL])
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        label = next((found[name] for name in TARGETS if name in found), None) if isinstance(found, dict) else found
        if isinstance(label, str | int | float):
            return label
    return None
