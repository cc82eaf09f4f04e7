"""Collectors that must know that they have slept."""

from collections import deque

import pytest
import torch
import torch.nn.functional as F

from tests.capture.sleeping import Loop


def test_gradients_that_pile_up_in_a_later_phase_are_seen_in_windows(sleepy):
    one, loop = sleepy(every=12), Loop().run(100)
    loop.optimizer.zero_grad = lambda: None
    loop.run(200)
    (record,) = one.end().get("gradient_resets")
    assert min(record["not_reset"] - 3, record["first_step"] - 100) >= 0
    assert record["intervals_since"] == record["not_reset"] < record["intervals"]


def test_gradients_of_one_step_are_not_taken_for_old_ones_after_a_sleep(sleepy):
    one = sleepy(every=12)
    loop = Loop()
    for _ in range(200):
        loop.optimizer.zero_grad()
        F.cross_entropy(loop.model(loop.x), loop.y).backward()
        with torch.no_grad():  # rouses the collectors between two backward calls
            loop.model(loop.x)
        F.cross_entropy(loop.model(loop.x), loop.y).backward()
        loop.optimizer.step()
    (record,) = one.end().get("gradient_resets")
    assert (record["intervals"] > 3, record["not_reset"]) == (True, 0)


def test_graphs_that_are_kept_while_asleep_are_estimated_from_the_windows(sleepy):
    one = sleepy(every=12)
    one.listener.heard = deque(maxlen=0)  # events hold the losses
    loop, kept = Loop().run(100), []
    for _ in range(400):
        loop.optimizer.zero_grad()
        kept.append(F.cross_entropy(loop.model(loop.x), loop.y))
        kept[-1].backward()
        loop.optimizer.step()
    graphs = one.end().get("live_graphs")
    assert graphs.values[graphs.steps <= 100].max() <= 2
    assert graphs.values[-1] == pytest.approx(400, rel=0.2)


def test_one_graph_that_is_kept_stands_for_itself(sleepy):
    one = sleepy(every=12)
    one.listener.heard = deque(maxlen=0)  # events hold the losses
    loop, best = Loop(), None
    for _ in range(300):
        loop.optimizer.zero_grad()
        loss = F.cross_entropy(loop.model(loop.x), loop.y)
        loss.backward()
        loop.optimizer.step()
        best = loss if best is None or one.session.left == 2 else best
    assert one.end().get("live_graphs").values.max() <= 3


def test_calls_tell_how_many_steps_were_heard(sleepy):
    one = sleepy(every=12)
    loop = Loop().run(100)
    loop.model.eval()
    loop.run(200)
    training, graded = one.end().get("calls")
    assert training["last_heard"] < graded["first_heard"]
    assert graded["calls"] == graded["last_heard"] - graded["first_heard"] + 1 < 100


def test_a_scheduler_belongs_to_its_own_optimizer(sleepy):
    one = sleepy(every=12)
    Loop().run(30)
    loop = Loop()
    scheduler = torch.optim.lr_scheduler.ExponentialLR(loop.optimizer, 0.99)
    for _ in range(60):
        loop.step()
        scheduler.step()
    run = one.end()
    assert [known["optimizer"] for known in run.get("schedulers")] == ["AdamW#2"]
    assert "AdamW#2/0" in run.get("lr")
