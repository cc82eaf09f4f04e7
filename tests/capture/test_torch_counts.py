"""What netvet adds to a step, counted in operations of PyTorch: it does not depend on how busy the machine is."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from netvet.capture import pace
from netvet.capture.pace import Pace
from netvet.capture.recorder import Recorder, Schedule
from netvet.capture.torch_session import Watch
from netvet.store import RunWriter

HOOKS = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"
# An operation that brings numbers to the program.
TRANSFERS = ("aten._local_scalar_dense", "aten.equal", "aten.is_nonzero", "aten.item")


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16))

    def forward(self, x):
        parts = [v.unflatten(-1, (2, 8)).transpose(1, 2) for v in self.qkv(self.norm(x)).chunk(3, -1)]
        x = x + self.out(F.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.mlp(x)


def transformer():
    model = nn.Sequential(nn.Embedding(20, 16), Block(), Block(), Block(), nn.Linear(16, 20))
    return model, torch.randint(20, (4, 12)), torch.randint(20, (4, 12, 20)).float().softmax(-1)


def cnn():
    parts = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16), nn.ReLU()]
    model = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5))
    return model, torch.randn(8, 3, 10, 10), torch.rand(8, 5)


def mlp():
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 5))
    return model, torch.randn(64, 12), torch.rand(64, 5)


class Loop:
    def __init__(self, make):
        torch.manual_seed(0)
        self.model, self.x, self.y = make()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 1e-3)

    def step(self):
        self.optimizer.zero_grad()
        F.mse_loss(self.model(self.x), self.y).backward()
        self.optimizer.step()

    @property
    def tensors(self):
        return len(list(self.model.parameters()))

    @property
    def layers(self):
        return sum(not m._modules for m in self.model.modules())


class Count(TorchDispatchMode):
    """The operations that run, and how often numbers are taken from a tensor."""

    def __init__(self, monkeypatch):
        super().__init__()
        self.calls, self.transfers, self._patch = [], 0, monkeypatch

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.calls.append(str(function))
        self.transfers += str(function).startswith(TRANSFERS)
        return function(*args, **(kwargs or {}))

    def of(self, work):
        """Run it: operations and transfers. `tolist` calls no operation that could be seen."""
        original = torch.Tensor.tolist

        def tolist(tensor):
            self.transfers += tensor.dim() > 0  # a loss on the CPU lies where it is read
            return original(tensor)

        self._patch.setattr(torch.Tensor, "tolist", tolist)
        with self:
            work()
        self._patch.setattr(torch.Tensor, "tolist", original)
        calls, transfers, self.calls, self.transfers = self.calls, self.transfers, [], 0
        return len(calls), transfers


@pytest.fixture
def asleep(tmp_path, monkeypatch):
    """A function that gives a loop whose collectors sleep, with the session."""
    monkeypatch.setattr(pace, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(pace, "DENSE_STEPS", 5)
    monkeypatch.setattr(pace, "FIRST_SLEEP", 1000)
    made = []

    def start(make, *, every_step=False, compiled=False):
        writer = RunWriter.create(tmp_path, "test")
        watched = Watch(Recorder(writer, Schedule(0.01)), Pace(0.01), probes=False, every_step=every_step)
        made.append((watched, writer))
        watched.install()
        loop = Loop(make)
        if compiled:
            loop.model = torch.compile(loop.model, backend="aot_eager")
        while not watched.session.asleep:
            loop.step()
        loop.step()
        return loop, watched.session

    yield start
    for watched, writer in made:
        watched.finish("ok")
        writer.close()
        assert watched.recorder.switched_off == {}


def unwatched(make, count):
    loop = Loop(make)
    for _ in range(5):
        loop.step()
    return count.of(loop.step)


@pytest.mark.parametrize("make", [transformer, cnn])
def test_a_sleeping_step_adds_nothing_and_a_gradient_norm_at_most_four(asleep, make, monkeypatch):
    count = Count(monkeypatch)
    plain, own = unwatched(make, count)  # the optimizer takes numbers too
    loop, session = asleep(make)
    added = [(calls - plain, transfers - own) for calls, transfers in (count.of(loop.step) for _ in range(30))]
    assert session.asleep
    assert added.count((0, 0)) >= 20
    assert all(0 <= calls <= 4 and transfers <= 1 for calls, transfers in added)
    assert any(calls for calls, _ in added)


@pytest.mark.parametrize("make", [transformer, cnn])
def test_a_step_looked_at_in_sleep_takes_few_operations_and_waits_for_no_number(asleep, make, monkeypatch):
    count = Count(monkeypatch)
    plain, own = unwatched(make, count)
    loop, session = asleep(make, every_step=True)
    for _ in range(12):
        norm = session.always_on._left <= 1  # the gradient norm of all is a number of its own
        calls, transfers = count.of(loop.step)
        assert 0 < calls - plain <= 8 * (loop.tensors + loop.layers)
        assert transfers - own == norm  # on a CPU the others are read where they lie


def test_of_a_small_network_every_step_is_looked_at_in_four_operations_per_tensor_and_layer(asleep, monkeypatch):
    count = Count(monkeypatch)
    plain, _own = unwatched(mlp, count)
    loop, _session = asleep(mlp, every_step=True)
    assert max(count.of(loop.step)[0] - plain for _ in range(12)) <= 4 * (loop.tensors + loop.layers) + 4


@pytest.mark.parametrize("make", [transformer, cnn])
def test_no_hook_is_left_but_those_of_optimizers(asleep, make):
    before = len(_global_optimizer_pre_hooks), len(_global_optimizer_post_hooks)
    loop, _session = asleep(make)
    assert (len(_global_optimizer_pre_hooks), len(_global_optimizer_post_hooks)) == (before[0] + 1, before[1] + 1)
    assert not any(getattr(m, hooks) for m in loop.model.modules() for hooks in HOOKS)
    assert not any(p._backward_hooks or p._post_accumulate_grad_hooks for p in loop.model.parameters())
    assert not loop.optimizer._optimizer_step_pre_hooks
    assert not loop.optimizer._optimizer_step_post_hooks


@pytest.mark.parametrize("every_step", [False, True])
def test_nothing_is_compiled_again(asleep, every_step):
    torch._dynamo.reset()
    loop, session = asleep(cnn, every_step=every_step, compiled=True)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for _ in range(3):
        while session.asleep and session.left > 990:
            loop.step()
        session.sleeper.window(1)
        while not session.asleep:
            loop.step()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
    assert sum(torch._dynamo.utils.counters["graph_break"].values()) == 0
