"""Which experiments are done, what one that fails costs the others, and the gates."""

import pytest

from netvet.core import NetvetError
from netvet.experiments.experiment import STAGES, Outcome, experiment
from netvet.experiments.lab import Lab, OutOfTime
from netvet.experiments.recipe import perform, select
from netvet.report.checklist import checklist, stage_of
from tests.experiments.small_problems import problem


def one(name, stage="overfit", verdict="passed", gate=True, seconds=10.0, act=lambda lab: None):
    def run(lab):
        act(lab)
        return Outcome(verdict, f"{name} says so")

    run.__name__ = name.replace("-", "_")
    return experiment(stage=stage, title=name, gate=gate, seconds=seconds)(run)


ALL = [one("loss-at-start", "skeleton"), one("overfit-batch"), one("more-data", "regularise", "advice", gate=False)]


def names(found):
    return [e.name for e in found]


def test_selects_by_name_and_stage():
    assert names(select(ALL, [], [])) == ["loss-at-start", "overfit-batch", "more-data"]
    assert names(select(ALL, ["regularise", "overfit-batch"], [])) == ["overfit-batch", "more-data"]
    assert names(select(ALL, [], ["skeleton", "more-data"])) == ["overfit-batch"]


@pytest.mark.parametrize("where", ["only", "skip"])
def test_an_unknown_name_is_told_with_the_known_ones(where):
    with pytest.raises(NetvetError, match=r"'overfit-bach'; known: .*overfit-batch"):
        select(ALL, **{"only": [], "skip": [], where: ["overfit-bach"]})


def raising(error):
    def act(lab):
        raise error

    return act


def test_one_that_cannot_be_done_does_not_keep_the_others_from_it():
    asked = [
        one("a", act=raising(NetvetError("it needs numbers"))), one("b", act=raising(ZeroDivisionError("division"))),
        one("c", act=raising(MemoryError())), one("d"),
    ]  # fmt: skip
    told = []
    found = perform(asked, Lab(problem()), done=told.append)
    assert [(d.outcome.verdict, d.outcome.message) for d in found] == [
        ("not assessed", "it needs numbers"),
        ("not assessed", "internal error: ZeroDivisionError: division (act, please report)"),
        ("not assessed", "out of memory"),
        ("passed", "d says so"),
    ]
    assert told == found


def test_without_a_problem_all_say_why():
    assert {d.outcome.message for d in perform(ALL, None, "no step was seen")} == {"no step was seen"}


def test_a_used_up_budget_is_the_reason():
    assert "--budget" in perform(ALL, Lab(problem(), seconds=0.0))[0].outcome.message


def test_each_gets_its_share_of_the_budget():
    left = []
    asked = [one("a", seconds=30, act=lambda lab: left.append(lab.seconds_left)), one("b", seconds=10)]
    perform(asked, Lab(problem(), seconds=100.0))
    assert left[0] == pytest.approx(75.0, abs=1.0)


def test_what_needs_more_time_comes_once_more_at_the_end_gates_first():
    left = []

    def act(lab):
        left.append(round(lab.seconds_left))
        if len(left) < 4:
            raise OutOfTime("too little")

    asked = [one("a", seconds=10, gate=False, act=act), one("b", seconds=10, act=act), one("c", seconds=80)]
    found = perform(asked, Lab(problem(), seconds=100.0))
    assert [d.experiment.name for d in found] == ["c", "b", "a"]
    assert [d.outcome.message for d in found] == ["c says so", "too little", "a says so"]
    assert left == pytest.approx([10, 11, 100, 100], abs=2)


def gates(*experiments, findings=(), silent=None):
    records = [d.record() for d in perform(experiments, Lab(problem()))]
    return {s["stage"]: s["gate"] for s in checklist(records, findings, silent)}


def test_a_gate_passes_when_all_that_spoke_passed():
    found = gates(one("a"), one("b", verdict="undetermined"), one("c", "tune", "advice", gate=False))
    assert found["overfit"] == "passed"
    assert found["tune"] == found["data"] == "not assessed"
    assert list(found) == list(STAGES)


def test_what_comes_after_a_failed_gate_has_to_wait():
    found = gates(one("a", "skeleton", "failed"), one("b"))
    assert (found["skeleton"], found["overfit"], found["tune"]) == ("failed", "not yet", "not yet")


def test_advice_closes_no_gate():
    assert gates(one("a", "regularise", "failed", gate=False))["regularise"] == "not assessed"


def test_findings_of_checks_close_the_gate_of_their_stage():
    wrong = {"check": "double-softmax", "stage": "skeleton", "severity": "error", "message": "twice"}
    found = gates(one("a"), findings=[wrong], silent={"data": 3})
    assert (found["data"], found["skeleton"], found["overfit"]) == ("passed", "failed", "not yet")
    assert stage_of("lr-too-low", "fit") == "tune"
    assert stage_of("overfitting", "fit") == "regularise"
    assert stage_of("dead-relu", "fit") == "overfit"


def test_every_experiment_of_the_table_has_a_page():
    from netvet.experiments import EXPERIMENTS

    order = [STAGES.index(e.stage) for e in EXPERIMENTS]
    assert order == sorted(order)
    assert len({e.name for e in EXPERIMENTS}) == len(EXPERIMENTS)
    for e in EXPERIMENTS:
        for part in ("## Why it matters", "## How it is done", "## Known problems", "## References"):
            assert part in e.doc, f"{e.name}: no {part!r}"
