"""A model that predicts what comes next can see it."""

from netvet.checks.future_leak import future_leak
from netvet.core import Facts

SICK = {
    "model": "GPT",
    "autoregressive": "shifted",
    "leaks": 0.5,
    "pair": [3, 4],
    "shift": 1,
    "file": "net.py",
    "line": 2,
}


def found(**changes):
    return future_leak(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "50% of such pairs" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(leaks=0.0)
    assert not found(leaks=None)
    assert not found(autoregressive=None)
    assert not found(shift=0)
    assert not found(shift=None)
    assert not found(pair=None)
    assert not future_leak(Facts.of({}))


def test_direction_and_padding_are_blamed_where_the_layer_is_made():
    sick = Facts.of({**SICK, "module": "rnn"})
    layer = {"name": "rnn", "cls": "LSTM", "created_file": "net.py", "created_line": 40}
    assert str(future_leak(sick, Facts.of(layer))[0].location) == "net.py:40"
    assert str(future_leak(sick, Facts.of({**layer, "cls": "Attention"}))[0].location) == "net.py:2"
