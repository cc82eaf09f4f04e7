from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netvet.capture.logs import find
from netvet.capture.logs.log_run import LogRun, runs_of

HERE = Path(__file__).resolve().parent
SAMPLES = HERE / "samples"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked logs of real trainings: `healthy/` and `sick/`."""
    folder = tmp_path_factory.mktemp("corpus")
    with tarfile.open(HERE / "corpus.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def runs_in(*paths: Path, told: dict[str, str] | None = None) -> list[LogRun]:
    """All runs of logs that must be readable."""
    found = find.read([str(path) for path in paths])
    assert not found.failures, found.failures
    return [run for table in found.tables for run in runs_of(table, told or {})]


def values(run: LogRun, signal: str) -> list[float]:
    """The values of the only series of a signal."""
    found: Any = run.run.get(signal)
    assert found is not None, f"no {signal}"
    assert len(found) == 1, list(found)
    return [float(v) for v in next(iter(found.values())).values]


def steps(run: LogRun, signal: str) -> list[int]:
    found: Any = run.run.get(signal)
    return [int(v) for v in next(iter(found.values())).steps]


def log_of(run: LogRun) -> dict[str, Any]:
    found: Any = run.run.get("log")
    return dict(found[0])


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file and give its path."""

    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make
