"""A net that cannot learn one batch by heart."""

from netvet.checks.cannot_overfit_batch import cannot_overfit_batch
from netvet.core import Facts


def record(**more):
    return {"experiment": "overfit-batch", "verdict": "failed", "message": "32 samples", "evidence": {}, **more}


def test_fires_where_the_experiment_failed():
    (finding,) = cannot_overfit_batch(Facts.of(record(evidence={"reached": [1]})))
    assert finding.message == "32 samples"
    assert finding.evidence == {"reached": [1]}


def test_is_quiet_where_it_passed_or_could_not_tell():
    for verdict in ("passed", "undetermined", "not assessed"):
        assert cannot_overfit_batch(Facts.of(record(verdict=verdict))) == []


def test_other_experiments_do_not_speak_for_it():
    assert cannot_overfit_batch(Facts.of(record(experiment="baselines"))) == []
