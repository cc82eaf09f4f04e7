"""Recurrent layers whose state never reaches the next step."""

import pytest

from netvet.checks.unused_recurrence import unused_recurrence
from netvet.core import Facts

GRU = {
    "model": "Net",
    "name": "gru",
    "cls": "GRU",
    "input_shape": [12, 32, 8],
    "called": 1,
    "called_file": "train.py",
    "called_line": 7,
}
STATE = {"model": "Net", "layer": "gru", "name": "gru.weight_hh_l0", "requires_grad": True, "deep_steps": 30}


def found(*, layer=None, zero=30, inputs=0, names=("gru.weight_hh_l0",), **state):
    held = []
    for name in names:
        held.append({**STATE, "name": name, "zero_grad_steps": zero, **state})
        held.append({**STATE, "name": name.replace("weight_hh", "weight_ih"), "zero_grad_steps": inputs})
    return unused_recurrence(Facts.of(*held), Facts.of({**GRU, **(layer or {})}))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "gru sees 12 steps, but only its output after the first is read: gru.weight_hh_l0 gets"),
        ({"layer": {"settings": {"batch_first": True}}}, "gru sees 32 steps"),
        ({"layer": {"input_shape": None}}, "gru sees sequences, but only"),
        ({"names": ("gru.weight_hh_l0", "gru.weight_hh_l1")}, "gru.weight_hh_l0 and 1 more gets"),
        ({"layer": {"input_shape": [1, 32, 8], "called": 12}}, "gru is called 12 times, each time from an empty state"),
        ({"layer": {"cls": "GRUCell", "called": 9}, "names": ("gru.weight_hh",)}, "gru is called 9 times"),
    ],
)
def test_fires(given, told):
    (finding,) = found(**given)
    assert told in finding.message
    assert finding.severity is None
    assert (finding.location.file, finding.location.line) == ("train.py", 7)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"layer": {"input_shape": [1, 32, 8]}}, "sequences of one step"),
        ({"names": ("gru.weight_hh_l0_reverse",)}, "of the backward direction of gru only the first output"),
    ],
)
def test_a_note_where_it_is_meant_perhaps(given, told):
    (finding,) = found(**given)
    assert finding.severity == "note"
    assert told in finding.message


@pytest.mark.parametrize(
    "given",
    [
        {"zero": 29},
        {"zero": 3, "deep_steps": 3},
        {"inputs": 30},  # nothing reaches the layer: that is for others to say
        {"requires_grad": False},
        {"layer": {"cls": "Linear"}},
        {"layer": {"name": "other"}},
        {"deep_steps": None},
    ],
)
def test_is_quiet_on_look_alikes(given):
    assert found(**given) == []
