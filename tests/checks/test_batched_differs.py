"""A batch gives other results than its samples one by one."""

from netvet.checks.batched_differs import batched_differs
from netvet.core import Facts

SICK = {"model": "Net", "max_difference": 0.4, "sample": 3, "file": "net.py", "line": 2}


def found(**changes):
    return batched_differs(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "40% apart" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(max_difference=1e-5)
    assert not found(max_difference=None)
    assert not found(raised="ValueError")
    assert not batched_differs(Facts.of({}))
