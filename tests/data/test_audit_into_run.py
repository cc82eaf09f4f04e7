"""What an audit adds to the run of the program that reads the data, and what of the run stays."""

import numpy as np
import pytest

from netvet.data.audit import Found, mark, write_into
from netvet.store import Run, RunWriter
from tests.data.made import audited

OWN = {"samples": 400, "true_score": 0.1, "shuffled_score": 0.1, "shuffled_sd": 0.01, "model_val_score": 0.1}
READ = {"samples": 300, "true_score": 0.9, "shuffled_score": 0.0, "shuffled_sd": 0.0, "audit": True}


@pytest.fixture
def path(tmp_path):
    writer = RunWriter.create(tmp_path, "train")
    writer.put_facts("run", [{"script": "train.py", "ended": "stopped", "seconds": 2.0}])
    writer.put_facts("random_labels", [OWN])
    writer.put_facts("targets", [{"site": "train.py:3"}])
    writer.close()
    return writer.path


def found():
    data = audited({"train": (np.zeros((300, 2)), None)})
    signals = {"random_labels": [READ], "targets": [{"site": "train"}], "data_splits": [{"split": "train"}]}
    return Found(data, signals, {"time_order": "no times", "targets": "no targets"})


def plain(records):
    return [dict(record) for record in records]


def test_labels_that_a_training_cut_short_has_not_learned_are_judged_by_the_audit(path):
    write_into(found(), path, {"net_inputs": [{"split": "train"}]}, (12, "its data having been seen"))
    run = Run.open(path)
    assert plain(run.get("random_labels")) == [READ]
    assert plain(run.get("targets")) == [{"site": "train.py:3"}]  # the run knows its lines
    assert plain(run.get("data_splits")) == plain(run.get("net_inputs")) == [{"split": "train"}]
    (about,) = plain(run.get("run"))
    assert about == {
        "script": "train.py", "ended": "stopped", "seconds": 2.0, "audit": True, "samples": 300, "stopped_step": 12,
        "stopped_because": "its data having been seen",
    }  # fmt: skip


def test_labels_that_a_whole_training_has_not_learned_are_judged_by_the_training(path):
    write_into(found(), path, {})
    run = Run.open(path)
    assert plain(run.get("random_labels")) == [OWN]
    assert "stopped_step" not in run.get("run")[0]


def test_a_run_whose_data_could_not_be_read_is_an_audit_all_the_same(path):
    mark(path, (12, "its data having been seen"))
    run = Run.open(path)
    assert plain(run.get("random_labels")) == [OWN]
    assert (run.get("run")[0]["audit"], run.get("run")[0]["stopped_step"]) == (True, 12)
