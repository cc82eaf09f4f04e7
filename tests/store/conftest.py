from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netvet.store import RunWriter


@pytest.fixture
def started(tmp_path: Path) -> Iterator[RunWriter]:
    made = RunWriter.create(tmp_path, "train.py")
    yield made
    made.close()
