"""Units that start equal and stay equal."""

from netvet.checks.symmetric_init import symmetric_init
from netvet.core import Facts, LayerSeries

SICK = {"layer": "fc", "units": 8, "identical_gradients": 8, "layers_with_weights": 2, "file": "net.py", "line": 2}


def found(**changes):
    return symmetric_init(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "8 of 8 units" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(layers_with_weights=1)
    assert not found(identical_gradients=0)
    assert not found(identical_gradients=None)
    assert not found(zero_gradient=True)
    assert not found(units=1)
    assert not symmetric_init(Facts.of({}))


def test_net_of_nothing_but_zeros_is_stuck():
    zero = {**SICK, "identical_gradients": 0, "zero": True, "zero_gradient": True}
    (finding,) = symmetric_init(Facts.of(zero, {**zero, "layer": "out"}))
    assert "none can change" in finding.message
    assert not symmetric_init(Facts.of(zero, {**zero, "layer": "out", "zero_gradient": False}))
    assert not symmetric_init(Facts.of({**zero, "layers_with_weights": 3}, {**zero, "layers_with_weights": 3}))


def test_units_that_are_one_to_begin_with_are_told_of_where_the_loss_stays():
    ones = Facts.of({**SICK, "identical": 8, "identical_gradients": 0, "zero": False})
    stays, falls = (LayerSeries.of(loss=[2.3 - a * i for i in range(100)]) for a in (0.0, 0.01))
    (finding,) = symmetric_init(ones, None, stays)
    assert "as one unit" in finding.message
    assert finding.severity == "warning"
    assert not symmetric_init(ones, None, falls)
    assert not symmetric_init(ones)
    assert not symmetric_init(Facts.of({**SICK, "identical": 8, "identical_gradients": 0, "zero": True}), None, stays)
    assert not symmetric_init(Facts.of({**SICK, "identical": 7, "identical_gradients": 0, "zero": False}), None, stays)
