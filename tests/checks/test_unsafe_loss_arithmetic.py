"""The operation that made the first NaN or infinity out of finite numbers."""

import pytest

from netvet.checks.unsafe_loss_arithmetic import unsafe_loss_arithmetic
from netvet.core import Facts, Location


def first(op, low, high, **more):
    record = {"step": 12, "op": op, "phase": "forward", "operand_min": low, "operand_max": high}
    return Facts.of({**record, "file": "train.py", "line": 44, **more})


@pytest.mark.parametrize(
    ("op", "low", "high", "words"),
    [
        ("log", 0.0, 0.98, "log made the first NaN or infinity at step 12: its operand reaches down to 0"),
        ("LogBackward0", -0.1, 3.0, "reaches down to -0.1"),
        ("div", 0.0, 4.0, "includes 0"),
        ("exp", -3.0, 120.0, "exp overflows float32 above 88.7"),
        ("acos", -1.0, 1.0, "finite slope"),
        ("log1p", -1.0, 0.0, "down to -1"),
    ],
)
def test_fires_on_the_forward_operation(op, low, high, words):
    (finding,) = unsafe_loss_arithmetic(first(op, low, high))
    assert words in finding.message
    assert finding.location == Location("train.py", 44)
    assert finding.step == 12


def test_fires_on_a_gradient_without_bound():
    (finding,) = unsafe_loss_arithmetic(first("Sqrt", 0.0, 3.0, phase="backward"))
    assert finding.message.startswith("the gradient of sqrt made the first NaN or infinity")


def test_fires_on_a_mean_over_nothing():
    assert "no element" in unsafe_loss_arithmetic(first("mean", None, None))[0].message


@pytest.mark.parametrize(
    "record",
    [
        first("log", 0.0, 1.0, from_input=True),
        first("log", 0.0, 1.0, from_weights=True),
        first("addmm", -1e30, 1e38),
        first("exp", 0.0, 1e9),
        first("mse_loss", -1e20, 1e20),
        first("pow", -1e25, 1e25),
        first("log", 0.1, 1.0),
        first("div", 0.5, 2.0),
        first("softmax", -4.0, 4.0),
    ],
)
def test_is_quiet_on_other_faults(record):
    assert unsafe_loss_arithmetic(record) == []


def test_is_quiet_on_what_a_scaler_handles():
    assert unsafe_loss_arithmetic(first("sqrt", 0.0, 1.0, phase="backward"), scalers=Facts.of({"skipped": 1})) == []


def graph(*ops):
    return Facts.of(*({"backward": "t:9", "id": i, "op": op, "next": [i + 1]} for i, op in enumerate(ops)))


def test_a_logarithm_behind_a_softmax_is_a_note_before_anything_happens():
    assert [f.severity for f in unsafe_loss_arithmetic(graph=graph("Mean", "Log", "Softmax"))] == ["note"]


@pytest.mark.parametrize("ops", [("Mean", "Log", "Add", "Softmax"), ("Log", "Clamp", "Sigmoid"), ("LogSoftmax", "Mm")])
def test_is_quiet_on_guarded_logarithms(ops):
    assert unsafe_loss_arithmetic(graph=graph(*ops)) == []


def test_is_quiet_without_fields():
    assert unsafe_loss_arithmetic() == []
    assert unsafe_loss_arithmetic(Facts.of({}), Facts.of({})) == []
