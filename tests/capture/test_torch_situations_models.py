"""Numbers of a step are right whatever the model and its tensors are like: against a naive float64 reference."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from tests.capture.reference import Naive, deviation, norm, tapped, wide

STEPS = 8
SAMPLED = {"param_std": 0.05, "update_ratio": 0.05, "grad_cosine": 0.1, "activation_std": 0.1, "activation_mean": 0.1}


def go(model, inputs, naive, layers=(), lr=0.05, score=None, between=None, rate=torch.optim.SGD):
    """Train on random targets."""
    tapped(model, naive, list(layers))
    optimizer = rate(list(model.parameters()), lr)
    for step in range(STEPS):
        optimizer.zero_grad()
        output = model(inputs(step))
        loss = score(output) if score else (output.float() if output.dtype.itemsize < 4 else output).square().mean()
        naive.hear(loss).backward()
        del output, loss
        with naive.step():
            optimizer.step()
        if between:
            between(step, optimizer)


def noise(*shape, dtype=torch.float32):
    return lambda step: torch.randn(*shape, generator=torch.Generator().manual_seed(step)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_types(closely, dtype):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 40), nn.ReLU(), nn.Linear(40, 3)).to(dtype)
    naive = Naive(model.named_parameters())
    run = closely(lambda: go(model, noise(40, 6, dtype=dtype), naive, ["0", "1", "2"]))
    naive.check(run, looser=None if dtype != torch.float64 else {"param_norm": 1e-6, "update_ratio": 1e-6})


def test_types_side_by_side(closely):
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            kinds = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128)
            self.parts = nn.ParameterList([nn.Parameter(torch.randn(5, 7, dtype=kind)) for kind in kinds])

        def forward(self, x):
            return torch.stack([(p * (x + i)).abs().square().sum().double() for i, p in enumerate(self.parts)])

    torch.manual_seed(0)
    model = Mixed()
    naive = Naive(model.named_parameters())
    run = closely(lambda: go(model, noise(5, 7), naive, score=torch.sum, lr=1e-3))
    naive.check(run, 1e-3)


def test_half_precision_does_not_overflow(closely):
    torch.manual_seed(0)
    big = nn.Parameter((100 * torch.randn(1_000_000)).half())
    naive = Naive({"SGD/0": big})

    def train():
        optimizer = torch.optim.SGD([big], 0.01)
        for step in range(STEPS):
            big.grad = (100 * torch.randn(1_000_000, generator=torch.Generator().manual_seed(step))).half()
            with naive.step():
                optimizer.step()

    naive.check(closely(train), 1e-3, looser=SAMPLED)


def test_sparse_gradients(closely):
    torch.manual_seed(0)
    model = nn.Embedding(30, 4, sparse=True)
    naive = Naive(model.named_parameters())

    def index(step):
        return torch.randint(5, (20,), generator=torch.Generator().manual_seed(step))

    naive.check(closely(lambda: go(model, index, naive)))


def test_tied_weights(closely):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.out = nn.Embedding(12, 8), nn.Linear(8, 12, bias=False)
            self.out.weight = self.table.weight

        def forward(self, x):
            return self.out(self.table(x))

    torch.manual_seed(0)
    model = Tied()
    naive = Naive(model.named_parameters())
    index = lambda step: torch.randint(12, (40,), generator=torch.Generator().manual_seed(step))  # noqa: E731
    run = closely(lambda: go(model, index, naive, ["table", "out"]))
    naive.check(run)
    assert set(run.get("param_norm")) == {"table.weight"}


@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpointing(closely, reentrant):
    class Saving(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Sequential(nn.Linear(6, 16), nn.Tanh()), nn.Linear(16, 3)

        def forward(self, x):
            hidden = checkpoint(self.body, x.requires_grad_(), use_reentrant=reentrant)
            naive.keep("body.1", hidden)
            return self.head(hidden)

    torch.manual_seed(0)
    model = Saving()
    naive = Naive(model.named_parameters())
    run = closely(lambda: go(model, noise(40, 6), naive))
    naive.check(run)
    assert set(run.get("activation_std")) == {"body.0", "body.1", "head"}


def test_memory_formats_and_gaps(closely):
    """Weights that do not lie in memory in the order of their axes, and such with gaps between their elements."""
    torch.manual_seed(0)

    class Strided(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last)
            self.wide = nn.Conv2d(3, 200, 5).to(memory_format=torch.channels_last)
            self.line = nn.Parameter(torch.randn(9, 5, 2).permute(2, 0, 1))
            self.turned = nn.Parameter(torch.randn(100, 70).t())
            self.gaps = nn.Parameter(torch.randn(40, 2)[:, ::2])
            self.wide_gaps = nn.Parameter(torch.randn(300, 200)[:, ::3])
            self.row = nn.Parameter(torch.randn(30)[::3])

        def forward(self, x):
            own = [self.line, self.turned, self.gaps, self.wide_gaps, self.row]
            return sum((p * x.mean()).square().sum() for p in own) + self.conv(x).mean() + self.wide(x).square().mean()

    model = Strided()
    assert not model.wide_gaps.is_contiguous()
    naive = Naive(model.named_parameters())
    pictures = lambda step: noise(4, 3, 9, 9)(step).contiguous(memory_format=torch.channels_last)  # noqa: E731
    run = closely(lambda: go(model, pictures, naive, ["conv"], lr=0.01))
    naive.check(run, looser={**SAMPLED, "activation_std": 1e-4, "activation_mean": 1e-4})
    for name in ("conv.weight", "line", "gaps", "row"):
        expected = [found["update_ratio"][name] for found in naive.steps]
        assert run.get("update_ratio")[name].values.tolist() == pytest.approx(expected, rel=1e-4)


def test_columns_of_different_scales(closely):
    torch.manual_seed(0)
    scales = torch.linspace(0.1, 10, 256)
    p = nn.Parameter(torch.randn(1024, 256) * scales)
    naive = Naive({"SGD/0": p})

    def train():
        optimizer = torch.optim.SGD([p], 0.01)
        for step in range(STEPS):
            p.grad = torch.randn(1024, 256, generator=torch.Generator().manual_seed(step)) * scales.flip(0)
            with naive.step():
                optimizer.step()

    naive.check(closely(train), looser=SAMPLED)


def test_what_is_replaced_reshaped_frozen_and_added(closely):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    model[0].bias.requires_grad_(False)
    naive = Naive(model.named_parameters())
    late = nn.Parameter(torch.randn(7))

    def change(step, optimizer):
        if step == 3:
            model[0].weight.data = torch.randn(16, 6)
        if step == 4:
            model[2] = model[2].double()
        if step == 5:
            model[0].weight.data, model[0].weight.grad = torch.randn(16, 9), None
            model[0].in_features = 9
            naive._last.pop("0.weight")
        if step == 6:
            optimizer.add_param_group({"params": [late]})
            naive.named["SGD/4"] = late

    def inputs(step):
        return torch.randn(40, 6 if step < 6 else 9)

    class Casting(nn.Tanh):
        def forward(self, x):
            return super().forward(x).to(model[2].weight.dtype)

    model[1] = Casting()
    run = closely(lambda: go(model, inputs, naive, between=change, score=lambda v: v.square().mean().float()))
    for found in (naive.steps[5], naive.steps[6], naive.steps[7]):  # rows are made anew: nothing to compare with
        found["grad_cosine"] = {}
    naive.check(run)
    assert set(run.get("update_ratio")["0.bias"].values) == {0.0}


def test_lazy_and_meta(closely):
    torch.manual_seed(0)
    model = nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.Linear(8, 2))
    unborn, ghost = nn.LazyLinear(4), nn.Linear(3, 3, device="meta")

    def train():
        optimizer = torch.optim.SGD([*model.parameters(), *unborn.parameters(), *ghost.parameters()], 0.1)
        for step in range(STEPS):
            optimizer.zero_grad()
            output = model(noise(40, 5)(step))
            if not naive.named:
                naive.named = dict(model.named_parameters())
            naive.hear(output.square().mean()).backward()
            with naive.step():
                optimizer.step()
            if step == 4:
                unborn(torch.randn(2, 3))

    naive = Naive({})
    run = closely(train)
    naive.steps[5]["grad_cosine"] = {}  # there is one more to measure: nothing to compare with
    naive.check(run)
    assert {n for n in run.get("param_norm") if n.startswith("SGD")} <= {"SGD/4", "SGD/5"}


def test_evaluations_between_steps_do_not_mix(closely):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Dropout(0.5), nn.Tanh(), nn.Linear(16, 3))
    naive = Naive(model.named_parameters())

    def between(step, _optimizer):
        with torch.no_grad():
            model(1000 * torch.ones(40, 6))
        with torch.inference_mode():
            model(1000 * torch.ones(40, 6))
        model.eval()
        model(1000 * torch.ones(40, 6))
        with torch.no_grad():
            model(1000 * torch.ones(40, 6))
        model.train()

    naive.check(closely(lambda: go(model, noise(40, 6), naive, ["0", "1", "2", "3"], between=between)))


@pytest.mark.parametrize("length", [5, 40])
def test_a_module_called_many_times(closely, length):
    """The mean over its calls; those of a second micro-batch do not count."""

    class Unrolled(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.act, self.head = nn.RNNCell(6, 8), nn.ReLU(), nn.Linear(8, 3)

        def forward(self, x):
            state = x.new_zeros(len(x), 8)
            for _ in range(length):
                state = self.act(self.cell(x, state))
            return self.head(state)

    torch.manual_seed(0)
    model = Unrolled()
    naive = Naive(model.named_parameters())
    naive.check(closely(lambda: go(model, noise(40, 6), naive, ["cell", "act", "head"])))


def test_layers_that_are_not_called_as_modules(closely):
    class Direct(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.third = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x):
            return self.third(self.second.forward(F.linear(x, self.first.weight, self.first.bias)))

    torch.manual_seed(0)
    model = Direct()
    naive = Naive(model.named_parameters())
    run = closely(lambda: go(model, noise(40, 6), naive, ["third"]))
    naive.check(run)
    assert set(run.get("activation_std")) == {"third"}


def test_compiled_models_say_that_their_layers_are_not_seen(closely):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    naive = Naive(model.named_parameters())
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    run = closely(lambda: go(torch.compile(model, backend="aot_eager"), noise(40, 6), naive))
    naive.check(run)
    assert run.get("activation_mean") is None
    assert "compiled" in run.reason("activation_mean")
    # The compiler was imported before the taps came, which it never is in a run: it has traced through one of them,
    # and compiles once more when that is taken out for the first sleep.
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 2
    assert sum(torch._dynamo.utils.counters["graph_break"].values()) == 0


def test_the_fast_path_of_transformers_stays_on(closely):
    def train(outputs):
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for step in range(STEPS):
            model.train()
            optimizer.zero_grad()
            model(noise(4, 5, 16)(step)).square().mean().backward()
            optimizer.step()
            model.eval()
            assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
            with torch.no_grad():
                outputs.append(model(noise(4, 5, 16)(100 + step)))

    without, watched = [], []
    train(without)
    run = closely(lambda: train(watched))
    assert all(torch.equal(a, b) for a, b in zip(without, watched, strict=True))
    assert list(run.get("activation_std")["layers.0.linear1"].steps) == list(range(STEPS))


def test_large_activations(closely):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 24, 3), nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten(), nn.Linear(24 * 14 * 14, 300)
    )
    with torch.no_grad():
        model[0].weight *= torch.logspace(-1, 1, 24)[:, None, None, None]
    naive = Naive(model.named_parameters())
    run = closely(lambda: go(model, noise(32, 3, 16, 16), naive, ["0", "1", "2", "4"], lr=0.01))
    naive.check(run, looser=SAMPLED)


def test_dead_and_saturated_units(closely):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 3))
    with torch.no_grad():
        model[0].bias[:5] = -1e6
        model[2].bias[:3] = 50.0
    expected = {"dead_unit_share": [], "saturated_unit_share": []}

    def keep(_module, _args, output):
        if output.shape[1] == 32:
            expected["dead_unit_share"].append(float((output == 0).all(0).double().mean()))
        else:
            flat = (1 - output.double().square() < 0.01).double().mean(0) > 0.5
            expected["saturated_unit_share"].append(float(flat.double().mean()))

    for layer in (model[1], model[3]):
        layer.register_forward_hook(keep)
    run = closely(lambda: go(model, noise(64, 6), Naive({})))
    for signal, values in expected.items():
        (series,) = run.get(signal).values()
        assert series.values.tolist() == pytest.approx(values), signal
    assert norm(wide(model[0].weight)) > 0
    assert deviation(wide(model[0].weight)) > 0
