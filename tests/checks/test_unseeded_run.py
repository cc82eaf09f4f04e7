"""A run that draws random numbers from no fixed seed."""

import pytest

from netvet.checks.unseeded_run import unseeded_run
from netvet.core import Facts


@pytest.mark.parametrize(
    "seeds",
    [Facts(), Facts.of({"generator": "numpy", "step": 0}), Facts.of({"generator": "torch", "step": 50}), Facts.of({})],
)
def test_fires_without_a_seed_before_training(seeds):
    (finding,) = unseeded_run(seeds)
    assert "torch was never seeded" in finding.message


def test_is_only_a_note():
    assert unseeded_run.severity == "note"


@pytest.mark.parametrize("step", [0, None])
def test_is_quiet_after_a_seed(step):
    assert unseeded_run(Facts.of({"generator": "numpy"}, {"generator": "torch", "step": step})) == []
