"""Pretrained weights that were loaded and then lost."""

from netvet.checks.overwritten_pretraining import overwritten_pretraining
from netvet.core import Facts

SICK = {"name": "body", "loaded": True, "overwritten": True, "elements": 900, "model": "Net"}


def found(**changes):
    return overwritten_pretraining(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "100% of what was loaded" in finding.message


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(overwritten=False)
    assert not found(elements=None)
    assert not overwritten_pretraining(Facts.of({}))


FILE = {"kind": "load_state_dict", "target": "Net", "strict": False, "step": 400, "tensors": 6, "missing_count": 6}
BEFORE_ITS_TRAINING = {"trained_by": "Adam#2", "optimizer_steps": 0, "missing": ["body.weight"]}


def test_keys_that_do_not_fit_a_model_filled_after_another_was_trained():
    record = {**FILE, **BEFORE_ITS_TRAINING, "unexpected": ["0.body.weight"], "unexpected_count": 8}
    (finding,) = overwritten_pretraining(Facts.of({}), Facts.of(record))
    assert "left 6 keys of Net without weights and ignored 8 keys" in finding.message
    assert not overwritten_pretraining(Facts.of({}), Facts.of({**record, "missing_count": 2}))
    assert not overwritten_pretraining(Facts.of({}), Facts.of({**record, "optimizer_steps": 400}))


def test_a_file_of_which_a_filter_left_nothing():
    record = {**FILE, **BEFORE_ITS_TRAINING, "unexpected": []}
    (finding,) = overwritten_pretraining(Facts.of({}), Facts.of(record))
    assert "filled none" in finding.message
    assert not overwritten_pretraining(Facts.of({}), Facts.of({**record, "missing_count": 4}))
