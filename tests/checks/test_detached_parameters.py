"""Layers that run but that no gradient reaches."""

from netvet.checks.detached_parameters import detached_parameters
from netvet.core import Facts, Location

ORDER = Facts.of({"name": "body", "model": "Net", "order": 1}, {"name": "head", "model": "Net", "order": 2})


def parameter(layer, reached, elements=100, **more):
    record = {"name": f"{layer}.weight", "layer": layer, "model": "Net", "elements": elements, "reached": reached}
    return {**record, "requires_grad": True, "module_called": True, "in_optimizer": True, **more}


def found(*records, order=ORDER, **more):
    return detached_parameters(Facts.of(*records), order, **more)


def test_fires_on_a_cut_before_the_head():
    (finding,) = found(parameter("body", False), parameter("head", True))
    assert finding.message.endswith("50% of Net: the graph is cut before head")
    assert finding.severity is None


def test_an_unused_small_output_is_a_note():
    (finding,) = found(parameter("body", True), parameter("head", False, 10))
    assert finding.severity == "note"


def test_fires_on_a_whole_encoder_whose_optimizer_steps():
    encoder = parameter("encoder", False, model="Encoder", optimizer="Adam")
    assert found(encoder, parameter("head", True), optimizers=Facts.of({"name": "Adam", "steps": 5}))
    assert not found(encoder, parameter("head", True), optimizers=Facts.of({"name": "Adam", "steps": 0}))


def test_is_quiet_on_frozen_uncalled_unheld_and_tied_parameters():
    for change in ({"requires_grad": False}, {"module_called": False}, {"in_optimizer": False}, {"tied_names": ["x"]}):
        assert not found(parameter("body", False, **change), parameter("head", True))


def test_is_quiet_when_nothing_is_reached_and_without_fields():
    assert not found(parameter("body", False))
    assert not found({}, {"reached": True})


def test_points_at_the_cut_behind_a_whole_model():
    whole = {**parameter("body", False), "optimizer": "Adam"}
    other = {**parameter("x", True), "model": "Other"}
    cut = {"op": "detach", "inside": False, "models": ["Net"], "file": "t.py", "line": 70}
    cuts = Facts.of({**cut, "models": ["Other"], "line": 60}, cut)
    steps = Facts.of({"name": "Adam", "steps": 9})
    (finding,) = detached_parameters(Facts.of(whole, other), optimizers=steps, cuts=cuts)
    assert finding.location == Location("t.py", 70)
