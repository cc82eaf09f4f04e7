from __future__ import annotations

import random

from tests.logs.conftest import SAMPLES
from tools.fuzz_logs import inputs, use


def test_damaged_logs_make_no_more_than_a_sentence(corpus, tmp_path):
    """A short and always equal part of what `python -m tools.fuzz_logs` does."""
    for folder, count in ((corpus, 150), (SAMPLES, 100)):
        source = inputs(folder, random.Random(0))
        for _ in range(count):
            name, data = next(source)
            path = tmp_path / name
            path.write_bytes(data)
            assert use(path) in ("read", "refused")
            path.unlink()
