"""Labels that people give blind to a random sample of the data: which samples, and the file that keeps the answers."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from netvet.core import NetvetError
from netvet.data.index import Audited, Split

VERSION = 1
# 96 right answers of 100 tell the accuracy to about 4 % (Wilson), in a few minutes.
SAMPLES = 100
# Share that is shown a second time, to see how often a person agrees with themselves.
REPEATED = 0.2
_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE plan (
    position INTEGER PRIMARY KEY, split TEXT NOT NULL, sample INTEGER NOT NULL, key TEXT NOT NULL, label TEXT NOT NULL,
    first INTEGER REFERENCES plan (position)
) STRICT;
CREATE TABLE answers (
    annotator TEXT NOT NULL, position INTEGER NOT NULL REFERENCES plan (position), label TEXT, seconds REAL NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (annotator, position)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question.

    Args:
        position: 0, 1, ... in the order in which all annotators are asked.
        sample: number within the split; `key`: by which a person finds it.
        label: its class in the data.
        first: position of the same sample where this is its second time.
    """

    position: int
    split: str
    sample: int
    key: str
    label: str
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said.

    Args:
        label: a class; None where the sample was skipped.
        seconds: from the sight of the sample to the answer.
    """

    annotator: str
    position: int
    label: str | None
    seconds: float


def planned(data: Audited, samples: int = SAMPLES, seed: int = 0) -> list[Asked]:
    """A random sample of the held-out data, each class with its share, some of it asked twice.

    The second time comes when at least a sixth of all have been asked between.

    Args:
        samples: different ones, at most.

    Raises:
        NetvetError: the data have no classes.
    """
    split = _split(data)
    random = np.random.default_rng(seed)
    assert split.labels is not None
    chosen = stratified(split.labels, samples, random)
    early, late = chosen[: len(chosen) // 3], chosen[len(chosen) // 2 :]
    again = early[: round(REPEATED * len(chosen))]
    second = random.permutation(np.array([*late, *again], dtype=np.int64)).tolist()
    seen: dict[int, int] = {}
    found = []
    for position, sample in enumerate([*chosen[: len(chosen) // 2], *second]):
        label = data.classes[int(split.labels[sample])]
        found.append(Asked(position, split.name, sample, split.key(sample), label, seen.get(sample)))
        seen.setdefault(sample, position)
    return found


def stratified(
    labels: np.ndarray[tuple[int], np.dtype[np.int64]], count: int, random: np.random.Generator
) -> list[int]:
    """Numbers of samples in random order, of each class as many as is its share (largest remainders)."""
    groups = [np.flatnonzero(labels == c) for c in np.unique(labels[labels >= 0])]
    sizes = np.array([len(g) for g in groups])
    count = min(count, int(sizes.sum()))
    exact = count * sizes / sizes.sum()
    taken = np.floor(exact).astype(int)
    taken[np.argsort(taken - exact, kind="stable")[: count - taken.sum()]] += 1
    drawn = [random.choice(g, n, replace=False) for g, n in zip(groups, taken, strict=True)]
    return [int(i) for i in random.permutation(np.concatenate(drawn))]


def _split(data: Audited) -> Split:
    """What a model is judged on, or else what there is."""
    for split in (*data.held_out, *data.splits.values()):
        if split.labels is not None and np.any(split.labels >= 0) and len(data.classes) > 1:
            return split
    raise NetvetError(
        f"{data.name}: people are asked for classes, and these data have none; give --target, --labels or "
        "--task classification where they have"
    )


def file_of(data: Audited, folder: Path) -> Path:
    """Where answers about these data are kept: another file as soon as samples or classes differ."""
    split = _split(data)
    digest = hashlib.sha256(json.dumps([split.name, list(data.classes)]).encode())
    digest.update(split.rows.prints.tobytes())
    return folder / f"{digest.hexdigest()[:16]}.annotations.db"


class Store:
    """The file of answers: each is on the disk when `answer` returns; threads and processes may share it.

    Args:
        file: it is made when missing.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        with self._open() as connection:
            found = connection.execute("SELECT value FROM about WHERE name = 'version'").fetchone()
        if found is None or int(found[0]) != VERSION:
            raise NetvetError(f"{file}: annotations of another version of netvet (expected {VERSION}); move it away")

    @classmethod
    def create(cls, file: Path, name: str, classes: Sequence[str], plan: Sequence[Asked]) -> Store:
        """The file at its place: made with a plan where there is none, else with the plan that it has.

        Raises:
            NetvetError: it cannot be written or read.
        """
        if not file.exists():
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                part = file.with_suffix(".part")
                part.unlink(missing_ok=True)
                _fill(part, name, classes, plan)
                part.replace(file)
            except (OSError, sqlite3.Error) as error:
                raise NetvetError(f"{file}: cannot be written ({error}); give a --store that can be") from error
        return cls(file)

    @property
    def name(self) -> str:
        """What the data are called."""
        return self._about("name")

    @property
    def classes(self) -> tuple[str, ...]:
        """All that may be answered."""
        return tuple(json.loads(self._about("classes")))

    def plan(self) -> list[Asked]:
        """All questions in their order."""
        with self._open() as connection:
            rows = connection.execute("SELECT position, split, sample, key, label, first FROM plan ORDER BY position")
            return [Asked(*row) for row in rows]

    def answers(self, annotator: str | None = None) -> list[Answer]:
        """What was said, by one or by all, in the order of the questions."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT annotator, position, label, seconds FROM answers ORDER BY position, annotator"
            )
            return [Answer(*row) for row in rows if annotator in (None, row[0])]

    def answer(self, given: Answer) -> None:
        """Keep an answer; one to the same question is replaced."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        row = (given.annotator, given.position, given.label, given.seconds, now)
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)

    def undo(self, annotator: str) -> None:
        """Forget the last answer of somebody."""
        with self._open() as connection:
            last = "SELECT max(position) FROM answers WHERE annotator = ?"
            connection.execute(
                f"DELETE FROM answers WHERE annotator = ? AND position = ({last})", (annotator, annotator)
            )

    def _about(self, name: str) -> str:
        with self._open() as connection:
            return str(connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, _connected(self.file) as connection:
                yield connection
        except sqlite3.Error as error:
            raise NetvetError(
                f"{self.file}: {error}; expected a writable file that `netvet data --annotate` has made"
            ) from error


@contextmanager
def _connected(file: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    """A connection that commits at its end and is closed: nothing is kept open between two answers."""
    uri = f"{file.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection, connection:
        connection.execute("PRAGMA synchronous = FULL")
        yield connection


def _fill(file: Path, name: str, classes: Sequence[str], plan: Sequence[Asked]) -> None:
    about = {"version": str(VERSION), "name": name, "classes": json.dumps(list(classes))}
    rows = [(a.position, a.split, a.sample, a.key, a.label, a.first) for a in plan]
    with _connected(file, "rwc") as connection:
        connection.executescript(_TABLES)
        connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        connection.executemany("INSERT INTO plan VALUES (?, ?, ?, ?, ?, ?)", rows)
