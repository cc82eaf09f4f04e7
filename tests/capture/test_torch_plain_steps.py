"""A sleeping program whose steps are all alike is only counted; the first step that is unlike them is heard as ever."""

import pytest
import torch
import torch.nn.functional as F

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


def without_loss(loop):
    loop.optimizer.step()


def of_a_vector(loop):
    """The loss is a tensor of one dimension: as good as a number."""
    loop.optimizer.zero_grad()
    loss = F.cross_entropy(loop.model(loop.x), loop.y).reshape(1)
    loss.backward()
    loop.optimizer.step()
    loop.losses.append(loss.item())


@pytest.mark.parametrize("unlike", [twice, with_closure, of_a_vector, without_loss])
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
