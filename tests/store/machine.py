"""Other processes, small disks, and what lies on them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netvet.core import LayerSeries, Series
from netvet.store import Run, writer

SOURCE = Path(writer.__file__).parents[2]


def start_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_python(code: str, *arguments: object) -> str:
    process = start_python(code, *arguments)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert not errors
    return output


def wait_for(condition: Callable[[], bool]) -> None:
    """The limit only ends a test that hangs."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def series_of(run: Run, name: str, key: str | None = None) -> Series:
    found = run.get(name)
    if key is not None:
        assert isinstance(found, LayerSeries)
        return found[key]
    assert isinstance(found, Series)
    return found


def query(path: Path, text: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path / "rank0.db")
    try:
        return connection.execute(text).fetchall()
    finally:
        connection.close()


def files_in(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


@contextmanager
def tiny_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
