"""Which logs there are in files and folders, told by their contents; of each run everything once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np

from netvet.capture.logs import csv_file, json_file, mlflow, packed, tensorboard, text, trainer_state, wandb
from netvet.capture.logs.lines import encoding_of, in_memory, opened
from netvet.capture.logs.table import Rows, Table, UnreadableLog
from netvet.capture.logs.yaml_settings import settings_of

# What of a folder is looked at.
MAX_FILES = 20_000
MAX_DEPTH = 12
# Numbers that two logs must share to be of one run.
FEWEST_SHARED = 5
# Of the standard input.
MAX_PIPED = 200_000_000
# Folders that hold no logs of a run, or copies of others.
_PASSED = {".git", "node_modules", "__pycache__", ".venv", "venv", "site-packages", ".trash", "artifacts"}
# Settings beside a log, by the name of the file; the nearest counts.
_SETTINGS = ("hparams.yaml", "config.yaml", "args.yaml", "params.yaml", "hparams.yml", "config.yml")
# In folders only these are taken for logs by their name; a single file is looked into, whatever its name.
_TEXTS = {".log", ".out", ".txt", ".stdout", ".err"}
_TABLES = {".csv", ".tsv"}
_SIDES = {"train", "training", "validation", "valid", "val", "eval", "test"}
_PICKLE = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_BINARY = {packed.GZIP: "gzip", packed.ZIP: "ZIP", b"\x89HDF": "HDF5", b"BZh": "bzip2", b"\xfd7zX": "xz",
           b"%PDF": "PDF", b"\x7fELF": "program", b"\x89PNG": "picture"}  # fmt: skip


@dataclass
class Found:
    """What was read, and a sentence for each thing that could not be."""

    tables: list[Table] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def take(self, path: Path | str, make: Callable[[], Table | list[Table]]) -> None:
        """Keep what a reader gives; its failure costs no other log."""
        try:
            made = make()
            self.tables += made if isinstance(made, list) else [made]
        except UnreadableLog as error:
            self.failures.append(f"{path}: {error}")
        except OSError as error:
            self.failures.append(f"{path}: cannot be read: {error.strerror or error}")
        except (ValueError, RecursionError, OverflowError, MemoryError) as error:
            self.failures.append(f"{path}: damaged: {type(error).__name__}: {str(error)[:100]}")


def read(paths: Iterable[str], stdin: BinaryIO | None = None) -> Found:
    """Read logs.

    Args:
        paths: files and folders; `-` is the standard input.
    """
    found = Found()
    for given in paths:
        path = Path(given)
        if given == "-" and stdin is not None:
            data = stdin.read(MAX_PIPED)
            found.take("standard input", partial(_piped, data))
        elif path.is_dir():
            _read_folder(path, found)
        elif path.is_file():
            (_read_zip if _starts(path, packed.ZIP) else _try_one)(path, found)
        else:
            what = "no file that can be read" if path.exists() else "there is no such file or folder"
            found.failures.append(f"{given}: {what}")
    found.tables = _without_copies(found.tables)
    return found


def _starts(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(magic)) == magic
    except OSError:
        return False


def _try_one(path: Path, found: Found) -> None:
    found.take(path, partial(_read_file, path))


def _read_zip(path: Path, found: Found) -> None:
    """The folder in a ZIP file; what is said of it names the file."""
    inside = Found()

    def read() -> list[Table]:
        with packed.unzipped(path) as folder:
            _read_folder(folder, inside)
            inside.failures = [one.replace(str(folder), str(path)) for one in inside.failures]
            return [replace(one, path=one.path.replace(str(folder), str(path))) for one in inside.tables]

    found.take(path, read)
    found.failures += inside.failures


def _read_gzip(path: Path) -> list[Table]:
    with packed.gunzipped(path) as (file, problem):
        tables = _read_file(file, name_of(path.with_suffix("")))
    said = (problem,) if problem else ()
    return [_with_settings(replace(one, path=str(path), problems=one.problems + said), path.parent) for one in tables]


def _without_copies(tables: list[Table]) -> list[Table]:
    """Of one run that several loggers have told, the first: a column of the same name has the same numbers."""
    kept: list[Table] = []
    for table in tables:
        if not any(other.form != table.form and _is_copy(table, other) for other in kept):
            kept.append(table)
    return kept


def _is_copy(table: Table, other: Table) -> bool:
    for name in table.columns.keys() & other.columns.keys():
        one, two = table.columns[name].values, other.columns[name].values
        told = len(one) == len(two) >= FEWEST_SHARED and len(np.unique(one)) > len(one) / 2
        # Printed numbers have four digits or so; a clock is the same in every run.
        steady = told and bool((one[1:] > one[:-1]).all())
        if told and not steady and np.allclose(one, two, rtol=2e-3, atol=0, equal_nan=True):
            return True
    return False


def _piped(data: bytes) -> list[Table]:
    if not data.strip():
        raise UnreadableLog("empty")
    _require_text(data[:4096])
    return _of_text(lambda: in_memory(data), data[:4096], "stdin", "-")


def _read_file(path: Path, named: str = "") -> list[Table]:
    """One file, by its first bytes; its name decides where these do not.

    Args:
        named: the name of the run, where the file lies elsewhere than it did.
    """
    with path.open("rb") as stream:
        head = stream.read(4096)
    if not head:
        raise UnreadableLog("empty")
    if head.startswith(packed.GZIP) and not named:
        return _read_gzip(path)
    name = named or name_of(path)
    if tensorboard.is_events(path) and (0 in head or path.suffix.lower() not in _TABLES | _TEXTS):
        return [tensorboard.read([("", path)], name, str(path))]
    if head.startswith(wandb.MAGIC):
        return [wandb.read(path, name)]
    if head.startswith(b"SQLite format 3\0"):
        return mlflow.read_database(path)
    _require_text(head)
    if path.name == trainer_state.FILE:
        return [_with_settings(json_file.read(path, name), path.parent)]
    return [_with_settings(one, path.parent) for one in _of_file(path, head, name)]


def _of_file(path: Path, head: bytes, name: str) -> list[Table]:
    first = head.decode(encoding_of(head), "replace").lstrip("\ufeff \r\n\t")[:1]
    if path.suffix.lower() == ".json" or (first == "[" and path.suffix.lower() not in _TEXTS):
        return [json_file.read(path, name)]
    return _of_text(lambda: opened(path), head, name, str(path))


def _of_text(reopen: Callable[[], TextIO], head: bytes, name: str, path: str) -> list[Table]:
    """JSON lines, a table, or printed text: what the first line looks like is tried first, text last."""
    first = next((line for line in head.decode(encoding_of(head), "replace").splitlines() if line.strip()), "")
    readers: list[Callable[[TextIO], list[Table]]] = []
    if first.lstrip("\ufeff ").startswith("{"):
        readers.append(lambda stream: [json_file.read_lines(stream, name, path)])
    elif _is_head(first):
        readers.append(lambda stream: csv_file.read(stream, name, path))
    readers.append(lambda stream: [text.read(stream, name, path)])
    reason: UnreadableLog | None = None
    for attempt in readers:
        try:
            with reopen() as stream:
                return attempt(stream)
        except UnreadableLog as error:
            reason = reason or error
    raise reason or UnreadableLog("not a log of a form that is known")


def _is_head(line: str) -> bool:
    """Names with one delimiter between them, and no number that has a name."""
    cells = line.split(csv_file.delimiter_of(line))
    return len(cells) > 1 and not any(mark in line for mark in ("=", ": ", "'")) and not line.startswith("|")


def _require_text(head: bytes) -> None:
    kind = next((kind for start, kind in _BINARY.items() if head.startswith(start)), None)
    if head.startswith(_PICKLE):
        raise UnreadableLog("a pickle, which is never loaded (it may run anything); write the numbers as JSON or CSV")
    if kind is not None:
        raise UnreadableLog(f"a {kind} file, not a log; unpack it, or give the log itself")
    if encoding_of(head) == "utf-8" and head.count(0) > 0:
        raise UnreadableLog("a binary file of no form that is known")


def name_of(path: Path) -> str:
    """What a run is called whose log is a file: as the file, or its folder where all files of the kind are alike."""
    alike = {"trainer_state", "metrics", "progress", "results", "history", "log", "train", "output", "stdout"}
    stem, parent = path.stem, path.absolute().parent
    if tensorboard.is_events(path):
        return parent.name
    if stem.lower() not in alike:
        return stem
    checkpoint = parent.name.startswith(("checkpoint-", "version_"))
    return f"{parent.parent.name}/{parent.name}" if checkpoint and parent.parent.name else parent.name or stem


def _read_folder(folder: Path, found: Found) -> None:
    """Every log in a folder, those of one run together."""
    before = len(found.tables), len(found.failures)
    events: dict[Path, list[tuple[str, Path]]] = {}
    states: dict[Path, list[Path]] = {}
    others: list[Path] = []
    store = False
    for file in _walk(folder):
        if tensorboard.is_events(file):
            events.setdefault(file.parent, []).append(("", file))
        elif file.name == trainer_state.FILE:
            states.setdefault(trainer_state.home_of(file), []).append(file)
        elif file.name == "meta.yaml" and mlflow.is_run_folder(file.parent):
            store = True
            found.take(file.parent, partial(mlflow.read_folder, file.parent))
        elif _is_named_as_log(file):
            others.append(file)
    for home, files in sorted(states.items()):
        newest = trainer_state.newest(files)
        found.take(newest, partial(_state, newest, home))
    logged = set(states) | {file.parent for file in others if file.name == "metrics.csv"}
    for home, group in sorted(_joined(events).items()):
        # The same run twice: what the Trainer, or Lightning's CSV, has already told.
        if not any(home == other or other in home.parents for other in logged):
            found.take(home, partial(_events, home, group))
    for file in others:
        if not (store and "mlruns" in file.parts) and not _is_beside(file, states, events):
            _try(file, found)
    if (len(found.tables), len(found.failures)) == before:
        found.failures.append(
            f"{folder}: no log in it; expected TensorBoard events, trainer_state.json, metrics.csv, *.wandb, mlruns/, "
            "*.csv, *.jsonl, *.log"
        )


def _try(file: Path, found: Found) -> None:
    """A file of a folder that may be a log; texts that are none are passed over."""
    kept = len(found.failures)
    found.take(file, partial(_read_file, file))
    if len(found.failures) > kept and _suffix(file) in _TEXTS | {".json"} and "NaN" not in found.failures[-1]:
        found.failures.pop()


def _suffix(file: Path) -> str:
    """Of what is packed the suffix inside."""
    suffix = file.suffix.lower()
    return Path(file.stem).suffix.lower() if suffix == ".gz" else suffix


def _is_named_as_log(file: Path) -> bool:
    suffix, name = _suffix(file), file.name.lower()
    if suffix in (".wandb", ".jsonl", ".ndjson") or suffix in _TABLES:
        return not name.startswith(("requirements", "wandb-"))
    if suffix in (".db", ".sqlite", ".sqlite3"):
        return "mlflow" in name or "mlruns" in name
    if suffix == ".json":
        return "history" in name or "log" in name
    return suffix in _TEXTS and any(word in name for word in ("train", "log", "out", "run", "console", "std"))


def _is_beside(file: Path, states: Iterable[Path], events: Iterable[Path]) -> bool:
    """A text that was printed beside a real log tells the same run once more."""
    wandb_own = "wandb" in file.parts and file.suffix.lower() in _TEXTS
    home = file.parent in states or file.parent in events
    return wandb_own or (home and file.suffix.lower() in _TEXTS)


def _walk(folder: Path) -> Iterator[Path]:
    count = 0
    for root, folders, files in os.walk(folder):
        depth = len(Path(root).relative_to(folder).parts)
        folders[:] = sorted(f for f in folders if f not in _PASSED) if depth < MAX_DEPTH else []
        for name in sorted(files):
            count += 1
            if count > MAX_FILES:
                return
            yield Path(root) / name


def _joined(events: dict[Path, list[tuple[str, Path]]]) -> dict[Path, list[tuple[str, Path]]]:
    """Folders `train` and `validation` side by side are one run, and so are the folders of `add_scalars`."""
    found: dict[Path, list[tuple[str, Path]]] = {}
    for folder, files in events.items():
        parent = folder.parent
        apart = folder.name.lower() in _SIDES and any(
            other != folder and other.parent == parent and other.name.lower() in _SIDES for other in events
        )
        below = parent in events and any(folder.name.startswith(one) for one in ("loss", "acc"))
        if apart or below:
            found.setdefault(parent, []).extend((f"{folder.name}/", file) for _, file in files)
        else:
            found.setdefault(folder, []).extend(files)
    return found


def _events(home: Path, group: list[tuple[str, Path]]) -> Table:
    return _renamed(tensorboard.read(sorted(group, key=lambda one: one[1].name), home.name, str(home)), home)


def _state(file: Path, home: Path) -> Table:
    return _renamed(json_file.read(file, home.name), home)


def _renamed(table: Table, home: Path) -> Table:
    """With the name of its folder, and of the one above where all are called `version_0`."""
    name = home.absolute().name
    if name.startswith("version_") or name in ("runs", "logs", "tensorboard", "tb"):
        name = f"{home.absolute().parent.name}/{name}"
    named = Table(name, str(home), table.form, table.columns, table.settings, table.problems, table.count)
    return _with_settings(named, home)


def _with_settings(table: Table, folder: Path) -> Table:
    """With what is set in a file beside the log; what the log itself says counts."""
    for name in _SETTINGS:
        if (folder / name).is_file():
            rows = Rows()
            rows.set(settings_of(folder / name))
            settings = {**rows.settings, **table.settings}
            return Table(table.name, table.path, table.form, table.columns, settings, table.problems, table.count)
    return table
