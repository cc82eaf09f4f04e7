"""Training data that are too few for the task."""

import pytest

from netvet.checks.too_few_samples import too_few_samples
from netvet.core import Facts


def curve(*, last=0.3, train=1.0, gain=(-0.08, -0.1, -0.06), measure="accuracy", verdict="advice", **changed):
    evidence = {
        "measure": measure, "sizes": [16, 32, 64, 128], "errors": [[0.7, 0.6, 0.45, last]] * 3, "train": [train] * 3,
        "gain": dict(zip(("effect", "low", "high"), gain, strict=False)),
    }  # fmt: skip
    return Facts.of({"experiment": "learning-curve", "verdict": verdict, "evidence": evidence | changed})


def test_fires_where_twice_the_data_would_bring_a_lot():
    (finding,) = too_few_samples(curve())
    assert "twice as many bring +0.08 (0.06 to 0.1)" in finding.message
    assert finding.value == pytest.approx(0.08)


def test_fires_on_losses():
    (finding,) = too_few_samples(curve(last=2.0, train=0.1, gain=(-0.5, -0.7, -0.3), measure="loss"))
    assert "loss is 2 on validation and 0.1 on training data; twice as many bring -0.5" in finding.message


@pytest.mark.parametrize(
    "healthy",
    [
        {"gain": (-0.02, -0.03, -0.01)},  # moderate
        {"gain": (-0.08, -0.2, 0.04)},  # not sure
        {"train": 0.75},  # the training data are not fitted either
        {"last": 0.05},  # little is left to gain
        {"verdict": "passed"},
        {"measure": "loss", "last": 1.0, "train": 0.9},
    ],
)
def test_is_quiet_where_data_are_enough_or_do_not_decide(healthy):
    assert too_few_samples(curve(**healthy)) == []


@pytest.mark.parametrize("broken", [{"train": None}, {"train": [None]}, {"gain": {}}, {"errors": [[]]}, {"sizes": []}])
def test_incomplete_evidence_tells_nothing(broken):
    assert too_few_samples(curve(**broken)) == []
