"""Dropout or batch norm that is still in training mode while the model is evaluated."""

import pytest

from netvet.checks.evaluation_in_train_mode import evaluation_in_train_mode
from netvet.core import Facts, Location


def evaluation(phase="train-mode-no-grad", dropout=True, norm=False, **more):
    record = {"model": "Net", "phase": phase, "scored": "compare", "accuracy": 0.9, "step": 100}
    active = {"dropout_active": dropout, "batch_norm_active": norm}
    return {**record, **active, "file": "train.py", "line": 60, **more}


def test_fires_when_dropout_draws_in_evaluation():
    (finding,) = evaluation_in_train_mode(Facts.of(evaluation(), evaluation()))
    assert finding.message == (
        "Net was in training mode (dropout active) in 2 of 2 evaluation passes: "
        "these are not the scores of the trained net"
    )
    assert finding.location == Location("train.py", 60)
    assert finding.step == 100


def test_names_batch_norm():
    (finding,) = evaluation_in_train_mode(Facts.of(evaluation(norm=True)))
    assert "(dropout and batch norm active)" in finding.message


@pytest.mark.parametrize(
    "one",
    [
        evaluation("eval"),
        evaluation(dropout=False),
        evaluation(scored="argmax", accuracy=None),
        evaluation(scored=None, accuracy=None),
        evaluation(repeats=20),
        evaluation(samples=5000, loader_samples=500),
        {},
    ],
)
def test_is_quiet_on(one):
    assert evaluation_in_train_mode(Facts.of(one)) == []


def test_is_quiet_on_one_odd_pass():
    passes = [evaluation("eval", dropout=False) for _ in range(9)]
    assert evaluation_in_train_mode(Facts.of(evaluation(), *passes)) == []


REPEAT = {
    "model": "Net",
    "equal": False,
    "max_difference": 0.3,
    "layer": "fc",
    "op": "dropout",
    "line": 8,
    "file": "n.py",
}


def test_fires_on_dropout_that_ignores_the_mode():
    (finding,) = evaluation_in_train_mode(Facts.of(evaluation("eval")), Facts.of(REPEAT))
    assert finding.message == "two passes of Net in eval mode differ by up to 0.3: dropout in fc ignores the mode"
    assert finding.location == Location("n.py", 8)


def test_is_quiet_on_monte_carlo_dropout():
    assert evaluation_in_train_mode(Facts.of(evaluation("eval", repeats=30)), Facts.of(REPEAT)) == []


@pytest.mark.parametrize("repeat", [{**REPEAT, "equal": True}, {**REPEAT, "op": "randn_like"}, {}])
def test_is_quiet_on_equal_passes_and_sampling(repeat):
    assert evaluation_in_train_mode(None, Facts.of(repeat)) == []


def test_attention_that_drops_in_eval_mode_is_blamed_like_dropout():
    record = {"model": "Net", "layer": "block", "op": "scaled_dot_product_attention", "equal": False}
    (finding,) = evaluation_in_train_mode(None, Facts.of(record))
    assert "scaled_dot_product_attention in block ignores the mode" in finding.message
    assert not evaluation_in_train_mode(None, Facts.of({**record, "op": "randn_like"}))
