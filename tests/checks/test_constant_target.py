"""One target."""

from netvet.checks.constant_target import constant_target
from netvet.core import Facts, LayerSeries, Series

SICK = {"site": "t.py:9", "phase": "train", "kind": "classes", "outputs": 10, "min": 3.0, "max": 3.0, "samples": 640}


def test_fires_on_the_fault():
    (finding,) = constant_target(Facts.of(SICK))
    assert "all 640" in finding.message


def test_is_quiet_when_targets_vary():
    assert constant_target(Facts.of({**SICK, "min": 0.0})) == []


def test_is_quiet_for_one_small_batch():
    assert constant_target(Facts.of({**SICK, "samples": 8})) == []


def test_is_quiet_for_a_discriminator():
    assert constant_target(Facts.of({**SICK, "kind": "binary", "min": 1.0, "max": 1.0})) == []


def test_is_quiet_for_residuals():
    assert constant_target(Facts.of({**SICK, "kind": "regression", "min": 0.0, "max": 0.0})) == []


def test_is_quiet_without_fields():
    assert constant_target(Facts.of({})) == []


def test_fires_for_binary_targets_of_one_kind_under_a_single_optimizer():
    binary = Facts.of({**SICK, "kind": "binary", "min": 0.0, "max": 0.0, "samples": 5000})
    assert constant_target(binary, None, Facts.of({"name": "Adam"}))
    assert constant_target(binary, None, Facts.of({"name": "Adam"}, {"name": "Adam#2"})) == []


LATE = {
    **SICK, "min": 0.0, "max": 9.0, "constant_value": 3.0, "constant_since": 1400, "varied_until": 1200,
    "constant_batches": 6, "constant_samples": 96, "batches_before": 200, "constant_before": 0,
    "counts_before": [40] * 10,
}  # fmt: skip
TOP = LayerSeries({"t.py:9": Series.of([0.3] * 280, range(0, 1400, 5))})


def test_fires_when_targets_become_constant():
    (finding,) = constant_target(Facts.of(LATE), target_top_share=TOP)
    assert finding.message == (
        "from a step between 1,201 and 1,400 on all 96 training targets seen are 3; before, they were of 10 classes, "
        "10% of them 3"
    )
    assert finding.step == 1400


def test_is_quiet_when_only_actions_or_rewards_become_constant():
    own = Facts.of({"site": "t.py:9", "phase": "train", "reduction": "none"})
    assert constant_target(Facts.of(LATE), own, target_top_share=TOP) == []
    reward = {**LATE, "kind": "regression", "constant_value": 1.0, "counts_before": None}
    one = Facts.of({"name": "Adam"})
    std = LayerSeries({"t.py:9": Series.of([0.4] * 300, range(0, 1500, 5))})
    assert constant_target(Facts.of(reward), None, one, target_std=std, prediction_std=std) == []


def test_fires_for_numbers_when_predictions_stand_still_too():
    dry = {**LATE, "kind": "regression", "constant_value": 0.0, "counts_before": None}
    std = LayerSeries({"t.py:9": Series.of([0.4] * 280 + [0.0] * 20, range(0, 1500, 5))})
    (finding,) = constant_target(Facts.of(dry), None, Facts.of({}), target_std=std, prediction_std=std)
    assert finding.message.endswith("are 0; before, they varied by 0.4 (std)")
