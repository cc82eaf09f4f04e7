"""One process for each backend, for all tests of the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.extras.keras.keras_worker import Worker


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Worker]]:
    """Gives the process of a backend, begun when it is first asked for."""
    known: dict[str, Worker] = {}

    def of(backend: str) -> Worker:
        if backend not in known:
            known[backend] = Worker(backend, Path(tmp_path_factory.mktemp(backend)))
        return known[backend]

    yield of
    for one in known.values():
        one.close()
