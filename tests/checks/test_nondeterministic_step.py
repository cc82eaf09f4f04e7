"""One training step, done twice from the same state, with two results."""

import pytest

from netvet.checks.nondeterministic_step import nondeterministic_step
from netvet.core import Facts, Location


def repeat(**more):
    record = {
        "equal": False,
        "seeded": True,
        "max_difference": 0.2,
        "first_layer": "encoder",
        "file": "n.py",
        "line": 7,
    }
    return Facts.of({**record, **more})


def test_fires_on_a_large_difference():
    (finding,) = nondeterministic_step(repeat())
    assert finding.message == "the same step done twice from the same state differs by 0.2, first in encoder"
    assert finding.location == Location("n.py", 7)
    assert finding.severity is None


def test_rounding_is_a_note():
    assert [f.severity for f in nondeterministic_step(repeat(max_difference=1e-6))] == ["note"]


def test_a_gpu_may_differ_a_little_more():
    gpu = Facts.of({"device": "cuda"})
    assert [f.severity for f in nondeterministic_step(repeat(max_difference=5e-3), gpu)] == ["note"]


@pytest.mark.parametrize(
    "made",
    [
        repeat(equal=True),
        repeat(seeded=False),
        repeat(seeded=None),
        repeat(max_difference=None),
        repeat(max_difference=0),
    ],
)
def test_is_quiet_on(made):
    assert nondeterministic_step(made) == []


def test_is_quiet_without_fields():
    assert nondeterministic_step(Facts.of({})) == []


def test_names_what_it_draws_from():
    made = {"equal": False, "seeded": True, "max_difference": 0.2, "source": "the clock", "file": "net.py", "line": 9}
    (finding,) = nondeterministic_step(Facts.of(made))
    assert finding.message.endswith("differs by 0.2: it draws from the clock")
    assert finding.severity is None
    assert str(finding.location) == "net.py:9"


def test_a_hidden_state_that_may_be_meant_is_a_note():
    made = {"equal": False, "seeded": True, "max_difference": 0.2, "source": ""}
    assert [f.severity for f in nondeterministic_step(Facts.of(made))] == ["note"]
