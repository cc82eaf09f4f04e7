"""An experiment that failed speaks for the fault that it names first."""

from netvet.core import Facts, check
from netvet.diagnose import Settings, diagnose
from netvet.testing import PlainSignals


@check(stage="fit", kind="cause", severity="error", since="0.1")
def lr_off(loss):
    """The rate is off."""
    yield from ()


@check(stage="fit", kind="symptom", severity="warning", since="0.1", explained_by=("lr-off",))
def loss_high(experiments):
    """The loss is high."""
    yield from ()


def record(suspects, verdict="failed"):
    return {
        "experiment": "lr-range",
        "verdict": verdict,
        "message": "a tenth is better",
        "suspects": suspects,
        "evidence": {},
    }


def told(*records, settings=None):
    return diagnose(PlainSignals({"experiments": Facts.of(*records)}), [lr_off, loss_high], settings)


def test_the_first_suspect_is_named_although_its_check_could_not_look():
    found = told(record(["lr-off", "loss-high"]))
    (verdict,) = found.verdicts
    assert verdict.check == "lr-off"
    assert "a tenth is better (experiment lr-range)" in verdict.because
    assert [f.check.name for f in found.findings] == ["lr-off"]
    assert found.not_assessed == ()


def test_only_failures_accuse():
    for verdict in ("passed", "advice", "undetermined", "not assessed"):
        found = told(record(["lr-off"], verdict))
        assert found.findings == ()
        assert [one.check for one in found.not_assessed] == ["lr-off"]


def test_a_suspect_that_is_skipped_or_allowed_does_not_lead():
    assert told(record(["lr-off"]), settings=Settings(skip=("lr-off",))).findings == ()
    assert told(record(["lr-off"]), settings=Settings(allow={"lr-off": "on purpose"})).verdicts == ()
