"""The loss is clamped from above, and what is above gets no gradient."""

import pytest

from netvet.checks.clipped_loss import clipped_loss
from netvet.core import Facts, LayerSeries, Location


def graph(*ops, saved=None):
    """A chain of nodes from the loss down; the clamp keeps its bounds."""
    nodes = []
    for i, op in enumerate(ops):
        node = {"backward": "train.py:9", "id": i, "op": op, "next": [i + 1] if i + 1 < len(ops) else []}
        if op.startswith("Clamp"):
            node |= {"saved": saved if saved is not None else {"max": 1.0}, "file": "train.py", "line": 8}
        nodes.append(node)
    return Facts.of(*nodes)


ALL = Facts.of({"clamped": 1.0})


@pytest.mark.parametrize(
    "ops",
    [
        ("Clamp", "NllLoss", "LogSoftmax"),
        ("Mean", "Clamp", "NllLoss"),
        ("Div", "Add", "ClampBackward1", "MseLossBackward0"),
        ("ClampMax", "Mean", "Pow", "Sub"),
    ],
)
def test_fires_when_a_bounded_loss_silences_samples(ops):
    (finding,) = clipped_loss(graph(*ops), ALL)
    assert finding.message == "the loss is clamped to at most 1: 100% of the samples are above and get no gradient"
    assert finding.location == Location("train.py", 8)
    assert finding.severity == "error"


def test_is_a_warning_when_a_few_samples_are_silenced():
    assert [f.severity for f in clipped_loss(graph("Clamp", "NllLoss"), Facts.of({"clamped": 0.2}))] == ["warning"]


def test_is_a_note_when_the_bound_is_hardly_reached():
    assert [f.severity for f in clipped_loss(graph("Clamp", "NllLoss"), Facts.of({"clamped": 0.01}))] == ["note"]


def test_sees_a_loss_that_stays_at_its_bound():
    loss = LayerSeries({"train.py:9": LayerSeries.of(a=[1.0] * 50)["a"]})
    (finding,) = clipped_loss(graph("Clamp", "NllLoss"), loss=loss)
    assert finding.severity == "error"


@pytest.mark.parametrize(
    "nodes",
    [
        graph("NllLoss", "LogSoftmax", "Addmm"),
        graph("Mean", "Clamp", "Sub", saved={"min": 0.0, "max": None}),
        graph("Add", "Clamp", "Sum", saved={"min": 0.5}),
        graph("Neg", "Mean", "Minimum", "Mul", "Clamp", "Exp", "Sub"),
        graph("Neg", "Mean", "Log", "Clamp", "Softmax", saved={"min": 1e-7, "max": 1.0}),
        graph("Mean", "Add", "Exp", "Clamp", "Addmm", saved={"min": -20, "max": 2}),
        graph("Mean", "Mul", "Clamp", "Addmm"),
        graph("Clamp", "NllLoss", saved={"max": float("inf")}),
    ],
)
def test_is_quiet_on_legal_clamps(nodes):
    assert clipped_loss(nodes, ALL) == []


def test_zero_gradients_by_ignored_targets_do_not_count():
    losses = Facts.of({"phase": "train", "zero_gradient_share": 0.6, "ignored_share": 0.6})
    assert [f.severity for f in clipped_loss(graph("Clamp", "NllLoss"), losses=losses)] == ["note"]


def test_is_quiet_without_fields_and_in_loops():
    assert clipped_loss(Facts.of({}, {"id": 0}, {"id": 0, "op": "Add", "next": [0, None]})) == []


def test_fires_on_errors_beyond_a_clamp():
    record = {"clamped_errors": 0.2, "clamp_max": 1.0, "clamp_file": "train.py", "clamp_line": 8}
    (finding,) = clipped_loss(graph("Mean", "Pow", "Sub"), Facts.of(record))
    assert finding.message == "the error is clamped to at most 1: 20% of the samples are above and get no gradient"
    assert finding.location == Location("train.py", 8)
    assert finding.severity == "warning"
    assert not clipped_loss(graph("Mean", "Pow", "Sub"), Facts.of({**record, "clamped_errors": 0.01}))
