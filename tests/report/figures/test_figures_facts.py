"""Bars and curves from facts: predictions, terms of the loss, learning rates, cost."""

import pytest

from netvet.core import Facts, LayerSeries
from netvet.report.figures import figures_of
from netvet.testing import PlainSignals


def drawn(**signals):
    figures, problems = figures_of(PlainSignals({name: Facts(records) for name, records in signals.items()}))
    assert problems == []
    return {one["id"]: one for one in figures}


def values(figure):
    return {one["name"]: one["values"] for one in figure["series"]}


BASELINES = {
    "score": "accuracy", "split": "val",
    "model": 0.9, "majority": 0.1, "mean": None, "linear": 0.7, "nearest": float("nan"),
}  # fmt: skip


def test_the_model_stands_beside_the_predictors_that_have_a_score():
    made = drawn(baselines=[BASELINES])["baselines-0"]
    assert made["categories"] == ["model", "most common class", "linear model"]
    assert values(made) == {"accuracy": [0.9, 0.1, 0.7]}
    assert made["y"]["unit"] == "share"
    assert "Higher is better" in made["about"]
    assert "Lower is better" in drawn(baselines=[{**BASELINES, "score": "loss"}])["baselines-0"]["about"]


def test_ablation_shows_the_losses_and_where_the_input_is_lost():
    record = {"split": "train", "real": 1.0, "shuffled": 3.0, "zeroed": None, "blocked_by": "hidden.3"}
    made = drawn(input_ablation=[record])["input-ablation-0"]
    assert (made["categories"], values(made)) == (["real", "shuffled"], {"train": [1.0, 3.0]})
    assert "lost in hidden.3" in made["about"]


def test_classes_are_shares_of_targets_and_predictions():
    made = drawn(
        targets=[
            {"phase": "train", "counts": [3, 1]},
            {"phase": "eval", "counts": [1, 1, 2]},
            {"phase": "train", "counts": None},
        ],
        predicted_labels=[{"counts": [4]}],
    )["class-counts"]
    assert made["categories"] == ["0", "1", "2"]
    assert values(made) == {
        "targets, train": [0.75, 0.25, 0.0], "targets, eval": [0.25, 0.25, 0.5],
        "predictions of the last evaluation": [1.0, 0.0, 0.0],
    }  # fmt: skip


def test_several_losses_keep_their_counts_apart_and_very_many_classes_are_cut_off():
    records = [{"phase": "train", "counts": [1] * 500}, {"phase": "train", "counts": [2] * 500}]
    made = drawn(targets=records)["class-counts"]
    assert list(values(made)) == ["targets, train", "targets, train (2)"]
    assert len(made["categories"]) == 100
    assert "The first 100 of 500 classes." in made["about"]


def test_one_class_or_none_has_no_picture():
    assert drawn(targets=[{"phase": "train", "counts": []}, {"phase": "train", "counts": [5]}]) == {}


def test_terms_of_the_loss_are_compared_only_where_there_are_several():
    terms = [{"term": "mse", "file": "/a/t.py", "line": 3, "value": 2.0, "grad_norm": None},
             {"term": "l2", "file": "/a/t.py", "line": 4, "value": 0.5, "grad_norm": None}]  # fmt: skip
    made = drawn(loss_terms=terms)
    assert list(made) == ["loss-terms-value"]
    assert made["loss-terms-value"]["categories"] == ["mse (t.py:3)", "l2 (t.py:4)"]
    assert drawn(loss_terms=terms[:1]) == {}


def test_losses_at_other_rates_are_in_the_order_of_the_rates():
    record = {"optimizer": "SGD", "lr": 0.1, "multiples": [1, 0.1, 100, 10], "losses": [2.0, 1.0, None, 3.0],
              "start": 4.0, "steps": 10}  # fmt: skip
    made = drawn(lr_probe=[record])["lr-probe-0"]
    assert made["curves"][0]["x"] == [0.01, 0.1, 1.0, 10.0]
    assert made["curves"][0]["y"] == [1.0, 2.0, 3.0, None]
    assert made["curves"][1]["y"] == [4.0] * 4
    assert (made["x"]["scale"], made["y"]["scale"]) == ("log", "linear")
    assert made["marks"] == [{"x": 0.1, "label": "your rate", "severity": "note"}]
    assert "Not finite at 10." in made["about"]


def test_the_trial_of_the_run_shows_the_run_and_its_warm_up():
    record = {"optimizer": "Adam", "lr": 1e-3, "multiples": [1.0, 0.1], "losses": [100.0, 1.0], "own": 99.0,
              "warmup": None, "start": 2.0, "steps": 50}  # fmt: skip
    made = drawn(lr_trial=[record])["lr-trial-0"]
    assert [one["name"] for one in made["curves"]] == ["loss", "this run", "start"]
    assert made["y"]["scale"] == "log"


@pytest.mark.parametrize("lost", ["lr", "multiples", "losses"])
def test_rates_without_a_rate_have_no_picture(lost):
    record = {"optimizer": "SGD", "lr": 0.1, "multiples": [1.0], "losses": [2.0], lost: None}
    assert drawn(lr_probe=[record], lr_trial=[record]) == {}


def test_time_of_netvet_is_told_apart_from_that_of_the_program():
    made = drawn(run=[{"seconds": 10.0, "netvet_seconds": 0.5}])["netvet-seconds"]
    assert values(made) == {"seconds": [9.5, 0.5]}
    assert "5.0%" in made["about"]
    assert drawn(run=[{"seconds": None, "netvet_seconds": 0.5}]) == {}


def test_ranks_are_compared_where_there_are_several():
    ranks = [{"rank": n, "step_seconds": 0.1, "forward_seconds": 0.01 * n, "backward_seconds": None} for n in range(2)]
    made = drawn(ranks=ranks)["rank-seconds"]
    assert made["categories"] == ["0", "1"]
    assert values(made)["forward"] == [0.0, 0.01]
    assert values(made)["backward (with waiting)"] == [None, None]
    assert drawn(ranks=ranks[:1]) == {}


def test_ids_are_unique_and_nothing_of_a_name_is_in_them():
    harm = "</script><img src=x onerror=alert(1)>"
    records = {
        "baselines": [BASELINES, {**BASELINES, "split": harm}],
        "input_ablation": [{"real": 1.0, "split": harm, "blocked_by": harm}],
        "lr_probe": [{"optimizer": harm, "lr": 1.0, "multiples": [1.0], "losses": [1.0]}],
        "loss_terms": [{"term": harm, "value": 1.0}, {"term": harm, "value": 2.0}],
    }  # fmt: skip
    metric = LayerSeries.of(**{harm: [1.0], f"{harm}2": [1.0]})
    figures, _ = figures_of(PlainSignals({"metric": metric, **{name: Facts(found) for name, found in records.items()}}))
    ids = [one["id"] for one in figures]
    assert len(ids) == len(set(ids)) == 7
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for one in ids)
