from pathlib import Path

from netvet.report.runs import table
from netvet.store import RunSummary


def test_the_table_is_aligned_and_safe() -> None:
    runs = [
        RunSummary("b", Path("s/b"), "2026-01-02T03:04:05+01:00", "train.py", "ok", 1200),
        RunSummary("a", Path("s/a\x1b[2J"), None, None, None, None),
        RunSummary("c", Path("s/c"), error="damaged"),
    ]
    assert table(runs).splitlines() == [
        "name      started              script    steps  ended",
        "b         2026-01-02 03:04:05  train.py  1,200  ok",
        "a\\x1b[2J                                        no end",
        "c                                               unreadable: damaged",
    ]
