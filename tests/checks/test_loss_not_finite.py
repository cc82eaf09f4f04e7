"""A training loss that becomes NaN or infinite."""

import pytest

from netvet.checks.loss_not_finite import loss_not_finite
from netvet.core import Facts, LayerSeries, Location

NAN, INF = float("nan"), float("inf")


def test_names_the_first_bad_step_and_the_operation():
    place = Facts.of({"file": "net.py", "line": 7})
    (finding,) = loss_not_finite(LayerSeries.of(a=[2.0, 3.0, NAN, NAN]), place)
    assert "NaN at step 2" in finding.message
    assert "last finite value was 3" in finding.message
    assert (finding.step, finding.location, finding.severity) == (2, Location("net.py", 7), "error")


def test_says_infinite():
    assert "infinite at step 0" in loss_not_finite(LayerSeries.of(a=[INF, INF, INF]))[0].message


def test_a_loss_that_recovers_is_a_note():
    assert loss_not_finite(LayerSeries.of(a=[1.0] * 30 + [INF] + [1.0] * 30))[0].severity == "note"


@pytest.mark.parametrize("values", [[], [1.0], [1e30, 1.0, -5.0]])
def test_is_quiet_on_finite_losses(values):
    assert loss_not_finite(LayerSeries.of(a=values)) == []
