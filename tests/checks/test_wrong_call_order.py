"""Calls of the training loop in an order in which one of them has no effect."""

import pytest

from netvet.checks.wrong_call_order import wrong_call_order
from netvet.core import Facts, Location


def loop(pattern, times=8):
    """Events of a loop; `kind` or `kind:target`."""
    records = []
    for step in range(times):
        for position, word in enumerate(pattern.split()):
            kind, _, target = word.partition(":")
            known = {"step": step, "kind": kind, "target": target or "SGD", "file": "train.py"}
            records.append({**known, "line": 30 if kind == "backward" else 40 + position})
    return Facts.of(*records)


def empty(times=8, **more):
    return Facts.of({"optimizer": "SGD", "intervals": 7, "zero_at_step": times, **more})


@pytest.mark.parametrize(
    "pattern",
    ["forward loss backward zero_grad step", "zero_grad forward loss step backward", "backward zero_grad:Net step"],
)
def test_fires_when_the_gradients_are_cleared_before_the_step(pattern):
    (finding,) = wrong_call_order(loop(pattern), empty())
    assert finding.message == (
        "zero_grad runs between backward and step: SGD stepped 8 times on gradients that had just been cleared"
    )
    assert finding.location is not None
    assert finding.confidence == 1.0


@pytest.mark.parametrize(
    "pattern",
    [
        "zero_grad forward loss backward step",
        "forward loss backward step zero_grad",
        "forward zero_grad loss backward step",
        "step zero_grad forward loss backward",
        "zero_grad backward backward step",
        "zero_grad backward clip step scheduler_step",
        "zero_grad:SGD backward zero_grad:Adam step",
    ],
)
def test_is_quiet_on_right_orders(pattern):
    resets = Facts.of(*empty(), {"optimizer": "Adam"})
    assert wrong_call_order(loop(pattern), resets) == []


def test_is_quiet_when_the_gradients_were_not_empty():
    assert wrong_call_order(loop("backward zero_grad step"), empty(0)) == []
    assert wrong_call_order(loop("backward zero_grad step"), empty(2)) == []
    assert wrong_call_order(loop("backward zero_grad step")) == []


def test_fires_when_micro_batches_are_cleared():
    (finding,) = wrong_call_order(loop("zero_grad backward zero_grad backward zero_grad backward step"))
    assert finding.message == (
        "zero_grad runs after each of 3 backward calls for one step: only the last micro-batch counts"
    )
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "pattern",
    [
        "zero_grad backward zero_grad backward step",
        "zero_grad backward backward backward step",
        "zero_grad:a backward zero_grad:b backward zero_grad:c backward step:a step:b step:c",
    ],
)
def test_is_quiet_on_sharpness_aware_steps_accumulation_and_ensembles(pattern):
    assert wrong_call_order(loop(pattern)) == []


def clip(position, **more):
    record = {"kind": "norm", "max_norm": 1.0, "calls": 100, "position": position}
    return Facts.of({**record, "file": "train.py", "line": 33, **more})


@pytest.mark.parametrize(
    ("position", "words"),
    [("before-backward", "before backward"), ("after-step", "after the step"), ("before-unscale", "unscaled")],
)
def test_fires_on_clipping_at_the_wrong_place(position, words):
    (finding,) = wrong_call_order(Facts(), clips=clip(position))
    assert words in finding.message
    assert finding.location == Location("train.py", 33)
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "clips",
    [clip("ok"), clip(None), clip("after-step", max_norm=float("inf")), clip("after-step", max_norm=1e9)],
)
def test_is_quiet_on_right_clipping_and_on_reading_the_norm(clips):
    assert wrong_call_order(Facts(), clips=clips) == []


def test_a_scheduler_that_steps_first_is_a_note():
    early = Facts.of({"cls": "StepLR", "before_optimizer": True, "file": "train.py", "line": 20})
    assert [f.severity for f in wrong_call_order(Facts(), schedulers=early)] == ["note"]


def test_is_quiet_without_fields():
    nothing = Facts.of({})
    assert wrong_call_order(nothing, nothing, nothing, nothing) == []


def test_is_quiet_for_replicas_that_each_clear_their_own_gradients():
    one_step = [("zero_grad", "SGD"), ("backward", "")] * 4 + [("step", "SGD"), ("step", "SGD#2")]
    records = [{"kind": k, "target": t, "step": i, "file": "t.py", "line": 3} for i in range(6) for k, t in one_step]
    resets = [{"optimizer": name, "intervals": 5, "zero_at_step": 0} for name in ("SGD", "SGD#2")]
    assert not wrong_call_order(Facts.of(*records), Facts.of(*resets))
    assert wrong_call_order(Facts.of(*records), Facts.of(resets[0]))
