"""No use of the input."""

from netvet.checks.ignores_input import ignores_input
from netvet.core import Facts

SICK = {"site": "t.py:9", "real": 2.302, "shuffled": 2.303}


def test_fires_on_the_fault():
    (finding,) = ignores_input(Facts.of(SICK))
    assert "2.303" in finding.message


def test_is_quiet_when_inputs_help():
    assert ignores_input(Facts.of({**SICK, "shuffled": 3.0})) == []


def test_is_quiet_near_zero():
    assert ignores_input(Facts.of({**SICK, "real": 0.0})) == []


def test_is_quiet_for_negative_losses():
    assert ignores_input(Facts.of({**SICK, "real": -1.0})) == []


def test_is_quiet_when_accuracy_falls():
    assert ignores_input(Facts.of({**SICK, "accuracy_real": 0.5, "accuracy_shuffled": 0.1})) == []


def test_is_quiet_without_fields():
    assert ignores_input(Facts.of({})) == []


def test_is_quiet_where_real_inputs_do_worse():
    assert ignores_input(Facts.of({**SICK, "real": 17.5, "shuffled": 14.7})) == []


def test_names_the_layer_at_which_the_input_ends():
    (finding,) = ignores_input(Facts.of({**SICK, "blocked_by": "norm"}))
    assert finding.where == "norm"
    assert "the output of norm is the same for every sample" in finding.message
