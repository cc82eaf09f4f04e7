"""Distributions, held-out predictions and single samples as figures."""

import json
from base64 import b64decode, b64encode

import numpy as np
import pytest

from netvet.core import Facts
from netvet.report.figures import figures_of
from netvet.report.figures.distributions import FAINT, density
from netvet.report.figures.spec import FIRST_LEVEL, LAST_LEVEL
from netvet.testing import PlainSignals


def drawn(**signals):
    figures, problems = figures_of(PlainSignals({name: Facts(records) for name, records in signals.items()}))
    assert problems == []
    assert json.dumps(figures, allow_nan=False)
    return {one["id"]: one for one in figures}


def packed(*counts):
    return b64encode(np.array(counts, dtype=np.uint8).tobytes()).decode()


def histogram(kind="weights", name="fc.weight", **other):
    return {
        "kind": kind, "name": name, "steps": [0, 9], "low": [-1.0, -2.0], "high": [1.0, 2.0], "zeros": [0.0, 0.5],
        "non_finite": [0, 3], "bins": packed([255] * 4, [0, 255, 255, 0]), **other,
    }  # fmt: skip


def test_a_kind_of_tensors_is_one_figure_with_a_choice():
    records = [histogram(), histogram(name="out.weight"), histogram("outputs", "fc")]
    made = drawn(histograms=records)
    assert made["distribution-weights"]["names"] == ["fc.weight", "out.weight"]
    assert made["distribution-outputs"]["names"] == ["fc"]
    assert "distribution-gradients" not in made
    one = made["distribution-weights"]["figures"][0]
    assert one["columns"] == [1, 10]
    assert (one["x"]["scale"], len(one["rows"])) == ("log", 40)
    assert "0.0% at the first look, 50.0% at the last" in one["about"]
    assert "not finite at steps 9" in one["about"]


def test_cells_are_densities_from_the_highest_value_down():
    one = drawn(histograms=[histogram()])["distribution-weights"]["figures"][0]
    cells = np.frombuffer(b64decode(one["cells"]), dtype=np.uint8).reshape(2, 40)
    values = np.array([float(row) for row in one["rows"]])
    assert (np.diff(values) < 0).all()
    for column, reach in ((0, 1.0), (1, 1.0)):
        inside = abs(values) < reach - 0.05
        assert set(cells[column][inside]) == {LAST_LEVEL}
        assert set(cells[column][abs(values) > reach + 0.1]) <= {FIRST_LEVEL}


def test_a_density_spreads_over_other_edges():
    found = density(np.array([4.0, 2.0, 0.0, 1.0]), 0.0, 4.0, np.array([0.0, 2.0, 3.5, 9.0]))
    assert found == pytest.approx(np.array([6.0, 0.5, 0.5]) / 6)
    assert density(np.array([3.0]), 2.0, 2.0, np.array([0.0, 1.0, 3.0])).tolist() == [0.0, 1.0]
    assert np.isnan(density(np.zeros(4), np.nan, np.nan, np.arange(3.0))).all()


def test_gradients_are_shown_over_two_decades_and_looks_without_numbers_are_empty():
    record = histogram("gradients", low=[None, -1.0], high=[None, 1.0], bins=packed([0] * 4, [1, 255, 255, 1]))
    one = drawn(histograms=[record])["distribution-gradients"]["figures"][0]
    assert (one["scale"]["scale"], one["scale"]["low"]) == ("log", FAINT)
    assert set(np.frombuffer(b64decode(one["cells"]), dtype=np.uint8)[:40]) == {0}
    assert drawn(histograms=[histogram(low=[None, None], high=[None, None])]) == {}


IMAGE = {
    "kind": "image", "input": "x", "height": 1, "width": 2, "channels": 1, "low": 0.0, "high": 1.0, "layout": "CHW",
    "normalisation": "ImageNet", "certain": False, "shown": [packed([1, 2]), packed([3, 4])],
}  # fmt: skip
BATCH = {
    "site": "a.py:3", "samples": 2, "classes": 3, "labels": [0, 2], "steps": [0, 20, 40],
    "predicted": [[1, 2], [0, 1], [0, 1]], "probability": [[0.4, 0.5], [0.6, 0.7], [0.9, 0.8]], **IMAGE,
}  # fmt: skip


def test_the_batch_as_the_net_sees_it():
    made = drawn(fixed_batch=[BATCH])["fixed-batch-0"]
    assert made["panel"] == "data"
    assert made["items"][0] == {
        "pixels": {"width": 2, "height": 1, "channels": 1, "data": packed([1, 2])}, "text": "", "label": "0",
        "prediction": "0", "note": "p = 0.90", "wrong": False,
    }  # fmt: skip
    assert made["items"][1]["wrong"]
    assert "normalisation undone: ImageNet, a guess" in made["about"]
    assert "at step 40" in made["about"]


def test_dynamics_tell_right_from_wrong_and_how_sure():
    made = drawn(fixed_batch=[BATCH])["prediction-dynamics-0"]
    cells = np.frombuffer(b64decode(made["cells"]), dtype=np.uint8).reshape(3, 2).astype(float)
    values = (cells - FIRST_LEVEL) / (LAST_LEVEL - FIRST_LEVEL) * 2 - 1
    assert values == pytest.approx(np.array([[-0.4, 0.5], [0.6, -0.7], [0.9, -0.8]]), abs=0.01)
    assert made["rows"] == ["0: label 0", "1: label 2"]
    assert "prediction-dynamics-0" not in drawn(fixed_batch=[BATCH | {"predicted": [[1, 2]], "steps": [0]}])


def test_ids_and_numbers_are_text():
    ids = {**BATCH, "kind": "ids", "shown": [[5, 6], [7, 8]]}
    assert drawn(fixed_batch=[ids])["fixed-batch-0"]["items"][1]["text"] == "ids: 7 8"
    numbers = {**BATCH, "kind": "numbers", "shown": [[0.5, None], [1.25, 2.0]]}
    assert drawn(fixed_batch=[numbers])["fixed-batch-0"]["items"][0]["text"] == "0.5 not finite"


HELD_OUT = {
    "split": "val", "step": 90, "loss": "cross_entropy", "samples": 4, "task": "classification", "accuracy": 0.75,
    "classes": 2, "shown": [0, 1], "confusion": [[2, 0], [1, 1]], "outside": 0, "support": [2, 2], "recall": [1.0, 0.5],
    "calibration": {"confidence": [None, 0.7], "accuracy": [None, 0.75], "count": [0, 4], "error": 0.05},
    "worst": {"losses": [2.0, None], "labels": [1, 1], "predicted": [0, 1], "probability": [0.9, 0.6], **IMAGE},
}  # fmt: skip


def test_held_out_classes_are_confusions_recall_and_calibration():
    made = drawn(held_out_predictions=[HELD_OUT])
    assert made["confusion-0"]["values"] == [[2, 0], [1, 1]]
    assert made["confusion-0"]["diagonal"]
    assert "Accuracy 75.0%" in made["confusion-0"]["about"]
    assert made["recall-0"]["categories"] == ["0 (2)", "1 (2)"]
    assert (made["calibration-0"]["clouds"][0]["x"], made["calibration-0"]["clouds"][0]["y"]) == ([0.7], [0.75])
    assert made["calibration-0"]["clouds"][0]["names"] == ["4 samples"]
    assert "calibration-0" not in drawn(held_out_predictions=[HELD_OUT | {"calibration": None}])
    assert "(training)" in drawn(held_out_predictions=[HELD_OUT | {"split": "train"}])["confusion-0"]["title"]


def test_the_worst_samples_have_loss_and_prediction():
    first, second = drawn(held_out_predictions=[HELD_OUT])["worst-samples-0"]["items"]
    assert (first["label"], first["prediction"], first["wrong"], first["note"]) == ("1", "0", True, "loss 2, p = 0.9")
    assert (second["wrong"], second["note"]) == (False, "loss not finite, p = 0.6")


def test_regression_is_predicted_against_target():
    record = {
        "split": "val", "step": 9, "samples": 3, "task": "regression", "outputs": 2, "r2": 0.5, "rmse": 1.0,
        "predicted": [[1.0, 2.0, None], [3.0, 4.0, 5.0]], "target": [[1.5, 2.5, 3.0], [3.0, 4.0, 5.0]],
    }  # fmt: skip
    made = drawn(held_out_predictions=[record])["predicted-target-0"]
    assert [(one["x"], one["y"]) for one in made["clouds"]] == [([1.5, 2.5], [1.0, 2.0]), ([3.0, 4.0, 5.0],) * 2]
    assert made["diagonal"]
    assert "r2 0.5" in made["about"]


def test_filters_before_and_after_and_mean_pictures():
    filters = {
        "layer": "conv1", "kind": "Conv2d", "filters": 9, "height": 1, "width": 2, "channels": 1, "of_channels": 4,
        "first": [packed([1, 128])], "reach_first": [0.5], "step": 7, "last": [packed([255, 128])],
        "reach_last": [0.25],
    }  # fmt: skip
    means = {**IMAGE, "classes": [None, 3], "samples": [10, 4]}
    made = drawn(first_layer_pictures=[filters], mean_images=[means])
    assert made["first-layer-last-0"]["items"][0]["pixels"]["data"] == packed([255, 128])
    assert made["first-layer-first-0"]["items"][0]["note"] == "reach 0.5"
    assert "1 of 9 filters, of 4 channels the first" in made["first-layer-last-0"]["about"]
    assert [one["label"] for one in made["mean-images-0"]["items"]] == ["all", "class 3"]


@pytest.mark.parametrize(
    "signal", ["histograms", "fixed_batch", "held_out_predictions", "first_layer_pictures", "mean_images"]
)
def test_records_without_their_fields_give_no_figure(signal):
    assert drawn(**{signal: [{}]}) == {}
