"""A process for which the others wait."""

import pytest

from netvet.checks.straggling_rank import straggling_rank
from netvet.core import Facts, Location

FAST = {"rank": 0, "timed_steps": 30, "between_passes_excess": -0.6, "between_passes_slower": 0.0}
FAST |= {"backward_excess": 0.6, "step_seconds": 0.01}
SLOW = {"rank": 1, "timed_steps": 30, "between_passes_excess": 0.6, "between_passes_slower": 1.0}
SLOW |= {"between_passes_seconds": 0.008, "backward_excess": -0.6, "step_seconds": 0.01}


def test_names_the_rank_and_the_data_set():
    loader = {"phase": "train", "dataset_file": "data.py", "dataset_line": 7}
    (finding,) = straggling_rank(Facts.of(FAST, SLOW), Facts.of(loader))
    assert finding.where == "rank 1"
    assert finding.location == Location("data.py", 7)
    assert "it takes 8 ms before its forward pass" in finding.message


def test_names_a_rank_that_is_slow_in_its_forward_pass():
    slow = {**SLOW, "between_passes_excess": 0.0, "forward_excess": 0.5, "forward_slower": 0.9}
    (finding,) = straggling_rank(Facts.of(FAST, slow))
    assert "in its forward pass" in finding.message
    assert finding.value == 0.5


@pytest.mark.parametrize(
    "more",
    [
        {"timed_steps": 19},
        {"between_passes_excess": 0.2},
        {"between_passes_slower": 0.6},
        {"backward_excess": 0.0},  # nobody waits for it
    ],
)
def test_is_quiet_on(more):
    assert straggling_rank(Facts.of(FAST, {**SLOW, **more})) == []
    assert straggling_rank(Facts.of({"rank": 0}, {"rank": 1})) == []
