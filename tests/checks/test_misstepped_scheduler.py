"""A learning-rate scheduler that is stepped at the wrong pace, or not at all."""

import pytest

from netvet.checks.misstepped_scheduler import misstepped_scheduler
from netvet.core import Facts, LayerSeries, Location


def scheduler(cls, per, **more):
    record = {"cls": cls, "per": per, "optimizer": "SGD", "steps": 600, "optimizer_steps": 600, "steps_per_epoch": 20}
    return Facts.of({**record, "file": "train.py", "line": 20, "step_file": "train.py", "step_line": 50, **more})


def rates(values):
    return LayerSeries({"SGD/0": LayerSeries.of(a=values)["a"]})


COLLAPSE = rates([0.1 * 0.1 ** (i // 3) for i in range(600)])
GENTLE = rates([0.1 * 0.999**i for i in range(600)])


def test_fires_when_an_epoch_schedule_runs_per_batch():
    (finding,) = misstepped_scheduler(scheduler("StepLR", "batch"), COLLAPSE)
    assert finding.message == (
        "StepLR is stepped after every batch (20 an epoch): "
        "the learning rate fell below 1% of its peak at step 9 of 600"
    )
    assert finding.location == Location("train.py", 50)


def test_fires_without_a_loader_only_when_the_rate_is_gone_at_once():
    assert misstepped_scheduler(scheduler("ExponentialLR", "batch", steps_per_epoch=None), COLLAPSE)
    slow = rates([0.1 * 0.98**i for i in range(600)])
    assert misstepped_scheduler(scheduler("ExponentialLR", "batch", steps_per_epoch=None), slow) == []


def test_fires_on_a_cosine_of_epochs_per_batch():
    (finding,) = misstepped_scheduler(scheduler("CosineAnnealingLR", "batch", horizon=30), GENTLE)
    assert "up and down 10 times" in finding.message


def test_fires_on_a_batch_schedule_per_epoch():
    (finding,) = misstepped_scheduler(scheduler("OneCycleLR", "epoch", horizon=600, steps=30))
    assert finding.message == (
        "OneCycleLR is laid out for 600 steps, one a batch, but stepped once an epoch: 30 times in 600 optimizer steps"
    )


def test_fires_when_it_is_never_stepped():
    (finding,) = misstepped_scheduler(scheduler("StepLR", "never", steps=0))
    assert finding.message == "StepLR never stepped in 600 optimizer steps: the learning rate follows no schedule"


@pytest.mark.parametrize(
    ("made", "lr"),
    [
        (scheduler("StepLR", "epoch", steps=30), GENTLE),
        (scheduler("StepLR", "batch"), GENTLE),
        (scheduler("OneCycleLR", "batch", horizon=600), rates([max(1e-6, 0.1 - 0.0002 * i) for i in range(600)])),
        (scheduler("LambdaLR", "batch"), COLLAPSE),
        (scheduler("CosineAnnealingLR", "batch", horizon=600), GENTLE),
        (scheduler("CosineAnnealingLR", "epoch", horizon=200, steps=30), GENTLE),
        (scheduler("CosineAnnealingLR", "epoch", horizon=30, steps=30), GENTLE),
        (scheduler("ExponentialLR", "batch", steps_per_epoch=1), COLLAPSE),
        (scheduler("StepLR", "batch"), None),
        (scheduler("StepLR", "batch"), rates([0.0, 0.0, 0.0])),
        (Facts.of({}), COLLAPSE),
    ],
)
def test_is_quiet_on_right_paces(made, lr):
    assert misstepped_scheduler(made, lr) == []


def test_is_quiet_on_a_run_that_was_cut_short():
    cut = Facts.of({"ended": "interrupt"})
    assert misstepped_scheduler(scheduler("StepLR", "never", steps=0, optimizer_steps=15), run=cut) == []


def test_epochs_of_a_script_without_a_loader_are_as_long_as_the_steps_are_apart():
    (finding,) = misstepped_scheduler(scheduler("OneCycleLR", "epoch", horizon=600, steps=30, steps_per_epoch=None))
    assert "30 times in 600" in finding.message
    every_third = scheduler("OneCycleLR", "epoch", horizon=600, steps=200, steps_per_epoch=None)
    assert not misstepped_scheduler(every_third)
