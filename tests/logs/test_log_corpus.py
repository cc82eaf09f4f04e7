"""Logs of real trainings, made by tests/extras/logs/corpus.py: no false alarm, and what is wrong is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netvet import checks
from netvet.diagnose import Settings
from netvet.reporter import Reporter
from tests.logs.conftest import runs_in

HEALTHY = [
    "a_game_of_two", "adam_by_step", "adam_clipped", "autoencoder_terms", "below_zero", "dicts_of_a_trainer",
    "dropout_and_noise", "few_values", "fine_tuned", "five_epochs_printed", "language_model", "long_after_convergence",
    "noisy_regression", "one_cycle", "regression_by_step", "rewards", "sgd_by_epoch", "smoothed_labels", "step_decay",
    "stopped_by_patience", "taken_up_again", "three_folds", "tiny_batches", "warm_restarts",
]  # fmt: skip
SICK = [
    "adam_at_one", "clipped_to_nothing", "cosine_of_epochs", "dead_from_the_start", "decay_each_batch",
    "gradients_kept", "graph_cut", "infinite_target", "inputs_unscaled", "labels_shuffled", "learned_by_heart",
    "logarithm_of_zero",
    "momentum_too_high", "no_step_taken", "one_bad_batch", "rate_grows", "rate_of_a_millionth", "rate_of_five",
    "recurrent_without_clip", "stopped_at_once", "too_large_a_net", "trained_for_ever", "uphill",
]  # fmt: skip
# Three epochs with a loss that has hardly moved: too little to say more than a note.
MISSED = {"stopped_at_once"}


def findings(folder: Path) -> list[dict[str, Any]]:
    reporter = Reporter(checks.all_checks(), Settings())
    found: list[dict[str, Any]] = []
    for run in runs_in(folder):
        view = reporter.view(run.run)
        assert not [one for one in view["not_assessed"] if "itself failed" in one["reason"]]
        found += [dict(one) for one in view["findings"]]
    return found


def test_the_folders_hold_these_logs(corpus):
    assert sorted(p.name for p in (corpus / "healthy").iterdir()) == HEALTHY
    assert sorted(p.name for p in (corpus / "sick").iterdir()) == SICK


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_log_gets_no_alarm(corpus, name):
    alarms = [f"{f['check']}: {f['message']}" for f in findings(corpus / "healthy" / name) if f["severity"] != "note"]
    assert not alarms


@pytest.mark.parametrize("name", SICK)
def test_a_sick_log_gets_the_alarm_it_should(corpus, name):
    folder = corpus / "sick" / name
    expected = set((folder / "expect").read_text().split())
    fired = {f["check"] for f in findings(folder) if f["severity"] != "note"}
    assert bool(fired & expected) is (name not in MISSED)


def test_a_log_by_epochs_is_told_in_epochs(corpus):
    told = " ".join(f["message"] for f in findings(corpus / "sick" / "learned_by_heart"))
    assert "at epoch " in told
    assert "step" not in told


def test_the_page_of_a_log_draws_its_curves_over_epochs(corpus):
    (run,) = runs_in(corpus / "sick" / "learned_by_heart")
    page = Reporter(checks.all_checks(), Settings()).page(run.run)
    figures: dict[str, Any] = {figure["id"]: figure for figure in page["figures"]}
    assert figures["loss"]["x"]["label"] == "epochs"
    assert [len(curve["y"]) for curve in figures["loss"]["curves"]] == [120, 120]
    assert page["pictures"]["overfitting"][0] == "loss"
    assert ["Last epoch", "120"] in page["home"]["facts"]
    assert not page["problems"]


def test_what_a_log_cannot_show_is_not_assessed(corpus):
    (run,) = runs_in(corpus / "healthy" / "few_values")
    view = Reporter(checks.all_checks(), Settings()).view(run.run)
    reasons = {one["check"]: one["reason"] for one in view["not_assessed"]}
    assert "update ratio" in reasons["lr-too-high"]
    assert reasons["loss-spikes"] == "the log has 3 values of the loss; it takes 31"
    assert "logs do not hold it" in reasons["double-softmax"]
    assert view["log"]["unit"] == "epoch"
