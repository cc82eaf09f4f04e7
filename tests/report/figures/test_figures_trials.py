"""Figures of experiments, fixes and searches, against naive computations."""

import math
import random

import pytest

from netvet.core import Facts
from netvet.experiments import EXPERIMENTS
from netvet.report.figures import figures_of
from netvet.report.figures.experiment_table import DRAWN
from netvet.report.figures.spec import axis
from netvet.report.figures.trials import Spread, base, fan, level, plot, spaced, spreads
from netvet.testing import PlainSignals

FRAME = base("it", "It", "What is seen.", "experiments")
PAIR = {"effect": -0.2, "low": -0.3, "high": -0.1, "p": 0.01, "size": -2.0, "pairs": 3}
HOSTILE = '<img src=x onerror="alert(1)">\u202e'


def drawn(**signals):
    figures, problems = figures_of(PlainSignals({name: Facts(records) for name, records in signals.items()}))
    assert problems == []
    assert len({one["id"] for one in figures}) == len(figures)
    return {one["id"]: one for one in figures}


def outcome(name, evidence, **more):
    record = {"experiment": name, "verdict": "passed", "message": "it is so", "evidence": evidence, "suspects": []}
    return drawn(experiments=[record | more])


def test_a_fan_is_the_mean_of_all_runs_and_their_range():
    draw = random.Random(0)
    runs = [[draw.gauss(0, 1) for _ in range(7)] for _ in range(3)]
    made = fan("arm", ((range(7), run) for run in runs), "other")
    for i in range(7):
        column = [run[i] for run in runs]
        assert made["y"][i] == pytest.approx(math.fsum(column) / 3, rel=1e-5)
        assert (made["low"][i], made["high"][i]) == pytest.approx((min(column), max(column)), rel=1e-5)


def test_a_run_that_has_diverged_ends_the_mean_and_not_the_range():
    made = fan("arm", [([0, 1, 2], [4.0, 2.0, 1.0]), ([0, 1], [6.0, math.inf])], "other")
    assert made["y"] == [5.0, None, None]
    assert (made["low"], made["high"]) == ([4.0, 2.0, 1.0], [6.0, 2.0, 1.0])


def test_one_run_has_no_band_and_none_no_curve():
    assert "low" not in fan("arm", [([0, 1], [1.0, 2.0])], "train")
    assert fan("arm", [], "train") is None
    assert fan("arm", [([0, 1], [None, math.nan])], "train") is None
    assert plot(FRAME, axis("x"), axis("y"), [None]) == []


def test_seeds_have_a_mean_and_a_range_unless_one_has_diverged():
    assert Spread.over("arm", [1.0, 2.0, 6.0]) == Spread("arm", 3.0, 1.0, 6.0)
    assert Spread.over("arm", [1.0, math.inf]) == Spread("arm", None)
    assert Spread.over("arm", None) == Spread("arm", None)
    assert Spread.of("arm", {"effect": 1, "low": None, "high": 2}) == Spread("arm", 1, None, 2)


def test_bars_of_several_series_stand_under_all_categories():
    series = {"a": ([Spread("x", 1.0, 0.5, 1.5)], "train"), "b": ([Spread("y", 2.0)], "val")}
    (made,) = spreads(FRAME, "what", axis("score"), series)
    assert made["categories"] == ["x", "y"]
    assert [bar["values"] for bar in made["series"]] == [[1.0, None], [None, 2.0]]
    assert (made["series"][0]["low"], made["series"][0]["high"]) == ([0.5, None], [1.5, None])
    assert "low" not in made["series"][1]
    assert spreads(FRAME, "what", axis("score"), {"a": ([Spread("x", None)], "train")}) == []


def test_losses_over_decades_are_drawn_over_logarithms_and_scores_are_not():
    curve = fan("arm", [([0, 1], [100.0, 0.1])], "train")
    assert plot(FRAME, axis("x"), axis("loss", "loss"), [curve])[0]["y"]["scale"] == "log"
    assert plot(FRAME, axis("x"), axis("score", "share"), [curve])[0]["y"]["scale"] == "linear"
    assert level("low", 0.5, [0.0, 3.0, 9.0])["x"] == [0.0, 9.0]
    assert level("low", None, [0.0]) is None


def test_kept_losses_stand_where_they_were():
    assert spaced([5, 4, 3], 30) == ([0.0, 10.0, 20.0], [5, 4, 3])
    assert spaced(None, 30) == ([], ())


def test_every_experiment_has_a_picture_of_its_own():
    assert {one.name for one in EXPERIMENTS} == set(DRAWN)


def test_no_experiment_fails_on_missing_or_foreign_pieces():
    wrong = (None, 3, "text", [], {}, [None], [[None]], {"a": None}, [{"a": 1}], math.nan, HOSTILE)
    keys = (
        "arms", "curves", "losses", "reached", "errors", "sizes", "steps", "laws", "counts", "gaps", "tried", "curve",
        "measured", "expected", "compared", "scores", "inputs", "mixing", "future", "own", "twin", "each", "clean",
    )  # fmt: skip
    records = [
        {"experiment": name, "verdict": "failed", "message": HOSTILE, "evidence": dict.fromkeys(keys, value)}
        for name in (*DRAWN, HOSTILE)
        for value in wrong
    ]
    for record in records:
        drawn(experiments=[record])
    drawn(experiments=[{}, {"experiment": "lr-range"}, {"experiment": "ablation", "evidence": None}])


def test_the_range_test_marks_your_rate_and_the_recommended_one():
    curve = {"rates": [1e-3, 1e-2, 1e-1], "change": [0.0, -0.1, -0.4], "error": [0.01, 0.02, 0.03]}
    tried = [{"rate": 0.1, "losses": [1.0, 3.0]}, {"rate": 0.01, "losses": [2.0, None]}]
    evidence = {
        "recommended": 0.1,
        "own": 0.01,
        "start": 2.3,
        "steps": 9,
        "curve": curve,
        "tried": tried,
        "own_losses": [2],
    }
    made = outcome("lr-range", evidence)
    ramp, rates = made["experiment-lr-range-ramp"], made["experiment-lr-range-rates"]
    assert ramp["x"]["scale"] == "log"
    assert ramp["curves"][0]["low"] == pytest.approx(
        [c - 2 * e for c, e in zip(curve["change"], curve["error"], strict=True)]
    )
    assert [(mark["label"], mark["x"]) for mark in ramp["marks"]] == [("recommended", 0.1), ("your rate", 0.01)]
    assert rates["curves"][0]["x"] == [0.01, 0.1]
    assert rates["curves"][0]["y"] == [None, 2.0]


def test_the_learning_curve_goes_on_by_the_fitted_laws():
    laws = [[0.1, 2.0, 0.5], [0.2, 1.0, 0.5]]
    evidence = {
        "sizes": [100, 200, 400],
        "errors": [[0.3, 0.2, 0.1], [0.5, 0.4, 0.3]],
        "laws": laws,
        "measure": "accuracy",
    }
    measured, fitted = outcome("learning-curve", evidence)["experiment-learning-curve-curve"]["curves"]
    assert measured["y"] == pytest.approx([0.4, 0.3, 0.2])
    assert (fitted["x"][0], fitted["x"][-1]) == (400.0, 800.0)
    assert fitted["y"][-1] == pytest.approx(sum(a + b * 800**-c for a, b, c in laws) / 2, rel=1e-5)


def test_labels_and_predictions_are_a_table_of_classes_or_points_of_numbers():
    classes = {
        "samples": 4,
        "losses": [2.0, 1.0],
        "every": 3,
        "lowest": 0.0,
        "wanted": [0, 1, 1, 2],
        "predicted": [0, 1, 2, 2],
    }
    numbers = {"samples": 2, "losses": [2.0], "wanted": [0.5, 1.5], "predicted": [0.25, 1.25]}
    made = outcome("overfit-batch", {"reached": [classes, numbers]})
    table = made["experiment-overfit-batch-answers-4-samples"]
    assert (table["rows"], table["values"]) == (["0", "1", "2"], [[1, 0, 0], [0, 1, 1], [0, 0, 1]])
    assert made["experiment-overfit-batch-answers-2-samples"]["clouds"][0]["y"] == [0.25, 1.25]
    assert made["experiment-overfit-batch-loss-4-samples"]["curves"][0]["x"] == [0.0, 3.0]


def test_arms_show_curves_ends_and_differences():
    arm = {"losses": [1.0, 2.0], "comparison": PAIR, "curve": {"steps": [0, 2], "losses": [[3.0, 1.0], [5.0, 2.0]]}}
    made = outcome("ablation", {"arms": [{**arm, "name": "plain"}, {**arm, "name": "dropout"}]})
    assert made["experiment-ablation-curves"]["curves"][0]["y"] == [4.0, 1.5]
    assert made["experiment-ablation-arms"]["series"][0]["values"] == [1.5, 1.5]
    gap = made["experiment-ablation-difference"]
    assert (gap["categories"], gap["series"][0]["low"]) == (["dropout"], [-0.3])


def test_changes_on_validation_data_stand_beside_the_confirmed_one():
    curve = {"steps": [0, 5], "loss": [2.0, 1.0], "score": [0.1, 0.7], "name": "accuracy"}
    evidence = {"measure": "accuracy", "best": "less", "confirmed": PAIR, "compared": {"less": PAIR},
                "curves": {"plain": [curve, curve], "less": [curve]}}  # fmt: skip
    made = outcome("dropout-trial", evidence)
    assert made["experiment-dropout-trial-curves"]["curves"][0]["y"] == [0.1, 0.7]
    assert made["experiment-dropout-trial-difference"]["categories"] == ["less", "less, on other seeds"]


def test_the_first_figure_of_an_experiment_says_its_outcome_and_all_speak_for_its_suspects():
    made = list(outcome("known-data", {"losses": [1.0], "accuracy": 0.5, "chance": 0.1}, suspects=["bad-net"]).values())
    assert ["Outcome: passed; it is so." in one["about"] for one in made] == [True, False]
    assert all(one["checks"] == ["bad-net"] for one in made)
    assert all(one["panel"] == "experiments" for one in made)


def run_of(values, **more):
    return {
        "metric": "accuracy",
        "split": "val",
        "curve": [[i, v] for i, v in enumerate(values)],
        "train_curve": [],
    } | more


def fix(**more):
    runs = {"0": run_of([0.5, 0.9]), "1": run_of([0.7, 1.0])}
    pair = {"effect": 0.5, "low": 0.4, "high": 0.6, "p": 0.01, "pairs": 2}
    return {
        "fix": "lower-lr", "what": "a tenth", "check": "lr-too-high", "verdict": "helped", "reason": "",
        "metric": "accuracy", "evidence": pair, "cost": "nothing", "runs": runs, "before": 0.2, "after": 0.9,
    } | more  # fmt: skip


def study(*fixes, **more):
    unchanged = {"0": run_of([0.1, 0.2]), "1": run_of([0.1, 0.4]), "2": run_of([9.0, 9.0])}
    return {"run": "r", "unchanged": unchanged, "fixes": list(fixes), "refused": [], "best": ["lower-lr"], **more}


def test_twin_curves_compare_the_seeds_that_both_have():
    made = drawn(fixes=[study(fix())])["fix-0-0-lower-lr"]
    unchanged, changed = made["curves"]
    assert unchanged["y"] == pytest.approx([0.1, 0.3])
    assert (changed["y"], changed["low"], changed["high"]) == ([0.6, 0.95], [0.5, 0.9], [0.7, 1.0])
    assert changed["role"] == "helped"
    assert made["checks"] == ["lr-too-high"]
    assert "+0.5" in made["about"]
    assert made["panel"] == "fixes"


def test_programs_without_evaluation_passes_are_compared_by_their_training_loss():
    short = {"0": run_of([0.5], train_curve=[[0, 2.0], [1, 1.0]])}
    record = study(fix(runs=short)) | {"unchanged": {"0": run_of([0.5], train_curve=[[0, 2.0], [1, 3.0]])}}
    made = drawn(fixes=[record])["fix-0-0-lower-lr"]
    assert made["y"]["label"] == "training loss"
    assert made["curves"][0]["y"] == [2.0, 3.0]


def test_effects_are_bars_by_verdict_and_the_table_lists_what_was_refused():
    worse = fix(
        fix="raise-lr", verdict="made worse", evidence={"effect": -0.1, "low": None, "high": None, "p": 1, "pairs": 1}
    )
    refused = [{"fix": "relu", "check": "", "reason": "no such call"}]
    made = drawn(fixes=[study(fix(), worse, refused=refused)])
    bars = made["fix-0-effect-accuracy"]
    assert [(bar["name"], bar["role"]) for bar in bars["series"]] == [("helped", "helped"), ("made worse", "worse")]
    assert bars["series"][0]["low"] == [0.4, None]
    rows = made["fix-0-verdicts"]["rows"]
    assert [row[1] for row in rows] == ["helped", "made worse", "not applied"]
    assert made["fix-0-1-raise-lr"]["checks"] == []


def test_a_study_with_missing_or_foreign_pieces_fails_no_figure():
    for value in (None, 3, "text", [], {}, [None], {"0": None}, HOSTILE):
        drawn(fixes=[study(fix(runs=value)), study(fix(evidence=value), unchanged=value), {"fixes": value}])
    made = drawn(fixes=[study(fix(fix=HOSTILE, what=HOSTILE, reason=HOSTILE))])
    assert any(HOSTILE in one["title"] for one in made.values())


def attempt(number, loss, **params):
    return {
        "number": number,
        "params": params,
        "state": "complete" if loss else "given up",
        "loss": loss,
        "score": None,
    }


def test_a_search_shows_what_matters_and_a_slice_of_each_setting():
    trials = [attempt(i, 1.0 + i, lr=10.0**-i, optimizer="SGD" if i % 2 else "Adam") for i in range(6)]
    trials.append(attempt(6, None, lr=1.0, optimizer="SGD"))
    found = {
        "attempts": trials, "importance": {"lr": 0.9, "optimizer": 0.1}, "own": 2.0, "best": 1.0, "verdict": "better",
        "steps": 40,
    }  # fmt: skip
    made = drawn(tuning=[found])
    assert made["tuning-importance"]["series"][0]["values"] == [0.9, 0.1]
    assert len(made["tuning-slice-lr"]["clouds"][0]["x"]) == 6
    assert made["tuning-slice-lr"]["x"]["scale"] == "log"
    bars = made["tuning-slice-optimizer"]
    assert (bars["categories"], bars["series"][0]["values"]) == (["Adam", "SGD"], [3.0, 4.0])
    assert len(made["tuning-trials"]["rows"]) == 7
    drawn(tuning=[{}, {"attempts": [None, 3, {"params": None}], "importance": None}])
