"""What enters the net and the loss, and samples that are the same."""

from netvet.core import Facts
from netvet.report.figures.entering import loss_inputs, net_inputs, samples
from netvet.report.figures.model import graphs
from netvet.testing import PlainSignals


def an_input(phase="train", **facts):
    numbers = {"min": -1.0, "mean": 0.0, "std": 1.0, "max": 2.0}
    return {"model": "Net", "position": 0, "phase": phase, "shape": [8, 3], **numbers, **facts}


def bars_of(figure):
    return {one["name"]: one["values"] for one in figure["series"]}


def of_inputs(*records):
    return list(net_inputs(PlainSignals({"inputs": Facts(records)})))


def a_loss(**facts):
    given = {"shape": [4, 3], "min": 0.1, "mean": 0.3, "std": 0.1, "max": 0.6, "integral": False}
    return {"site": "train.py:9", "function": "mse_loss", "phase": "train", "input": given, "target": given, **facts}


def of_losses(loss, *nodes, kind="classes"):
    facts = {"losses": Facts.of(loss), "targets": Facts.of({"site": "train.py:9", "kind": kind})}
    source = PlainSignals({**facts, "graph": Facts(nodes), "modules": Facts.of()})
    return [*loss_inputs(source), *(one for one in graphs(source) if one["id"].startswith("loss-path"))]


def node(number, op, inputs=(), module=None):
    return {
        "backward": "train.py:9", "id": number, "op": op, "next": list(inputs), "module": module, "function": op,
    }  # fmt: skip


# cross_entropy <- e <- d <- c <- b <- a
CHAIN = (
    node(0, "cross_entropy", [1]),
    *(node(number, "Addmm", [number + 1], name) for number, name in enumerate("edcb", 1)),
    node(5, "Addmm", [], "a"),
)


def test_training_and_evaluation_of_an_input_stand_side_by_side():
    (figure,) = of_inputs(an_input(), an_input("eval", mean=5.0))
    assert bars_of(figure) == {"training": [-1, 0, 1, 2], "evaluation": [-1, 5, 1, 2]}


def test_an_input_without_numbers_is_not_drawn():
    assert of_inputs({"model": "Net", "position": 0, "phase": "train", "min": None}) == []


def test_columns_that_never_vary_come_first():
    whole, columns = of_inputs(an_input(feature_std=[1.0, 2.0, 3.0]))
    assert [whole["id"], columns["id"]] == ["net-input-0", "net-input-0-features"]
    first, _ = of_inputs(an_input(feature_std=[1.0, 0.0, 3.0], constant_features=1))
    assert bars_of(first) == {"training": [1, 0, 3]}


def test_channels_of_images_are_no_columns():
    assert len(of_inputs(an_input(feature_std=[1.0, 2.0, 3.0], shape=[8, 3, 4, 4]))) == 1


def test_values_that_are_not_finite_and_rows_of_an_embedding_are_told():
    (figure,) = of_inputs(an_input(nonfinite=1200))
    assert figure["about"].endswith("1,200 values in train are not finite.")
    (figure,) = of_inputs(an_input(embedding_rows=42))
    assert figure["about"].endswith("The embedding has 42 rows, for 0 to 41.")


def test_outputs_and_targets_of_a_regression_are_compared():
    (figure,) = of_losses(a_loss(input_op="sigmoid"), kind="regression")
    assert bars_of(figure) == {"outputs [4, 3]": [0.1, 0.3, 0.1, 0.6], "targets [4, 3]": [0.1, 0.3, 0.1, 0.6]}
    assert "made by sigmoid" in figure["about"]


def test_the_way_into_the_loss_is_its_last_modules():
    (figure,) = of_losses(a_loss(function="cross_entropy", rows_sum_to_one=1.0), *CHAIN)
    assert {one["label"]: one["value"] for one in figure["nodes"]} == {
        "c": "", "d": "", "e": "", "cross_entropy": "takes 0.1 to 0.6, rows sum to 1",
    }  # fmt: skip
    assert len(figure["edges"]) == 3
    assert "called at train.py:9" in next(one["notes"] for one in figure["nodes"] if one["value"])


def test_copies_are_counted_beside_all_samples():
    record = {"train_seen": 500, "duplicates": 0, "eval": 200, "overlap": 146, "conflicting": None}
    (figure,) = samples(PlainSignals({"samples": Facts.of(record)}))
    assert dict(zip(figure["categories"], figure["series"][0]["values"], strict=True)) == {
        "training samples": 500, "copies of an earlier training sample": 0, "evaluation samples": 200,
        "evaluation samples seen in training": 146,
    }  # fmt: skip


def test_without_samples_there_is_no_picture():
    assert list(samples(PlainSignals({"samples": Facts.of({"train_seen": 0})}))) == []
