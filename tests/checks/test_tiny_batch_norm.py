"""Batch norm that sees too few values."""

from netvet.checks.tiny_batch_norm import tiny_batch_norm
from netvet.core import Facts

SICK = {
    "name": "bn",
    "cls": "BatchNorm1d",
    "training": True,
    "called": 1,
    "input_shape": [2, 64],
    "file": "net.py",
    "line": 2,
}


def found(**changes):
    return tiny_batch_norm(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "from 2 samples" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(training=False)
    assert not found(input_shape=[32, 64])
    assert not found(input_shape=None)
    assert not found(cls="LayerNorm")
    assert not found(called=None)
    assert not tiny_batch_norm(Facts.of({}))
