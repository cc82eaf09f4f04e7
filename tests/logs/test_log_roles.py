from __future__ import annotations

import json

import numpy as np
import pytest

from netvet.capture.logs.log_run import runs_of
from netvet.capture.logs.roles import guess
from netvet.capture.logs.table import Rows, Table
from netvet.core import NetvetError
from tests.logs.conftest import log_of, runs_in, steps, values


def table(**columns: list[float]) -> Table:
    rows = Rows()
    for i in range(max(map(len, columns.values()))):
        rows.add([(name, float(c[i])) for name, c in columns.items() if i < len(c)])
    return rows.table("run", "run.csv", "CSV")


def roles(*names: str) -> dict[str, str]:
    falling = [1.0, 0.5, 0.25, 0.125]
    clocks = {"step", "epoch", "global_step", "trainer/global_step", "iter", "_step"}
    made = table(**{name: [0, 1, 2, 3] if name in clocks else falling for name in names})
    return {one.column: one.role for one in guess(made, {})}


NAMES = {
    "loss": "loss train_loss Loss/train training/loss",
    "val_loss": "val_loss eval/loss validation/epoch_loss validLoss",
    "train_accuracy": "acc Acc@1",
    "val_accuracy": "val_acc eval_accuracy",
    "lr": "lr learning_rate lr-Adam/pg1",
    "grad_norm": "grad_norm gradNorm grad_2.0_norm_total",
    "param_grad_norm": "grad_norm/conv1.weight",
    "loss_scale": "loss_scale",
    "clock": "_runtime eval_samples_per_second",
    "metric": "top5 f1 reward",
    "step": "step trainer/global_step",
    "epoch": "epoch",
}


@pytest.mark.parametrize(("name", "role"), [(name, role) for role, names in NAMES.items() for name in names.split()])
def test_guesses_a_role_by_the_name(name, role):
    assert roles(name, "other_loss" if role != "loss" else "other")[name] == role


def test_prefers_the_total_to_its_terms():
    found = roles("epoch", "loss", "recon_loss", "kl_loss", "val_loss", "val_recon_loss")
    assert [name for name, role in found.items() if role in ("loss", "val_loss")] == ["loss", "val_loss"]


def test_keeps_several_losses_without_a_total():
    found = roles("step", "d_loss", "g_loss")
    assert [name for name, role in found.items() if role == "loss"] == ["d_loss", "g_loss"]


def test_takes_the_fuller_of_one_loss_in_two_rhythms():
    made = table(step=[*range(20)], train_loss_step=[*np.linspace(2, 1, 20)], train_loss_epoch=[1.5, 1.2])
    assert {one.column: one.role for one in guess(made, {})}["train_loss_step"] == "loss"
    assert {one.column: one.role for one in guess(made, {})}["train_loss_epoch"] == "metric"


def test_takes_an_error_for_the_loss_where_nothing_is_called_one():
    made = table(epoch=[1, 2, 3], train_mse=[3, 2, 1], val_mse=[3, 2, 1], val_mae=[3, 2, 1])
    found = {one.column: (one.role, one.sure) for one in guess(made, {})}
    assert found["train_mse"] == ("loss", "guess")
    assert found["val_mse"][0] == "val_loss"


@pytest.mark.parametrize(("values", "role"), [([2.0, 1.0, 0.5], "loss"), ([0.1, 0.5, 0.9], "accuracy")])
def test_takes_bare_sides_for_losses_or_shares_that_rise(values, role):
    found = {one.column: one.role for one in guess(table(epoch=[1, 2, 3], train=values, val=values), {})}
    assert (found["train"], found["val"]) == ("train_accuracy" if role == "accuracy" else "loss", f"val_{role}")


def test_takes_a_bare_side_beside_a_loss_for_its_validation():
    made = table(step=[1, 2, 3], loss=[3.0, 2.0, 1.0], val=[3.1, 2.1, 1.1])
    assert {one.column: one.role for one in guess(made, {})} == {"step": "step", "loss": "loss", "val": "val_loss"}


def test_steers_by_validation_rather_than_test():
    found = roles("epoch", "train_loss", "val_loss", "test_loss")
    assert found["val_loss"] == "val_loss"
    assert found["test_loss"] == "metric"


def test_the_user_has_the_last_word():
    made = table(n=[1, 2, 3], mine=[3, 2, 1], loss=[1, 1, 1])
    (run,) = runs_of(made, {"loss": "mine", "epoch": "n"})
    assert values(run, "loss") == [3, 2, 1]
    assert log_of(run)["unit"] == "epoch"


@pytest.mark.parametrize("told", [{"lossy": "loss"}, {"loss": "nowhere"}])
def test_refuses_a_role_or_column_that_does_not_exist(told):
    with pytest.raises(NetvetError, match="--column"):
        runs_of(table(step=[1, 2, 3], loss=[1, 2, 3]), told)


def test_accuracies_in_percent_become_shares():
    (run,) = runs_of(table(epoch=[1, 2, 3], loss=[3, 2, 1], val_acc=[10, 55.5, 90]), {})
    np.testing.assert_allclose(values(run, "val_accuracy"), [0.1, 0.555, 0.9])


@pytest.mark.parametrize(
    ("columns", "unit"),
    [
        ({"epoch": [1, 2, 3, 4], "loss": [4, 3, 2, 1]}, "epoch"),
        ({"step": [10, 20, 30, 40], "loss": [4, 3, 2, 1]}, "step"),
        ({"step": [10, 20, 30, 40], "epoch": [0, 0, 1, 1], "loss": [4, 3, 2, 1]}, "step"),
        ({"_step": [0, 1, 2, 3], "epoch": [1, 2, 3, 4], "loss": [4, 3, 2, 1]}, "epoch"),
        ({"step": [0, 1, 2, 3], "loss": [4, 3, 2, 1], "val_loss": [4, 3, 2, 1]}, "epoch"),
        ({"step": [0, 10, 20, 30], "loss": [4, 3, 2, 1], "val_loss": [4, 3, 2, 1]}, "step"),
        ({"epoch": [0.1, 0.2, 0.3, 0.4], "loss": [4, 3, 2, 1]}, "record"),
        ({"loss": [4, 3, 2, 1]}, "record"),
        ({"loss": [4, 3, 2, 1], "val_loss": [4, 3, 2, 1]}, "epoch"),
    ],
)
def test_tells_what_the_steps_count(columns, unit):
    (run,) = runs_of(table(**columns), {})
    assert log_of(run)["unit"] == unit
    assert next(iter(run.run.get("loss").values())).unit == unit


def test_counts_steps_on_over_epochs():
    (run,) = runs_of(table(epoch=[1, 1, 1, 2, 2, 2], step=[0, 1, 2, 0, 1, 2], loss=[6, 5, 4, 3, 2, 1]), {})
    assert steps(run, "loss") == [0, 1, 2, 3, 4, 5]


def test_later_values_count_where_a_run_was_taken_up_again():
    (run,) = runs_of(table(step=[0, 1, 2, 3, 4, 3, 4, 5], loss=[9, 8, 7, 6, 5, 60, 50, 40]), {})
    assert steps(run, "loss") == [0, 1, 2, 3, 4, 5]
    assert values(run, "loss") == [9, 8, 7, 60, 50, 40]
    assert log_of(run)["resumed"] == [3]


def test_runs_that_follow_each_other_in_one_log_are_told_apart(corpus):
    made = table(step=[0, 1, 2, 3, 0, 1, 2, 3], loss=[9, 8, 7, 6, 5, 4, 3, 2])
    assert [values(run, "loss") for run in runs_of(made, {})] == [[9, 8, 7, 6], [5, 4, 3, 2]]
    assert len(runs_in(corpus / "healthy" / "three_folds")) == 3


def test_places_validation_that_counts_epochs_where_training_was(write):
    lines = []
    for step in range(60):
        lines.append({"step": step * 10, "loss": 1 / (step + 1)})
        if step % 10 == 9:
            lines.append({"step": step // 10, "val_loss": 1 / (step + 1)})
    (run,) = runs_in(write("log.jsonl", "\n".join(map(json.dumps, lines))))
    assert steps(run, "val_loss") == [90, 190, 290, 390, 490, 590]


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"loss": [2, 1], "val_loss": [2, 1]}, "supervised"),
        ({"d_loss": [2, 1], "g_loss": [2, 1]}, "game"),
        ({"policy_loss": [2, 1], "episode_reward": [2, 1]}, "reward"),
        ({"loss": [2, 1]}, None),
    ],
)
def test_tells_what_a_falling_loss_means(columns, kind):
    (run,) = runs_of(table(step=[10, 20], **columns), {})
    assert log_of(run)["kind"] == kind


def test_sees_how_often_gradients_were_clipped(corpus):
    (run,) = runs_in(corpus / "sick" / "clipped_to_nothing")
    (clip,) = run.run.get("clips")
    assert clip["max_norm"] == 0.01
    assert clip["clipped_after_warmup"] == 1.0
    assert run.run.get("optimizers")[0]["cls"] == "SGD"


def test_says_why_a_signal_is_missing():
    (run,) = runs_of(table(step=[1, 2, 3], loss=[3, 2, 1]), {})
    assert run.run.reason("val_loss") == "no column of the log was read as val loss"
    assert "logs do not hold it" in str(run.run.reason("parameters"))
    assert run.run.reason("loss") is None


def test_keeps_every_broken_value_of_a_very_long_series():
    long = [1.0] * 250_000
    long[123_457] = float("nan")
    rows = Rows()
    for i, value in enumerate(long):
        rows.add((("step", float(i)), ("loss", value)))
    (run,) = runs_of(rows.table("r", "r", "CSV"), {})
    assert len(values(run, "loss")) < 100_010
    assert np.isnan(values(run, "loss")).sum() == 1
    assert next(iter(run.run.get("loss").values())).stands_for.sum() == 250_000
