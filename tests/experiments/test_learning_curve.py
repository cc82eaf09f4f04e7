"""Too few samples, and enough of them; the power law that tells."""

import pytest

from netvet.core import NetvetError
from netvet.experiments.learning_curve import _cautious, learning_curve
from netvet.experiments.power_law import at, power_law
from tests.experiments.regularised import digits, digits_problem, outcome
from tests.experiments.small_problems import problem


def test_advises_more_data_where_the_curve_is_steep(monkeypatch):
    found = outcome(learning_curve, digits_problem(digits(96, 1000)), monkeypatch, steps=300)
    assert found.verdict == "advice"
    assert found.suspects == ("too-few-samples",)
    assert found.evidence["gain"]["high"] < 0


def test_passes_where_a_part_of_the_samples_is_enough(monkeypatch):
    assert outcome(learning_curve, problem(), monkeypatch).verdict == "passed"


def test_does_not_ask_for_data_where_steps_are_missing(monkeypatch):
    assert outcome(learning_curve, digits_problem(), monkeypatch, steps=40).verdict == "undetermined"


def test_a_handful_of_samples_is_not_assessed(monkeypatch):
    with pytest.raises(NetvetError, match="only 40 training samples"):
        outcome(learning_curve, digits_problem(digits(40, 100)), monkeypatch)


def test_what_two_doublings_have_brought_tells_where_fits_scatter():
    found = _cautious([[0.7, 0.6, 0.5, 0.4], [0.7, 0.62, 0.5, 0.42], [0.7, 0.61, 0.5, 0.41]])
    assert found.effect == pytest.approx(-0.05)
    assert found.high == pytest.approx(-0.05)


def test_finds_the_law_that_points_were_made_by():
    sizes = [100, 200, 400, 800, 1600]
    law = power_law(sizes, [0.1 + 2 * n**-0.5 for n in sizes])
    assert law == pytest.approx((0.1, 2, 0.5), rel=0.02)
    assert at(law, 3200) == pytest.approx(0.1 + 2 * 3200**-0.5, rel=1e-3)


def test_an_error_that_does_not_fall_is_extrapolated_flat():
    law = power_law([100, 200, 400, 800], [0.3, 0.3, 0.3, 0.3], floor=0.0)
    assert at(law, 1600) == pytest.approx(0.3, abs=1e-3)


def test_too_few_points_are_refused():
    with pytest.raises(NetvetError, match="three finite points"):
        power_law([1, 2], [0.5, 0.4])
