"""Numbers of a step are right whatever the loop and the optimizer are like: against a naive float64 reference."""

import contextlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.capture.reference import Naive, norm, tapped, wide

STEPS = 10
LAYERS = ["0", "1", "2"]


def small(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))


def batch(step, rows=40):
    generator = torch.Generator().manual_seed(step)
    return torch.randn(rows, 6, generator=generator), torch.randint(3, (rows,), generator=generator)


def plain(model, optimizer, naive, steps=STEPS):
    """A loop without anything special."""
    tapped(model, naive, LAYERS)
    for step in range(steps):
        x, y = batch(step)
        optimizer.zero_grad()
        naive.hear(F.cross_entropy(model(x), y)).backward()
        with naive.step():
            optimizer.step()


class Halving(torch.optim.Optimizer):
    """An optimizer that somebody wrote, with integer state, as 8-bit optimizers have."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.1})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state.setdefault(p, {"codes": torch.zeros(p.shape, dtype=torch.uint8)})
                state["codes"].copy_((p.grad * 64).clamp(-127, 127) + 128)
                p -= group["lr"] * (state["codes"].float() - 128) / 64


class Derived(torch.optim.Adam):
    """Changes what its base class is given."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad.mul_(1.0)
        return super().step(closure)


class Holder(torch.optim.Optimizer):
    """Wraps another optimizer, whose parameters it shares."""

    def __init__(self, params):
        params = list(params)
        super().__init__(params, {"lr": 0.1})
        self.inner = torch.optim.SGD(params, lr=0.1)

    def step(self, closure=None):
        return self.inner.step(closure)


OPTIMIZERS = {
    "for-loop": lambda p: torch.optim.AdamW(p, 1e-2, foreach=False),
    "foreach": lambda p: torch.optim.AdamW(p, 1e-2, foreach=True),
    "fused": lambda p: torch.optim.AdamW(p, 1e-2, fused=True),
    "custom": Halving,
    "derived": Derived,
    "holder": Holder,
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimizers(closely, kind):
    model = small()
    torch.optim.Adam([nn.Parameter(torch.zeros(1))])  # its base class has hooks of its own from here on
    naive = Naive(model.named_parameters())
    run = closely(lambda: plain(model, OPTIMIZERS[kind](model.parameters()), naive))
    naive.check(run)
    assert max(run.get("param_norm")["0.weight"].steps) == STEPS - 1


@pytest.mark.parametrize("inside", [False, True])
def test_autocast(closely, inside):
    """With the step under autocast too, as some loops have it."""
    model = small()
    naive = Naive(model.named_parameters())

    def train():
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        tapped(model, naive, LAYERS)
        for step in range(STEPS):
            x, y = batch(step)
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                naive.hear(F.cross_entropy(model(x), y)).backward()
                if inside:
                    with naive.step():
                        optimizer.step()
            if not inside:
                with naive.step():
                    optimizer.step()

    naive.check(closely(train))


@pytest.mark.parametrize("clips", ["", "scaled", "unscaled"])
@pytest.mark.parametrize("kind", ["for-loop", "foreach", "fused"])
def test_loss_scaling(closely, kind, clips):
    """Gradients and losses are unscaled; a step that the scaler leaves out is none."""
    model = small()
    naive = Naive(model.named_parameters())
    bad = {4, 7}

    def train():
        optimizer = OPTIMIZERS[kind](model.parameters())
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
        for step in range(STEPS):
            x, y = batch(step)
            optimizer.zero_grad()
            loss = naive.hear(F.cross_entropy(model(x), y))
            scaler.scale(loss).backward()
            if step in bad:
                model[0].weight.grad[0, 0] = float("inf")
            scale = scaler.get_scale()
            if clips == "unscaled":
                scaler.unscale_(optimizer)
            before = None
            if clips:
                before = norm(torch.cat([wide(p.grad) for p in model.parameters()]))
                before /= 1.0 if clips == "unscaled" else scale
                nn.utils.clip_grad_norm_(model.parameters(), 0.1 if clips == "unscaled" else 50.0)
            if step in bad:
                scaler.step(optimizer)
            else:
                with naive.step(1.0 if clips == "unscaled" else scale, before):
                    scaler.step(optimizer)
            scaler.update()

    run = closely(train)
    # The gradient of a step that was left out is no neighbour of the next: the reference does not know it either.
    naive.check(run)
    assert run.get("non_finite_grads") is None
    assert list(run.get("param_norm")["0.weight"].steps) == list(range(STEPS - len(bad)))


def test_gradient_accumulation(closely):
    model = small()
    naive = Naive(model.named_parameters())

    def train():
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for step in range(STEPS):
            optimizer.zero_grad()
            for part in range(4):
                x, y = batch(4 * step + part)
                handles = tapped(model, naive, LAYERS) if part == 0 else []
                naive.hear(F.cross_entropy(model(x), y)).backward()
                for handle in handles:
                    handle.remove()
            with naive.step():
                optimizer.step()

    naive.check(closely(train))


@pytest.mark.parametrize("kind", ["norm", "value", "groups", "both", "accumulated"])
def test_clipping(watch, kind):
    """Awake: clipping is not heard of in sleep."""
    model = small()
    naive = Naive(model.named_parameters())

    def clip():
        before = norm(torch.cat([wide(p.grad) for p in model.parameters()]))
        if kind in ("norm", "accumulated"):
            nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        if kind in ("value", "both"):
            nn.utils.clip_grad_value_(model.parameters(), 0.01)
        if kind == "both":
            nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        if kind == "groups":
            nn.utils.clip_grad_norm_(model[0].parameters(), 0.05)
            nn.utils.clip_grad_norm_(model[2].weight, 0.02)
        return before

    def train():
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for step in range(STEPS):
            optimizer.zero_grad()
            for part in range(2 if kind == "accumulated" else 1):
                x, y = batch(2 * step + part)
                naive.hear(F.cross_entropy(model(x), y)).backward()
                before = clip()
            with naive.step(before_clip=before):
                optimizer.step()

    run = watch(train, probes=False)
    naive.check(run)
    assert list(run.get("grad_norm_before_clip")["SGD"].steps) == list(range(STEPS))


def test_one_clipping_for_two_optimizers(watch):
    model = small()
    parts = [model[0], model[2]]
    naives = [Naive({f"{2 * i}.{n}": p for n, p in part.named_parameters()}) for i, part in enumerate(parts)]

    def train():
        optimizers = [torch.optim.SGD(part.parameters(), 0.1) for part in parts]
        for step in range(STEPS):
            x, y = batch(step)
            model.zero_grad()
            F.cross_entropy(model(x), y).backward()
            before = [norm(torch.cat([wide(p.grad) for p in part.parameters()])) for part in parts]
            nn.utils.clip_grad_norm_(model.parameters(), 0.05)
            for naive, optimizer, value in zip(naives, optimizers, before, strict=True):
                with naive.step(before_clip=value):
                    optimizer.step()

    run = watch(train, probes=False)
    for i, naive in enumerate(naives):
        naive.check(run, at=range(i, 2 * STEPS, 2))
    assert len(run.get("grad_norm_before_clip")["SGD#2"].steps) == STEPS


@pytest.mark.parametrize("kind", ["lbfgs", "sgd", "keyword"])
def test_closures(closely, kind):
    """The step begins when the closure has been called once: then the gradients are those of the old weights."""
    model = small()
    naive = Naive(model.named_parameters())

    def train():
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4) if kind == "lbfgs" else None
        optimizer = optimizer or torch.optim.SGD(model.parameters(), 0.1)
        for step in range(STEPS):
            x, y = batch(step)
            around, calls = contextlib.ExitStack(), []

            def closure(x=x, y=y, around=around, calls=calls):
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                if not calls:
                    naive.hear(loss)
                    around.enter_context(naive.step())
                calls.append(1)
                return loss

            with around:
                optimizer.step(closure=closure) if kind == "keyword" else optimizer.step(closure)

    naive.check(closely(train))


def test_a_step_that_fails_is_not_the_end(closely):
    model = small()
    naive = Naive(model.named_parameters())

    class Failing(torch.optim.SGD):
        fail = False

        def step(self, closure=None):
            if self.fail:
                raise ValueError("no")
            return super().step(closure)

    def train():
        optimizer = Failing(model.parameters(), 0.1)
        for step in range(STEPS):
            x, y = batch(step)
            optimizer.zero_grad()
            naive.hear(F.cross_entropy(model(x), y)).backward()
            optimizer.fail = step == 6
            if optimizer.fail:
                naive._heard.clear()
                with pytest.raises(ValueError, match="no"):
                    optimizer.step()
                continue
            with naive.step():
                optimizer.step()

    run = closely(train)
    assert list(run.get("param_norm")["0.weight"].steps)[-1] == STEPS - 2
    last = naive.steps[-1]["update_ratio"]["0.weight"]
    assert run.get("update_ratio")["0.weight"].values[-1] == pytest.approx(last, rel=1e-4)
