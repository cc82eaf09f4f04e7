"""Scale of inputs."""

from netvet.checks.unscaled_input import unscaled_input
from netvet.core import Facts, LayerSeries

SICK = {
    "model": "Net",
    "position": 0,
    "phase": "train",
    "dtype": "float32",
    "shape": [32, 64],
    "mean": 72.0,
    "std": 81.0,
    "min": 0.0,
    "max": 255.0,
}


def test_fires_on_the_fault():
    (finding,) = unscaled_input(Facts.of(SICK))
    assert "std 81" in finding.message


def test_is_quiet_for_unit_scale():
    assert unscaled_input(Facts.of({**SICK, "mean": 0.0, "std": 1.0, "min": -3.0, "max": 3.0})) == []


def test_is_quiet_for_tokens():
    assert unscaled_input(Facts.of({**SICK, "dtype": "int64"})) == []


def test_is_quiet_for_times():
    assert unscaled_input(Facts.of({**SICK, "shape": [32], "integral": True})) == []


def test_is_quiet_for_sparse_inputs():
    assert unscaled_input(Facts.of({**SICK, "mean": 0.001, "std": 0.03, "max": 1.0})) == []


def test_fires_on_inputs_scaled_twice():
    assert unscaled_input(Facts.of({**SICK, "mean": 0.001, "std": 0.001, "max": 0.004}))


def test_is_quiet_behind_a_norm():
    norm = {"model": "Net", "name": "n", "cls": "BatchNorm1d", "is_leaf": True, "order": 0}
    assert unscaled_input(Facts.of(SICK), Facts.of(norm)) == []


def test_is_quiet_without_fields():
    assert unscaled_input(Facts.of({})) == []


OUTLIERS = {**SICK, "mean": 78.0, "std": 9300.0, "min": -9.0, "max": 1.3e6}
FIRST = Facts.of({"model": "Net", "name": "conv", "is_leaf": True, "parameters": 9, "order": 0, "cls": "Conv1d"})


def test_names_outliers_that_the_first_batch_did_not_hold():
    (finding,) = unscaled_input(Facts.of(OUTLIERS), FIRST, LayerSeries.of(conv=[0.6, 0.7, 7000.0, 0.6]))
    assert "a few outliers" in finding.message


def test_is_quiet_for_outliers_that_the_model_scales_down():
    assert unscaled_input(Facts.of(OUTLIERS), FIRST, LayerSeries.of(conv=[0.6, 0.7, 2.0, 0.6])) == []
