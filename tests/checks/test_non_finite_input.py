"""NaN."""

from netvet.checks.non_finite_input import non_finite_input
from netvet.core import Facts, LayerSeries

SICK = {"model": "Net", "position": 0, "phase": "train", "nonfinite": 3}


def test_fires_on_the_fault():
    (finding,) = non_finite_input(Facts.of(SICK))
    assert "3 NaN" in finding.message


def test_is_quiet_for_clean_inputs():
    assert non_finite_input(Facts.of({**SICK, "nonfinite": 0})) == []


def test_is_quiet_for_masks():
    assert non_finite_input(Facts.of({**SICK, "position": "attn_mask"})) == []


def test_is_a_note_while_the_loss_stays_finite():
    (finding,) = non_finite_input(Facts.of(SICK), None, LayerSeries.of(a=[1.0, 0.5]))
    assert finding.severity == "note"


def test_is_quiet_without_fields():
    assert non_finite_input(Facts.of({})) == []
