"""An evaluation after which the model is not as it was before."""

import pytest

from netvet.checks.evaluation_changes_state import evaluation_changes_state
from netvet.core import Facts, Location

LAYERS = Facts.of({"cls": "Linear"}, {"cls": "Dropout"})


def evaluation(**more):
    record = {"model": "Net", "step": 100, "parameters_changed": [], "buffers_changed": []}
    return {**record, "mode_before": True, "mode_after": True, "file": "train.py", "line": 60, **more}


def test_fires_when_weights_change():
    names = ["a", "b", "c", "d"]
    (finding,) = evaluation_changes_state(Facts.of(evaluation(parameters_changed=names), evaluation()))
    assert finding.message == "1 of 2 evaluation passes changed the weights of Net (a, b, c, ...)"
    assert finding.location == Location("train.py", 60)
    assert finding.severity is None


def test_fires_when_running_statistics_change():
    (finding,) = evaluation_changes_state(Facts.of(evaluation(buffers_changed=["bn.running_mean"])))
    assert "running statistics of Net" in finding.message
    assert finding.severity == "warning"


def test_fires_when_the_mode_is_not_restored():
    (finding,) = evaluation_changes_state(Facts.of(evaluation(mode_after=False)), LAYERS)
    assert finding.message == "1 of 1 evaluation passes left Net in eval mode, and training went on in it"


def test_is_quiet_when_the_mode_does_not_matter():
    assert evaluation_changes_state(Facts.of(evaluation(mode_after=False))) == []
    assert evaluation_changes_state(Facts.of(evaluation(mode_after=False)), Facts.of({"cls": "LayerNorm"})) == []


@pytest.mark.parametrize(
    "one",
    [
        evaluation(),
        evaluation(buffers_changed=["cache", "metric.total"]),
        evaluation(rng_changed=True),
        evaluation(mode_before=False, mode_after=False),
        evaluation(mode_after=None),
        {},
    ],
)
def test_is_quiet_on(one):
    assert evaluation_changes_state(Facts.of(one), LAYERS) == []


SCORED = {"phase": "eval", "scored": "loss", "buffers_changed": ["norm.mean"]}
FILLED = {"model": "Net", "state_buffers": ["norm.mean"], "state_gap": 0.03, "state_file": "net.py", "state_line": 9}


def filled(evaluated=SCORED, known=FILLED):
    return evaluation_changes_state(Facts.of(evaluation(**evaluated)), None, Facts.of(known))


def test_fires_on_statistics_of_the_users_own_whatever_their_name():
    (finding,) = filled()
    assert finding.message == (
        "1 of 1 evaluation passes changed norm.mean of Net: what the model says next depends on evaluation data"
    )
    assert finding.location == Location("net.py", 9)
    assert finding.severity == "warning"


def test_is_quiet_on_buffers_that_change_no_output_and_on_passes_without_a_score():
    assert not filled(known={**FILLED, "state_gap": 0.0})
    assert not filled(known={**FILLED, "state_gap": None})
    assert not filled(known={**FILLED, "state_buffers": ["other"]})
    assert not filled({**SCORED, "phase": "train-mode-no-grad"})
    assert not filled({**SCORED, "scored": None})
    assert not filled({**SCORED, "buffers_changed": []})


def test_points_at_the_load_that_changed_the_weights():
    load = {"kind": "load_state_dict", "target": "Net", "step": 100, "file": "train.py", "line": 12}
    loads = Facts.of({**load, "step": 90, "line": 10}, {**load, "target": "Other", "line": 11}, load)
    (finding,) = evaluation_changes_state(Facts.of(evaluation(parameters_changed=["a"])), checkpoints=loads)
    assert finding.location == Location("train.py", 12)
