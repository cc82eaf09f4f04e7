"""A model that is trained while it is in evaluation mode."""

from netvet.checks.training_in_eval_mode import training_in_eval_mode
from netvet.core import Facts, LayerSeries, Location, Series


def train(calls=50, last=49, **more):
    return {"model": "Net", "phase": "train", "calls": calls, "first_step": 0, "last_step": last, **more}


def graded(calls=450, first=50, last=499, **more):
    record = {"model": "Net", "phase": "eval-mode-grad", "calls": calls, "first_step": first, "last_step": last}
    return {**record, "file": "train.py", "line": 40, **more}


DROPOUT = {"dropout_active": True}
WEIGHT = {"name": "w", "model": "Net", "changed": True, "loaded": False}


def test_fires_when_the_mode_is_not_switched_back():
    (finding,) = training_in_eval_mode(Facts.of(train(**DROPOUT), graded()), None, Facts.of(WEIGHT))
    assert finding.message == (
        "Net is trained in eval mode from step 50 to 499, after 50 steps in training mode: dropout is off"
    )
    assert finding.location == Location("train.py", 40)
    assert finding.severity == "warning"


def test_names_batch_norm():
    (finding,) = training_in_eval_mode(Facts.of(train(batch_norm_active=True), graded()))
    assert "batch norm keeps its old statistics" in finding.message


def test_fires_when_the_model_was_never_in_training_mode():
    modules = Facts.of({"model": "Net", "cls": "BatchNorm2d"}, {"model": "Net", "cls": "Dropout", "settings": {"p": 0}})
    calls = Facts.of(graded(500, 0))
    assert [f.severity for f in training_in_eval_mode(calls, modules, Facts.of(WEIGHT))] == ["warning"]
    loaded = Facts.of({**WEIGHT, "loaded": True})
    assert [f.severity for f in training_in_eval_mode(calls, modules, loaded)] == ["note"]


def test_is_quiet_without_dropout_and_batch_norm():
    assert training_in_eval_mode(Facts.of(train(), graded())) == []
    layers = Facts.of({"model": "Net", "cls": "Linear"}, {"model": "Net", "cls": "Dropout", "settings": {"p": 0}})
    assert training_in_eval_mode(Facts.of(graded(500, 0)), layers) == []


def test_is_quiet_on_attacks_and_validation_with_gradients():
    assert training_in_eval_mode(Facts.of(train(500, 499, **DROPOUT), graded(500, 0))) == []
    assert training_in_eval_mode(Facts.of(train(500, 490, **DROPOUT), graded(30, 100, 500))) == []
    assert training_in_eval_mode(Facts.of(train(500, 499, **DROPOUT), graded(40, 500, 500))) == []


def test_is_quiet_on_a_net_that_does_not_change():
    frozen = Facts.of({**WEIGHT, "changed": False})
    assert training_in_eval_mode(Facts.of(train(**DROPOUT), graded()), None, frozen) == []
    trunk = LayerSeries({"w": Series.of([0.01, 0.01], [0, 40]), "head": Series.of([0.01], [400])})
    assert training_in_eval_mode(Facts.of(train(**DROPOUT), graded()), None, Facts.of(WEIGHT), trunk) == []


def test_fires_on_a_net_whose_updates_go_on():
    updates = LayerSeries({"w": Series.of([0.01, 0.01], [0, 400])})
    assert training_in_eval_mode(Facts.of(train(**DROPOUT), graded()), None, Facts.of(WEIGHT), updates)


def test_is_quiet_without_fields():
    assert training_in_eval_mode(Facts.of({}, {"phase": "eval-mode-grad"}), Facts.of({}), Facts.of({})) == []


def test_a_model_that_was_put_in_eval_mode_before_its_first_step():
    (finding,) = training_in_eval_mode(Facts.of(graded(first=0, has_batch_norm=True)), None, Facts.of(WEIGHT))
    assert "as in the whole run: batch norm keeps its old statistics" in finding.message
    assert not training_in_eval_mode(Facts.of(graded(first=0, has_dropout=False)), None, Facts.of(WEIGHT))


def test_points_at_the_call_that_left_the_model_in_eval_mode():
    left = graded(mode_file="t.py", mode_line=43, file="t.py", line=57)
    (finding,) = training_in_eval_mode(Facts.of(train(dropout_active=True), left))
    assert finding.location == Location("t.py", 43)


def test_only_steps_that_were_heard_count():
    training = train(140, 4900, first_heard=0, last_heard=139, **DROPOUT)
    (finding,) = training_in_eval_mode(Facts.of(training, graded(8, 5500, 8500, first_heard=140, last_heard=147)))
    assert "from step 5500 to 8500" in finding.message


def test_is_quiet_when_few_steps_were_heard_since_the_last_training_call():
    training = train(160, 8900, first_heard=0, last_heard=160, **DROPOUT)
    attacks = graded(9, 1000, 9000, first_heard=110, last_heard=161)
    assert training_in_eval_mode(Facts.of(training, attacks)) == []
