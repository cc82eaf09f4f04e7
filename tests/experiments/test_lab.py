"""Budgets, the journal, and that nothing is done twice."""

import json

import pytest
import torch
from torch.nn.functional import cross_entropy

from netvet.core import NetvetError
from netvet.experiments.lab import Lab, OutOfTime, digest
from netvet.experiments.trial import Trial
from tests.experiments.small_problems import blobs, net, problem


def numbers(results):
    return [(r.losses, r.ended, r.train, r.val, r.extra) for r in results]


def test_gives_twins_by_name_in_the_order_of_the_seeds():
    lab = Lab(problem(), seeds=(5, 6))
    found = lab.twins(6, faster={"lr-factor": 2.0})
    assert list(found) == ["plain", "faster"]
    again = lab.run([Trial(6, 5), Trial(6, 6, {"lr-factor": 2.0})])
    assert numbers(again) == numbers([found["plain"][0], found["faster"][1]])
    assert lab.trials == 4


def test_does_no_trial_twice():
    lab = Lab(problem())
    one, other = lab.run([Trial(5), Trial(5)])
    assert one is other
    assert lab.trials == 1


def test_tells_of_each_trial():
    told = []
    Lab(problem(), tell=told.append).run([Trial(3), Trial(3, 1)])
    assert [line.partition(",")[0] for line in told] == ["trial 1", "trial 2"]


TRIALS = [Trial(5), Trial(5, 1, {"one-batch": 4, "shown": 3}), Trial(5, 2)]


def test_a_study_that_was_broken_off_goes_on_with_the_same_results(tmp_path):
    journal = tmp_path / "studies" / "one.jsonl"
    whole = Lab(problem(), journal=journal)
    first = whole.run(TRIALS)
    lines = journal.read_text().splitlines()
    assert len(lines) == 3
    # Killed within the second line.
    journal.write_text(lines[0] + "\n" + lines[1][: len(lines[1]) // 2])
    again = Lab(problem(), journal=journal)
    assert numbers(again.run(TRIALS)) == numbers(first)
    assert again.trials == 2
    third = Lab(problem(), journal=journal)
    assert numbers(third.run(TRIALS)) == numbers(first)
    assert third.trials == 0  # the half line has not spoiled the one after it


def test_lines_that_are_no_results_are_left_out(tmp_path):
    journal = tmp_path / "one.jsonl"
    key = Trial(5).key
    junk = [
        "",
        "7",
        "[]",
        '["a", 1]',
        '["a", {}]',
        json.dumps([key, {"losses": 3}]),
        '{"a": 1}',
        "\xff",
    ]
    journal.write_text("\n".join(junk))
    lab = Lab(problem(), journal=journal)
    assert lab.run([Trial(5)])[0].ended == "steps"
    assert lab.trials == 1


def test_results_are_the_same_whether_they_are_new_or_read(tmp_path):
    journal = tmp_path / "one.jsonl"
    trial = Trial(60, 0, {"lr": 1e18})
    new, read = (Lab(problem(), journal=journal).run([trial])[0] for _ in range(2))
    assert new.ended == read.ended
    assert str(new) == str(read)  # not-a-number too


def test_what_failed_is_tried_again(tmp_path):
    broken = [True]

    def step(model, batch):
        if broken[0] and step.armed:
            raise ValueError("the disk is full")
        return cross_entropy(model(batch[0]), batch[1]), None

    step.armed = False
    found = problem(loss=None, step=step)
    step.armed = True
    journal = tmp_path / "one.jsonl"
    assert Lab(found, journal=journal).run([Trial(5)])[0].error == "ValueError: the disk is full"
    broken[0] = False
    assert Lab(found, journal=journal).run([Trial(5)])[0].ended == "steps"


def test_trials_that_were_cut_short_are_no_twins():
    lab = Lab(problem(), seconds=0.0)
    with pytest.raises(NetvetError, match=r"time ran out after \d+ of 1000000 steps.*--budget"):
        lab.run([Trial(1_000_000)])


def test_a_budget_holds_for_all_trials_together():
    lab = Lab(problem(), seconds=0.2)
    with pytest.raises(NetvetError, match="time ran out"):
        lab.run([Trial(1_000_000, seed) for seed in range(20)])
    assert lab.trials == 20
    assert lab.seconds_left == 0.0


def test_steps_fit_into_what_is_left():
    lab = Lab(problem(), seconds=1000.0)
    assert lab.steps(300, 4) == 300
    lab.allow(lab.step_seconds * 100)
    assert 10 <= lab.steps(300, 4) <= 30
    lab.allow(lab.step_seconds * 50)
    assert lab.steps(300, 4, least=15) == 15
    lab.allow(0.0)
    with pytest.raises(OutOfTime, match="4 trials of 12 steps take about"):
        lab.steps(300, 4, least=12)


def test_a_copy_that_cannot_be_trained_is_told_of():
    def step(model, batch):
        if model.training and step.armed:
            raise ValueError("no such thing")
        return cross_entropy(model(batch[0]), batch[1]), None

    step.armed = False
    found = problem(loss=None, step=step)
    step.armed = True
    with pytest.raises(NetvetError, match="cannot be trained: ValueError: no such thing"):
        _ = Lab(found).step_seconds
    with pytest.raises(NetvetError, match="cannot be trained: ValueError: no such thing"):
        digest(found)


def seeded():
    torch.manual_seed(7)
    return net()


def test_the_digest_is_that_of_the_program():
    same = [digest(problem(model=seeded)) for _ in range(2)]
    others = [
        digest(problem(model=net, optimizer=None)),
        digest(problem(train=blobs(96, 5))),
        digest(problem(val=blobs(48, 5))),
        digest(problem(model=lambda: net(0.5))),
        digest(problem(optimizer=lambda model: torch.optim.LBFGS(model.parameters()))),
    ]
    assert same[0] == same[1]
    assert len({same[0], *others}) == 6
