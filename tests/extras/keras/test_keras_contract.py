"""The numbers of the contract, against sums written out by hand in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest

from netvet.capture.keras_contract import Contract, best_constant, entering, labels_of, loss_at, task_of
from netvet.capture.keras_forward import paths_of
from netvet.capture.summaries import summary


def contract(function: str, *, probabilities: bool = False, sparse: bool = False) -> Contract:
    return Contract(function, function, probabilities, sparse, 0, (), None, 1.0, "mean", 0.0)


LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])


def naive_cross_entropy(logits: np.ndarray, labels: list[int]) -> float:
    rows = [-row[label] + math.log(sum(math.exp(v) for v in row)) for row, label in zip(logits, labels, strict=True)]
    return sum(rows) / len(rows)


def test_cross_entropy_of_logits_and_of_probabilities_agree_with_the_sum_by_hand() -> None:
    labels = np.array([2, 1])
    wanted = naive_cross_entropy(LOGITS, [2, 1])
    assert loss_at(contract("cross_entropy", sparse=True), LOGITS, labels) == pytest.approx(wanted, rel=1e-12)
    shares = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    one_hot = np.eye(3)[labels]
    assert loss_at(contract("nll_loss", probabilities=True), shares, one_hot) == pytest.approx(wanted, rel=1e-9)


def test_binary_cross_entropy_agrees_with_the_sum_by_hand() -> None:
    logits, target = np.array([[0.3], [-2.0]]), np.array([1, 0])
    wanted = (math.log(1 + math.exp(-0.3)) + math.log(1 + math.exp(-2.0))) / 2
    assert loss_at(contract("binary_cross_entropy_with_logits"), logits, target) == pytest.approx(wanted, rel=1e-9)


def test_a_label_without_an_output_has_no_loss() -> None:
    assert loss_at(contract("cross_entropy", sparse=True), LOGITS, np.array([0, 3])) is None


def test_one_hot_rows_are_classes_and_soft_rows_are_not() -> None:
    given = contract("cross_entropy")
    assert task_of(given, LOGITS, np.eye(3)[[0, 2]]) == "classes"
    assert task_of(given, LOGITS, np.full((2, 3), 1 / 3)) == "probabilities"
    labels = labels_of(given, LOGITS, np.eye(3)[[0, 2]])
    assert labels is not None
    assert labels.tolist() == [0, 2]


def test_the_best_constant_of_squared_errors_is_the_mean() -> None:
    target = np.array([1.0, 3.0, 8.0])
    found = best_constant(contract("mse_loss"), np.zeros((3, 1)), target)
    assert found is not None
    assert found.tolist() == [[4.0]] * 3


def test_outputs_and_targets_find_each_other_by_name_in_any_order() -> None:
    y = {"kind": np.zeros(4), "amount": np.ones(4)}
    outputs = {"amount": np.full(4, 2.0), "kind": np.full(4, 3.0)}
    asked = Contract("mse_loss", "mse", False, False, 0, ("amount",), "amount", 1.0, "mean", 0.0)
    pair = entering(asked, y, list(outputs.values()), paths_of(outputs))
    assert pair is not None
    assert (pair[0][0], pair[1][0]) == (2.0, 1.0)


def test_a_summary_leaves_out_what_is_not_finite() -> None:
    found = summary(np.array([1.0, np.nan, 3.0, np.inf]))
    assert (found["nonfinite"], found["min"], found["max"], found["mean"]) == (2, 1.0, 3.0, 2.0)
    assert found["integral"] is True
