"""The prediction for one sample depends on other samples."""

from netvet.checks.batch_mixing import batch_mixing
from netvet.core import Facts, Location

SICK = {"model": "Net", "mixed": 1.0, "pair": [0, 1], "op": "view", "file": "net.py", "line": 2}


def found(**changes):
    return batch_mixing(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "100% of the pairs" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(mixed=0.0)
    assert not found(mixed=None)
    assert not found(legal=["bn"])
    assert not found(op="batch_norm")
    assert not found(pair=None)
    assert not batch_mixing(Facts.of({}))


def test_takes_two_axes_of_token_ids_for_samples_and_time():
    sick = Facts.of({**SICK, "op": "multi_head_attention_forward"})
    given = {"model": "Net", "phase": "train", "shape": [40, 12]}
    assert batch_mixing(sick, inputs=Facts.of({**given, "integral": True}))
    assert not batch_mixing(sick, inputs=Facts.of({**given, "integral": False}))


def test_points_at_where_a_recurrent_layer_is_made():
    sick = {"model": "Net", "mixed": 1.0, "pair": [0, 1], "op": "lstm", "module": "lstm", "file": "t.py", "line": 9}
    made = {"name": "lstm", "cls": "LSTM", "created_file": "t.py", "created_line": 3}
    (finding,) = batch_mixing(Facts.of(sick), modules=Facts.of(made))
    assert finding.location == Location("t.py", 3)
    (finding,) = batch_mixing(Facts.of(sick), modules=Facts.of({**made, "cls": "Linear"}))
    assert finding.location == Location("t.py", 9)
