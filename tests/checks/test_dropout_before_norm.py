"""Dropout in front of batch norm."""

from netvet.checks.dropout_before_norm import dropout_before_norm
from netvet.core import Facts

DROP = {"name": "drop", "cls": "Dropout", "order": 1, "is_leaf": True, "settings": {"p": 0.5}}
NORM = {"name": "bn", "cls": "BatchNorm1d", "order": 2, "is_leaf": True}


def test_names_both():
    assert "drop feeds batch norm bn" in dropout_before_norm(Facts.of(DROP, NORM))[0].message


def test_is_quiet_on_the_right_order_no_dropout_and_missing_fields():
    assert not dropout_before_norm(Facts.of({**DROP, "order": 3}, NORM))
    assert not dropout_before_norm(Facts.of({**DROP, "settings": {"p": 0.0}}, NORM))
    assert not dropout_before_norm(Facts.of({}, {**DROP, "settings": None}, NORM))
