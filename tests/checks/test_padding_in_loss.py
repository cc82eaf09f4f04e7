"""Padding."""

from netvet.checks.padding_in_loss import padding_in_loss
from netvet.core import Facts

SICK = {"model": "Net", "given": True, "loss_changes": 0.3, "tolerance": 1e-05, "pad_share": 0.4}


def test_fires_on_the_fault():
    (finding,) = padding_in_loss(Facts.of(SICK))
    assert "40% of all" in finding.message


def test_is_quiet_when_ignored():
    assert padding_in_loss(Facts.of({**SICK, "loss_changes": 0.0})) == []


def test_is_quiet_for_little_padding():
    assert padding_in_loss(Facts.of({**SICK, "pad_share": 0.001})) == []


def test_points_at_the_loss():
    (finding,) = padding_in_loss(Facts.of({**SICK, "file": "a.py", "line": 1, "loss_file": "b.py", "loss_line": 7}))
    assert str(finding.location) == "b.py:7"


def test_asks_for_more_padding_where_only_the_ids_tell():
    assert padding_in_loss(Facts.of({**SICK, "declared": False, "pad_share": 0.05})) == []
    assert padding_in_loss(Facts.of({**SICK, "declared": False}))


def test_is_quiet_without_a_mask():
    assert padding_in_loss(Facts.of({**SICK, "given": False})) == []


def test_is_quiet_with_ignore_index():
    assert padding_in_loss(Facts.of({**SICK, "ignore_index_used": True})) == []


def test_is_quiet_without_fields():
    assert padding_in_loss(Facts.of({})) == []
