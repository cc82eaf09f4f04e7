"""A sleeping program whose steps are all alike is only counted; the first step that is unlike them is heard as ever."""

import sys

import pytest
import torch
import torch.nn.functional as F
from torch.optim import optimizer as optimizers

import netvet
from tests.capture.sleeping import Loop


def until_plain(one, loop):
    loop.until(one.session)
    while one.session.plain.optimizer is None:
        loop.step()
    loop.step()
    return loop


def twice(loop):
    """A step with a second, smaller loss."""
    for factor in (1.0, 0.5):
        loss = factor * F.cross_entropy(loop.model(loop.x), loop.y)
        loss.backward()
        loop.losses.append(loss.item())
    loop.optimizer.step()
    loop.optimizer.zero_grad()


def with_closure(loop):
    def closure():
        loop.optimizer.zero_grad()
        loss = F.cross_entropy(loop.model(loop.x), loop.y)
        loss.backward()
        return loss

    loop.losses.append(loop.optimizer.step(closure).item())


def with_a_search(loop):
    """The optimizer asks for further losses within its step, as LBFGS does; none of them is the loss of the step."""

    def closure():
        loop.optimizer.zero_grad()
        loss = F.cross_entropy(loop.model(loop.x), loop.y)
        loss.backward()
        if not loop.losses[at:]:
            loop.losses.append(loss.item())
            return closure()
        return loss

    at = len(loop.losses)
    loop.optimizer.step(closure)


def without_loss(loop):
    loop.optimizer.step()


def of_a_vector(loop):
    """The loss is a tensor of one dimension: as good as a number."""
    loop.optimizer.zero_grad()
    loss = F.cross_entropy(loop.model(loop.x), loop.y).reshape(1)
    loss.backward()
    loop.optimizer.step()
    loop.losses.append(loss.item())


@pytest.mark.parametrize("unlike", [twice, with_closure, with_a_search, of_a_vector, without_loss])
def test_a_step_unlike_the_others_is_counted_and_heard(sleepy, unlike):
    one = sleepy()
    loop = until_plain(one, Loop())
    at = one.session.step
    unlike(loop)
    assert one.session.step == at + 1
    for _ in range(5):
        loop.step()
    run = one.end()
    found = {}
    for series in run.get("loss").values():  # of two places in `twice`
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
            found.setdefault(step, []).append(value)
    losses = {step: sum(values) / len(values) for step, values in found.items()}
    expected = loop.losses[:at]
    if unlike is twice:
        expected.append(sum(loop.losses[at : at + 2]) / 2)
    elif unlike is not without_loss:
        expected.append(loop.losses[at])
    expected += loop.losses[-5:]
    steps = [s for s in range(at + 6) if unlike is not without_loss or s != at]
    assert sorted(losses) == steps
    assert [losses[s] for s in steps] == pytest.approx(expected)
    assert run.get("optimizers")[0]["steps"] == at + 6


def test_a_second_optimizer_ends_the_stretch(sleepy):
    one = sleepy()
    loop = until_plain(one, Loop())
    at = one.session.step
    other = torch.optim.SGD(loop.model.parameters(), 0.1)
    assert one.session.plain.optimizer is None
    loop.step()
    other.step()
    run = one.end()
    assert {o["name"]: o["steps"] for o in run.get("optimizers")} == {"AdamW": at + 1, "SGD": 1}


def test_several_losses_a_step_are_not_plain(sleepy):
    one, loop = sleepy(), Loop()
    for _ in range(60):
        twice(loop)
        assert one.session.plain.optimizer is None
    one.end()


def test_a_step_in_a_step_is_not_plain(sleepy):
    class Outer(torch.optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    loop = Loop()
    torch.optim.SGD(loop.model.parameters(), 0.1)  # from now on PyTorch calls hooks for the base class too
    one = sleepy()
    loop.optimizer = Outer(loop.model.parameters(), 1e-2)
    for _ in range(60):
        loop.step()
        assert one.session.plain.optimizer is None
    assert [o["steps"] for o in one.end().get("optimizers")] == [60]


def hooks():
    return len(optimizers._global_optimizer_pre_hooks), len(optimizers._global_optimizer_post_hooks)


def called(step):
    """Names of netvet's functions that a step calls."""
    names, folder = [], netvet.__path__[0]

    def profile(frame, event, _arg):
        if event == "call" and frame.f_code.co_filename.startswith(folder):
            names.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        step()
    finally:
        sys.setprofile(None)
    return names


def losses_of(run):
    return {key: dict(zip(s.steps.tolist(), s.values.tolist(), strict=True)) for key, s in run.get("loss").items()}


def test_a_plain_step_calls_one_function_at_its_loss_and_one_in_place_of_an_empty_method(sleepy):
    before = hooks(), optimizers.Optimizer._optimizer_step_code
    one = sleepy()
    loop = until_plain(one, Loop())
    assert hooks() == before[0]

    def step():
        loop.optimizer.zero_grad()
        F.cross_entropy(loop.model(loop.x), loop.y).backward()
        loop.optimizer.step()

    assert called(step) == ["backward", "ended"]
    one.session.plain.leave()
    assert hooks() == (before[0][0] + 1, before[0][1] + 1)
    one.end()
    assert (hooks(), optimizers.Optimizer._optimizer_step_code) == before


def test_a_stretch_ends_before_a_window(sleepy):
    one, loop = sleepy(every=40), Loop()
    loop.run(90)
    assert one.listener.steps("wake") == [40, 80]
    assert [o["steps"] for o in one.end().get("optimizers")] == [90]


def test_steps_without_losses_end_the_stretch_when_it_is_as_long_as_it_may_be(sleepy):
    one = sleepy(every=40)
    loop = until_plain(one, Loop())
    while len(loop.losses) < 35:
        loop.step()
    for _ in range(20):
        loop.optimizer.step()
    assert one.session.step == 55
    assert one.listener.steps("wake") == [40]
    assert [o["steps"] for o in one.end().get("optimizers")] == [55]


def test_a_step_of_an_optimizer_that_has_never_stepped_is_counted_and_has_a_loss_of_its_own(sleepy):
    one, loop = sleepy(), Loop()
    other = torch.optim.SGD(loop.model.parameters(), 0.1)
    until_plain(one, loop)
    at = one.session.step
    loop.optimizer = other
    loop.step()
    loop.step()
    run = one.end()
    assert {o["name"]: o["steps"] for o in run.get("optimizers")} == {"AdamW": at, "SGD": 2}
    first, second = losses_of(run).values()
    assert [*first.values(), *second.values()] == pytest.approx(loop.losses)
    assert list(second) == [at, at + 1]


def test_a_loss_whose_step_is_left_out_is_one_of_the_next_step(sleepy):
    one = sleepy()
    loop = until_plain(one, Loop())
    at = one.session.step
    optimizer, loop.optimizer = loop.optimizer, torch.nn.Module()  # its step does nothing
    loop.optimizer.step = lambda: None
    loop.step()
    assert one.session.step == at
    loop.optimizer = optimizer
    loop.step()
    loop.step()
    (found,) = losses_of(one.end()).values()
    *earlier, left_out, second, last = loop.losses
    assert list(found.values()) == pytest.approx([*earlier, (left_out + second) / 2, last])
    assert list(found) == list(range(at + 2))


def test_losses_of_another_place_are_no_part_of_a_stretch(sleepy):
    one = sleepy(every=40)
    loop = until_plain(one, Loop())
    while one.session.plain.optimizer is not None:  # a norm or a window is due
        loop.step()
    at = len(loop.losses)
    for _ in range(10):
        of_a_vector(loop)
    assert one.session.plain.optimizer is None
    first, second = losses_of(one.end()).values()
    assert (len(first), len(second)) == (at, 10)


@pytest.mark.parametrize("when", ["pre", "post"])
def test_hooks_of_others_come_and_go_in_a_stretch(sleepy, when):
    """One of them ends the stretch while PyTorch goes through the hooks, when none may be added."""
    one = sleepy()
    loop = until_plain(one, Loop())
    at, made = one.session.step, []

    def make(*_):
        if not made:
            made.append(torch.optim.SGD(loop.model.parameters(), 0.1))

    handle = getattr(optimizers, f"register_optimizer_step_{when}_hook")(make)
    try:
        loop.run(3)
        assert made
        assert one.session.step == at + 3
    finally:
        handle.remove()
    loop.run(3)
    run = one.end()
    assert {o["name"]: o["steps"] for o in run.get("optimizers")} == {"AdamW": at + 6, "SGD": 0}
    (found,) = losses_of(run).values()
    if when == "pre":  # the step was not heard when it began
        loop.losses[at : at + 2] = [sum(loop.losses[at : at + 2]) / 2]
    assert list(found.values()) == pytest.approx(loop.losses)


def test_where_others_have_hooks_no_stretch_begins(sleepy):
    handle = optimizers.register_optimizer_step_post_hook(lambda *_: None)
    try:
        one, loop = sleepy(), Loop()
        for _ in range(60):
            loop.step()
            assert one.session.plain.optimizer is None
        assert [o["steps"] for o in one.end().get("optimizers")] == [60]
    finally:
        handle.remove()


def test_a_loss_that_is_no_number_ends_the_stretch_within_its_step(sleepy):
    one = sleepy()
    loop = until_plain(one, Loop())
    at = one.session.step
    loop.x.fill_(torch.nan)
    loop.step()
    assert one.listener.steps("wake")[-1] == at
    assert one.listener.steps("step_begin")[-1] == at
    (found,) = losses_of(one.end()).values()
    assert list(found) == list(range(at + 1))


def test_weights_are_those_of_a_run_that_nobody_watches(sleepy):
    plain = Loop().run(80)
    one = sleepy()
    watched = until_plain(one, Loop())
    watched.run(80 - len(watched.losses))
    assert watched.losses == plain.losses
    assert all(torch.equal(a, b) for a, b in zip(plain.model.parameters(), watched.model.parameters(), strict=True))
    one.end()
