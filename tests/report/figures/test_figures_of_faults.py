"""Figures of single faults: values against what is allowed, and what a healthy run shows in their place."""

import base64

import numpy as np
import pytest

from netvet.core import Facts, LayerSeries, Series
from netvet.report import page_view
from netvet.report.figures import figures_of
from netvet.report.figures.pool import ROWS, chosen
from netvet.report.figures.stopped import types_in
from netvet.report.figures.thin import Buckets, curve
from netvet.report.words import still_open
from netvet.testing import PlainSignals


def drawn(**signals):
    found = {name: one if isinstance(one, LayerSeries) else Facts.of(*one) for name, one in signals.items()}
    figures, problems = figures_of(PlainSignals(found))
    assert problems == []
    return {one["id"]: one for one in figures}


def health(graph):
    return {one["label"]: one["health"] for one in graph["nodes"]}


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("RuntimeError: mat1 and mat2 must have the same dtype, but got Double and Float", ["float64", "float32"]),
        ("RuntimeError: expected scalar type Long but found Float", ["int64", "float32"]),
        ("RuntimeError: Found dtype torch.float64 but expected Half", ["float64", "float16"]),
        ("ValueError: no such file", []),
    ],
)
def test_the_types_of_an_error_are_read_from_its_words(message, found):
    assert types_in(message) == found


def test_what_met_in_the_call_that_stopped_is_shown_with_its_types():
    run = {"exception": "RuntimeError: must have the same dtype, but got Double and Float", "exception_file": "a/t.py"}
    given = {"phase": "train", "model": "Net", "position": 0, "dtype": "float64", "min": -2.0, "max": 3.0, "shape": [4]}
    one = drawn(run=[run | {"exception_line": 7}], inputs=[given])["stopped-types"]
    assert health(one) == {"input 0 of Net": "error", "weights of the layers": "healthy", "stopped at t.py:7": "error"}
    assert one["nodes"][0]["value"] == "float64, -2 to 3"
    assert [edge["broken"] for edge in one["edges"]] == [True, False]


def test_another_exception_has_no_picture_of_types():
    assert "stopped-types" not in drawn(run=[{"exception": "ValueError: a long story"}])


def test_labels_are_counted_beside_the_outputs():
    wine = {"kind": "classes", "outputs": 3, "max": 3, "counts": [0, 3, 9, 4]}
    one = drawn(targets=[wine])["labels-outside-0"]
    assert one["categories"] == ["0", "1", "2", "3 (no output)"]
    assert [series["values"] for series in one["series"]] == [[0, 3, 9, None], [None, None, None, 4]]
    assert "labels-outside-0" not in drawn(targets=[wine | {"max": 2, "counts": [3, 9, 4]}])


def checkpoint(*loaded, momentum=0.9):
    sgd = {"cls": "SGD", "steps": 9, "groups": [{"momentum": momentum}], "file": "t.py", "line": 4}
    load = {"kind": "load", "step": 20, "keys": ["model", "epoch"], "loss_before": 0.5, "loss_after": 0.9}
    return drawn(
        checkpoints=[load, *({"kind": "load_state_dict", "target": name, "keys": [kind]} for name, kind in loaded)],
        optimizers=[sgd], schedulers=[{"cls": "StepLR", "steps": 3, "settings": {"last_epoch": 0}}],
    )  # fmt: skip


def test_states_that_did_not_come_back_from_a_checkpoint_are_broken_off():
    one = checkpoint(("Net", "model"))["checkpoint-0"]
    assert health(one) == {
        "checkpoint, loaded at step 20": "healthy", "Net weights": "healthy", "SGD": "error", "StepLR": "error",
    }  # fmt: skip
    assert "0.5 before, 0.9 after" in one["about"]
    assert one["broken"] == "state not loaded"


def test_states_that_came_back_and_optimizers_without_one_are_not_blamed():
    whole = checkpoint(("Net", "model"), ("SGD", "optimizer"), ("StepLR", "scheduler"))["checkpoint-0"]
    assert set(health(whole).values()) == {"healthy"}
    assert "SGD" not in health(checkpoint(("Net", "model"), momentum=0)["checkpoint-0"])


def test_input_and_target_lie_on_each_other_where_one_is_copied():
    one = drawn(target_in_input=[{"model": "Net", "column": 7, "shown_input": [1, 2], "shown_target": [1, 2]}])
    assert [made["y"] for made in one["target-in-input"]["curves"]] == [[1, 2], [1, 2]]
    assert "target-in-input" not in drawn(target_in_input=[{"model": "Net", "column": None}])


@pytest.mark.parametrize(
    ("loss", "weights"),
    [({"weight": [3.0, 1.0]}, [0.75, 0.25]), ({"weight": None, "pos_weight": [4.0]}, [0.2, 0.8])],
)
def test_class_weights_stand_beside_the_shares_of_the_classes(loss, weights):
    one = drawn(losses=[{"phase": "train", "function": "f", "counts": [90, 10], **loss}])["class-weights-0"]
    assert [series["values"] for series in one["series"]] == [[0.9, 0.1], pytest.approx(weights)]


def test_a_loss_without_weights_has_no_picture_of_them():
    assert "class-weights-0" not in drawn(losses=[{"phase": "train", "counts": [90, 10], "weight": None}])


def test_sorted_classes_are_stairs_over_the_batches():
    one = drawn(targets=[{"phase": "train", "batch_counts": [[4, 0], [4, 0], [0, 4], [1, 3]]}])["batch-classes-0"]
    cells = np.frombuffer(base64.b64decode(one["cells"]), np.uint8).reshape(4, 2)
    assert cells[:3].tolist() == [[255, 2], [255, 2], [2, 255]]
    assert one["rows"] == ["class 0", "class 1"]


def test_means_of_batches_stand_beside_that_of_all():
    one = drawn(targets=[{"phase": "train", "batch_means": [1.0, 2.0, 3.0, 4.0], "mean": 2.5}])["batch-means-0"]
    assert [made["y"] for made in one["curves"]] == [[1.0, 2.0, 3.0, 4.0], [2.5, 2.5]]


def test_columns_that_are_not_finite_have_a_bar_each():
    given = {"model": "Net", "position": 0, "nonfinite": 9, "nonfinite_features": [0, 3, 0, 6], "batch": 8}
    one = drawn(inputs=[given | {"first_nonfinite_samples": [2, 5], "first_nonfinite_step": 1}])["not-finite-0"]
    assert (one["categories"], one["series"][0]["values"]) == (["column 1", "column 3"], [3, 6])
    assert "2 of 4 columns are clean. First at step 1, in samples 2, 5 of a batch of 8." in one["about"]
    assert "not-finite-0" not in drawn(inputs=[given | {"nonfinite": 0}])


def test_a_loss_made_from_a_value_is_cut_off_from_the_model():
    made = {
        "file": "t.py",
        "line": 9,
        "made_file": "t.py",
        "made_line": 7,
        "leaf": True,
        "has_graph": False,
        "calls": 3,
    }
    one = drawn(backwards=[made | {"requires_grad": True}], optimizers=[{"models": ["Net"]}])["detached-0"]
    assert [node["label"] for node in one["nodes"]] == ["Net", "made at t.py:7", "backward at t.py:9", "parameters"]
    assert [edge["broken"] for edge in one["edges"]] == [True, False, True]
    assert "detached-0" not in drawn(backwards=[made | {"leaf": False, "has_graph": True, "requires_grad": True}])


def test_what_passes_changed_is_a_map_over_them():
    passes = [{"model": "Net", "step": 10, "parameters_changed": ["w"]}, {"model": "Net", "step": 20}]
    one = drawn(evaluations=[*passes, {"model": "Net", "step": 30, "mode_before": True, "mode_after": False}])
    made = one["evaluations-change-0"]
    cells = np.frombuffer(base64.b64decode(made["cells"]), np.uint8).reshape(3, 2)
    assert cells.tolist() == [[255, 0], [0, 0], [0, 255]]  # passes that were not compared are empty
    assert (made["rows"], made["columns"]) == (["weights w", "left in eval mode"], [10, 20, 30])
    assert "evaluations-change-0" not in drawn(evaluations=passes[1:])


def test_weights_stand_beside_those_that_would_suit():
    layers = [{"name": f"fc{k}", "weight_std": 0.01, "suggested_std": 0.1, "activation_std": 0.1**k} for k in range(3)]
    one = drawn(depth_scale=[{"model": "Net", "layers": [*layers, {"name": "norm"}]}])["initial-scale-0"]
    assert [made["name"] for made in one["curves"]] == ["weights", "weights that would suit", "outputs"]
    assert one["curves"][2]["y"] == pytest.approx([1, 0.1, 0.01])


def test_ids_stand_beside_the_rows_of_their_embedding():
    one = drawn(inputs=[{"phase": "train", "model": "N", "position": 0, "embedding_rows": 42, "min": 0, "max": 42}])
    assert one["ids-0"]["series"][0]["values"] == [0, 42, 41]


def test_an_accuracy_of_evaluations_in_training_mode_says_so():
    scores = {"val_accuracy": LayerSeries.of(a=[0.5, 0.6])}
    assert drawn(**scores)["accuracy"]["curves"][0]["name"] == "val"
    sick = drawn(**scores, evaluations=[{"model": "Net", "step": 1, "dropout_active": True}])
    assert sick["accuracy"]["curves"][0]["name"] == "val, scored in training mode"


def test_a_bucket_with_a_value_that_is_not_finite_is_told_beside_its_mean():
    values = np.ones(8_000)
    values[4_001] = np.nan
    made = curve("train", Series.of(values, range(8_000)), "train")
    assert made["broken"] == [4_000 // 16 * 16]
    assert None not in made["y"]


def test_rows_that_findings_speak_of_are_kept_in_a_crowded_map():
    rows = {f"layers.{n}.weight": Buckets.of(Series.of([1.0], [0])) for n in range(1_000)}
    assert "layers.502.weight" not in chosen(rows)
    kept = chosen(rows, {"layers.502", "layers.777.weight"})
    assert {"layers.502.weight", "layers.777.weight"} <= set(kept)
    assert len(kept) <= ROWS
    assert list(kept) == sorted(kept, key=lambda name: int(name.split(".")[1]))


def test_figures_that_prove_a_fault_are_there_only_where_it_was_found():
    view = {"rules": [{"name": "x", "signals": ["a"], "stage": "fit", "measures": ""}], "findings": [],
            "run": {"name": "r"}, "log": None}  # fmt: skip
    one = {"kind": "table", "id": "p", "signals": [], "checks": ["x"], "proof": True, "panel": "data"}
    kept = page_view.assembled(view, {}, [one, one | {"id": "q", "checks": ["y"]}], [])["figures"]
    assert [figure["id"] for figure in kept] == ["p"]


def test_reasons_why_causes_are_still_open_are_said_once():
    view = {"not_assessed": [{"check": c, "reason": "no data"} for c in ("a", "b")], "log": None}
    assert still_open(view, {"not_ruled_out": ["a", "c", "b", "a"]}) == "a, b (no data); c"
