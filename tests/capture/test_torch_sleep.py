"""While the collectors sleep the program runs as if unwatched; they wake in time for what they must see."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, TensorDataset

from tests.capture.sleeping import Loop


class Count(TorchDispatchMode):
    """Counts the operations of PyTorch that run."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.calls.append(str(function))
        return function(*args, **(kwargs or {}))


def operations(loop):
    with Count() as count:
        loop.step()
    return count.calls


def test_training_is_bitwise_the_same(sleepy):
    plain = Loop().run(200)
    one = sleepy()
    watched = Loop().run(200)
    one.end()
    assert plain.losses == watched.losses
    assert all(torch.equal(a, b) for a, b in zip(plain.model.parameters(), watched.model.parameters(), strict=True))


def test_a_sleeping_step_adds_no_operation_and_a_gradient_norm_at_most_four(sleepy):
    plain = len(operations(Loop().run(20)))
    one = sleepy()
    loop = Loop().until(one.session)
    counts = []
    for _ in range(60):
        asleep = one.session.asleep
        counts += [len(operations(loop)) - plain] if asleep and one.session.left > 1 else []
    one.end()
    assert 0 in counts
    assert set(counts) <= {0, 1, 2, 3, 4}


def test_two_hooks_are_left_while_asleep_and_pytorch_is_as_it_was(sleepy):
    before = (nn.Module.__call__, F.cross_entropy, torch.optim.Optimizer.zero_grad, nn.utils.clip_grad_norm_)
    hooks = len(_global_optimizer_pre_hooks), len(_global_optimizer_post_hooks)
    one = sleepy()
    loop = Loop().until(one.session)
    now = (nn.Module.__call__, F.cross_entropy, torch.optim.Optimizer.zero_grad, nn.utils.clip_grad_norm_)
    assert now == before
    assert (len(_global_optimizer_pre_hooks), len(_global_optimizer_post_hooks)) == (hooks[0] + 1, hooks[1] + 1)
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in loop.model.modules())
    loop.until(one.session, asleep=False)
    assert nn.Module.__call__ is not before[0]
    one.end()
    assert nn.Module.__call__ is before[0]
    assert (len(_global_optimizer_pre_hooks), len(_global_optimizer_post_hooks)) == hooks


def test_windows_are_whole_steps(sleepy):
    one = sleepy()
    Loop().run(300)
    one.end()
    heard = one.listener
    slept, woke = heard.steps("sleep"), heard.steps("wake")
    assert len(woke) > 3
    for begin, end in zip(woke, slept[1:], strict=False):
        assert end - begin == 2
        inside = [name for step, name, _ in heard.heard if begin <= step <= end and name.endswith("_begin")]
        assert inside == ["call_begin", "backward_begin", "step_begin"] * 2


def test_every_loss_is_recorded_and_steps_count_on(sleepy):
    one = sleepy()
    loop = Loop().run(120)
    run = one.end()
    ((_, series),) = run.get("loss").items()
    assert series.steps.tolist() == list(range(120))
    assert series.values.tolist() == pytest.approx(loop.losses)
    assert one.session.step == 120
    assert run.get("optimizers")[0]["steps"] == 120


def test_a_loss_over_micro_batches_is_their_mean(sleepy):
    one = sleepy()
    loop = Loop()
    means = []
    for _ in range(60):
        found = []
        for rows in (slice(0, 32), slice(32, 64)):
            loss = F.cross_entropy(loop.model(loop.x[rows]), loop.y[rows])
            loss.backward()
            found.append(loss.item())
        loop.optimizer.step()
        loop.optimizer.zero_grad()
        means.append(sum(found) / 2)
    ((_, series),) = one.end().get("loss").items()
    assert series.values.tolist() == pytest.approx(means)


def test_gradient_norms_of_sleeping_steps_are_right(sleepy):
    one = sleepy()
    one.session.always_on._share = None  # one at every step
    loop, norms = Loop(), {}
    for step in range(80):
        loop.step()
        norms[step] = math.sqrt(sum(float(p.grad.double().square().sum()) for p in loop.model.parameters()))
    ((_, series),) = one.end().get("grad_norm").items()
    assert len(series.steps) > 40
    for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
        assert value == pytest.approx(norms[step], rel=1e-5)


@pytest.mark.parametrize("poison", ["loss", "weights"])
def test_what_is_no_number_wakes_them_within_that_step(sleepy, poison):
    one = sleepy()
    loop = Loop().until(one.session)
    loop.step()
    assert one.session.asleep
    at = one.session.step
    if poison == "loss":
        loop.x = loop.x * float("nan")
    else:
        with torch.no_grad():
            loop.model[0].weight[0, 0] = float("inf")
    loop.step()
    assert at in one.listener.steps("backward_begin")
    assert at in one.listener.steps("step_begin")
    run = one.end()
    assert run.get("first_non_finite")[0]["step"] == at


@pytest.mark.parametrize("style", ["eval", "no_grad", "inference_mode", "decorator"])
def test_an_evaluation_wakes_them(sleepy, style):
    one = sleepy()
    loop = Loop().until(one.session)

    def score():
        return F.cross_entropy(loop.model(loop.x), loop.y)

    def evaluate():
        if style == "eval":
            loop.model.eval()
            loss = score().detach()
            loop.model.train()
            return loss
        if style == "decorator":
            return torch.no_grad()(score)()
        with getattr(torch, style)():
            return score()

    value = float(evaluate())
    assert not one.session.asleep
    at = one.session.step
    loop.step()
    run = one.end()
    assert at in one.listener.steps("call_begin")
    if style != "eval":  # in eval mode with gradients on it is known only afterwards
        ((_, series),) = run.get("val_loss").items()
        assert value in series.values.tolist()


def test_a_place_that_only_turns_gradients_off_does_not_wake_them_for_ever(sleepy):
    one = sleepy(budget=0.2)
    loop, average = Loop(), None
    for _ in range(400):
        loop.step()
        with torch.no_grad():
            weight = loop.model[0].weight
            average = weight.clone() if average is None else average * 0.9 + weight * 0.1
    one.end()
    slept, woke = one.listener.steps("sleep"), one.listener.steps("wake")
    lengths = [end - begin for begin, end in zip(woke, slept[1:], strict=False)]
    assert 1 <= lengths.count(1) <= 2  # a planned window has two steps


def test_a_new_optimizer_is_a_new_phase(sleepy):
    one = sleepy()
    Loop().until(one.session)
    at = one.session.step
    Loop(seed=1).run(5)
    one.end()
    assert [s for s in one.listener.steps("step_begin") if s >= at] == list(range(at, at + 5))
    assert len(one.listener.steps("optimizer_created")) == 2


def test_schedulers_and_loaders_are_counted_in_sleep(sleepy):
    one = sleepy()
    loop = Loop()
    scheduler = torch.optim.lr_scheduler.StepLR(loop.optimizer, 10)
    loader = DataLoader(TensorDataset(loop.x, loop.y), batch_size=16)
    for _ in range(20):
        for x, y in loader:
            loop.optimizer.zero_grad()
            F.cross_entropy(loop.model(x), y).backward()
            loop.optimizer.step()
        scheduler.step()
    run = one.end()
    assert len(one.listener.steps("wake")) > 2
    known = run.get("schedulers")[0]
    assert (known["steps"], known["optimizer_steps"], known["steps_per_epoch"], known["per"]) == (20, 80, 4, "epoch")
    assert run.get("loaders")[0]["epochs"] == 20


def test_a_wrapper_that_the_program_puts_in_meanwhile_stays(sleepy, monkeypatch):
    one = sleepy()
    loop = Loop().until(one.session)
    original, seen = F.cross_entropy, []

    def counting(*args):
        seen.append(args)
        return original(*args)

    monkeypatch.setattr(F, "cross_entropy", counting)
    loop.run(60)
    assert len(seen) == 60
    one.end()
    assert F.cross_entropy is counting


def test_compiled_models_are_not_compiled_again(sleepy):
    one = sleepy()
    loop = Loop()
    loop.model = torch.compile(loop.model, backend="aot_eager")
    loop.until(one.session).until(one.session, asleep=False).until(one.session)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for _ in range(3):
        loop.until(one.session, asleep=False).until(one.session)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
    assert sum(torch._dynamo.utils.counters["graph_break"].values()) == 0
    one.end()


def test_data_that_is_not_finite_is_known_as_such_in_a_step_that_was_slept_through(sleepy):
    one = sleepy()
    loop = Loop().until(one.session)
    loop.step()
    loop.x = loop.x.clone()
    loop.x[3, 2] = -float("inf")
    loop.step()
    record = one.end().get("first_non_finite")[0]
    assert record["from_input"]
    assert not record["from_weights"]


def test_a_window_goes_on_while_targets_have_just_become_one_class(sleepy):
    one = sleepy()
    loop = Loop().until(one.session)
    loop.y = loop.y.clone().fill_(1)
    loop.until(one.session, asleep=False)
    began = one.session.step
    loop.until(one.session)
    heard = one.session.step - began
    run = one.end()
    assert heard >= 10
    assert run.get("targets")[0]["constant_batches"] >= 10


def test_targets_that_become_one_class_are_heard_out_when_the_budget_is_spent(sleepy, monkeypatch):
    monkeypatch.setattr("netvet.capture.pace.GRACE_SECONDS", 1e9)  # awake to the end
    monkeypatch.setattr("netvet.capture.recorder.GRACE_SECONDS", 0.0)
    monkeypatch.setattr("netvet.capture.torch_targets.SHARE", 0.0)
    monkeypatch.setattr("netvet.capture.torch_targets.GRACE", 0.0)
    one = sleepy(budget=0.0)
    loop = Loop().run(100)
    loop.y = loop.y.clone().fill_(1)
    loop.run(60)
    record = one.end().get("targets")[0]
    assert record["batches_before"] < 50
    assert record["constant_batches"] >= 10


def test_losses_of_two_places_are_two_in_sleep_too(sleepy):
    one, loop = sleepy(), Loop()
    for _ in range(40):
        loop.optimizer.zero_grad()
        F.cross_entropy(loop.model(loop.x), loop.y).backward()
        (2 * F.cross_entropy(loop.model(loop.x), loop.y)).backward()
        loop.optimizer.step()
    assert one.session.asleep
    first, second = one.end().get("loss").values()
    assert len(first.steps) == len(second.steps) == 40
    assert all(second.values > 1.5 * first.values)
