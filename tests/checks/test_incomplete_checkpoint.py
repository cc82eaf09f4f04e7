"""A training that was resumed without all of its state."""

import pytest

from netvet.checks.incomplete_checkpoint import incomplete_checkpoint
from netvet.core import Facts, Location

ADAM = Facts.of({"name": "Adam", "cls": "Adam", "steps": 400})
PLAIN = Facts.of({"name": "SGD", "cls": "SGD", "steps": 400, "groups": [{"momentum": 0}]})
RUN = Facts.of({"steps": 400})


def load(step, *keys):
    return {"kind": "load", "step": step, "keys": list(keys), "file": "train.py", "line": 70}


def state(target, **more):
    return {"kind": "load_state_dict", "target": target, "step": 200, **more}


def test_fires_when_the_optimizer_starts_anew():
    made = Facts.of(load(200, "model", "optimizer", "epoch"), state("model"))
    (finding,) = incomplete_checkpoint(made, ADAM, run=RUN)
    assert finding.message == (
        "training went on from a checkpoint at step 200 without the state of Adam, although the file has one"
    )
    assert finding.location == Location("train.py", 70)
    assert finding.severity == "warning"


def test_fires_when_it_was_not_saved():
    made = Facts.of(load(0, "model", "epoch"), state("model"))
    (finding,) = incomplete_checkpoint(made, ADAM, run=RUN)
    assert finding.message == "training went on from a checkpoint at step 0 without the state of Adam"


def test_names_scheduler_and_running_statistics():
    lost = state("model", missing=["bn.running_mean", "bn.running_var"])
    made = Facts.of(load(200, "model", "epoch"), lost, state("optimizer"))
    (finding,) = incomplete_checkpoint(made, ADAM, Facts.of({"cls": "StepLR", "steps": 10}), RUN)
    assert "without the state of StepLR and 2 running statistics" in finding.message


def test_a_schedule_that_is_made_at_the_epoch_of_the_checkpoint_goes_on():
    made = Facts.of(load(200, "model", "epoch"), state("model"), state("optimizer"))
    schedule = {"cls": "StepLR", "steps": 10, "settings": {"last_epoch": 20}}
    assert not list(incomplete_checkpoint(made, ADAM, Facts.of(schedule), RUN))


def test_files_that_are_read_at_one_step_are_one_checkpoint():
    made = Facts.of(load(200, "model"), state("model"), load(200, "optimizer"), state("optimizer"))
    assert not list(incomplete_checkpoint(made, ADAM, run=RUN))
    apart = Facts.of(load(200, "model", "epoch"), state("model"), load(300, "optimizer"), state("optimizer"))
    assert len(list(incomplete_checkpoint(apart, ADAM, run=RUN))) == 1


def test_weights_without_a_mark_of_progress_in_mid_run_are_a_note():
    made = Facts.of(load(200, "model"), state("model"))
    assert [f.severity for f in incomplete_checkpoint(made, ADAM, run=RUN)] == ["note"]


@pytest.mark.parametrize(
    "made",
    [
        Facts.of(load(200, "model", "optimizer", "epoch"), state("model"), state("optimizer")),
        Facts.of(load(0, "model"), state("model")),
        Facts.of(load(400, "model", "epoch"), state("model")),
        Facts.of(load(395, "model", "epoch"), state("model")),
        Facts.of(state("model"), state("model")),
        Facts.of(load(200, "other")),
        Facts.of({"kind": "save", "step": 100, "keys": ["model"]}),
        Facts.of({}),
    ],
)
def test_is_quiet_on(made):
    assert incomplete_checkpoint(made, ADAM, run=RUN) == []


TWO = Facts.of(*({"name": n, "cls": "Adam", "steps": 200, "file": "train.py", "line": 20} for n in ("Adam", "Adam#2")))


def filled(trained_by, steps=0):
    return state("Net", keys=["model"], trained_by=trained_by, optimizer_steps=steps, file="train.py", line=72)


def test_points_at_the_load_when_the_training_is_built_up_again():
    (finding,) = incomplete_checkpoint(Facts.of(load(200, "model", "epoch"), filled("Adam#2")), TWO, run=RUN)
    assert finding.severity == "warning"
    assert finding.location == Location("train.py", 72)


def test_is_quiet_when_the_model_is_only_tested_after_the_load():
    assert incomplete_checkpoint(Facts.of(load(200, "model", "epoch"), filled(None)), TWO, run=RUN) == []


def test_is_quiet_when_the_same_optimizer_goes_on():
    assert incomplete_checkpoint(Facts.of(load(200, "model", "epoch"), filled("Adam", 200)), TWO, run=RUN) == []


def test_another_optimizer_after_the_load_is_a_note():
    other = Facts.of({**TWO[0]}, {**TWO[1], "line": 80})
    found = incomplete_checkpoint(Facts.of(load(200, "model", "epoch"), filled("Adam#2")), other, run=RUN)
    assert [f.severity for f in found] == ["note"]


def test_is_quiet_on_plain_sgd():
    assert incomplete_checkpoint(Facts.of(load(200, "model", "epoch"), state("model")), PLAIN, run=RUN) == []


def test_is_quiet_without_fields():
    assert incomplete_checkpoint(Facts.of({"kind": "load"}), Facts.of({}), Facts.of({}), Facts.of({})) == []
