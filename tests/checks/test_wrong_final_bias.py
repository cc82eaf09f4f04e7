"""A last bias that starts far from the mean target."""

from netvet.checks.wrong_final_bias import wrong_final_bias
from netvet.core import Facts

SICK = {
    "layer": "head",
    "loss_now": 2500.0,
    "loss_with_bias": 100.0,
    "predicted": 0.1,
    "wanted": 50.0,
    "layer_file": "net.py",
    "layer_line": 2,
}


def found(**changes):
    return wrong_final_bias(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "from 2500 to 100" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(loss_with_bias=2400.0)
    assert not found(loss_now=None)
    assert not found(loss_with_bias=None)
    assert not wrong_final_bias(Facts.of({}))
