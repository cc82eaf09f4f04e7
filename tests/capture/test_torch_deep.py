import copy
import itertools
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from netvet.capture.pace import Pace
from netvet.capture.recorder import Recorder, Schedule
from netvet.capture.torch_units import MIN_SAMPLES
from netvet.capture.torch_attention import attention_logits, entropy_share
from netvet.capture.torch_filters import roughness
from netvet.capture.torch_gradients import noise_ratio
from netvet.capture.torch_sampling import spread, stride_of
from netvet.capture.torch_session import Watch
from netvet.store import RunWriter


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 16)
        self.act = nn.ReLU()
        self.drop = nn.Dropout(0.2)
        self.fc2 = nn.Linear(16, 8)
        self.squash = nn.Tanh()
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.squash(self.fc2(self.drop(self.act(self.fc1(x))))))


def train(steps=12, look=None, model=None, **options):
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    model = model or Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, **options)
    losses = []
    for _ in range(steps):
        x, y = torch.randn(40, 6), torch.randint(3, (40,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        before = {n: p.detach().double().clone() for n, p in model.named_parameters()}
        grads = {n: p.grad.double().clone() for n, p in model.named_parameters()}
        optimizer.step()
        losses.append(loss.item())
        if look is not None:
            look(before, grads, {n: p.detach().double().clone() for n, p in model.named_parameters()})
    return model, losses


def test_sizes_agree_with_a_naive_reference(watch):
    seen = []
    run = watch(lambda: train(look=lambda *three: seen.append(three)))
    for step, (before, grads, after) in enumerate(seen):
        for name, old in before.items():
            expected = {
                "param_norm": old.norm(),
                "param_std": old.std(correction=0),
                "param_grad_norm": grads[name].norm(),
                "update_ratio": (after[name] - old).norm() / old.norm(),
            }
            for signal, value in expected.items():
                assert run.get(signal)[name].values[step] == pytest.approx(float(value), rel=1e-4), (signal, name)


def test_cosine_of_successive_gradients(watch):
    seen = []
    run = watch(lambda: train(look=lambda _, grads, __: seen.append(grads)))
    cosine = run.get("grad_cosine")
    flat = [torch.cat([g.reshape(-1) for g in grads.values()]) for grads in seen]
    for step in range(1, len(seen)):
        expected = F.cosine_similarity(flat[step - 1], flat[step], dim=0)
        assert cosine["(all)"].values[step - 1] == pytest.approx(float(expected), abs=1e-5)
    assert list(cosine["(all)"].steps) == list(range(1, len(seen)))
    (noise,) = run.get("gradient_noise")
    assert noise["batch"] == 40
    assert noise["ratio"] == pytest.approx(noise_ratio(list(cosine["(all)"].values)))


def test_sampled_steps_are_compared_with_the_next_step(watch):
    seen = []
    run = watch(lambda: train(look=lambda _, grads, __: seen.append(grads["fc1.weight"])), every=4)
    cosine = run.get("grad_cosine")["fc1.weight"]
    assert list(cosine.steps) == [1, 5, 9]
    expected = F.cosine_similarity(seen[4].reshape(-1), seen[5].reshape(-1), dim=0)
    assert cosine.values[1] == pytest.approx(float(expected), abs=1e-5)


def test_activations_dead_and_saturated_units(watch):
    model = Net()
    with torch.no_grad():
        model.fc1.bias[:4] = -1e6
        model.fc2.bias[:2] = 50.0
    run = watch(lambda: train(2, model=model), probes=False)
    assert run.get("dead_unit_share")["act"].values[0] == pytest.approx(0.25)
    assert run.get("saturated_unit_share")["squash"].values[0] == pytest.approx(0.25, abs=0.15)
    assert set(run.get("activation_std")) == {"fc1", "act", "drop", "fc2", "squash", "head"}


def test_activation_moments_agree_with_a_naive_reference(watch):
    kept = []

    def program():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 5), nn.ReLU())
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        output = model(torch.randn(50, 4))
        kept.append(output.detach().double())
        output.sum().backward()
        optimizer.step()

    run = watch(program)
    assert run.get("activation_mean")["1"].values[0] == pytest.approx(float(kept[0].mean()), rel=1e-5)
    assert run.get("activation_std")["1"].values[0] == pytest.approx(float(kept[0].std(correction=0)), rel=1e-5)
    assert run.get("dead_unit_share")["1"].values[0] == pytest.approx(float((kept[0] == 0).all(0).double().mean()))


def test_single_samples_are_added_up_before_a_unit_is_called_dead(watch):
    def program():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        for _ in range(MIN_SAMPLES):
            optimizer.zero_grad()
            model(torch.randn(1, 4)).sum().backward()
            optimizer.step()

    dead = watch(program).get("dead_unit_share")["1"]
    assert list(dead.steps) == [MIN_SAMPLES - 1]
    assert dead.values[0] < 0.2


def test_an_output_layer_is_not_called_saturated(watch):
    def program():
        model = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(1000 * torch.randn(64, 4)).squeeze().sum().backward()
        optimizer.step()

    assert watch(program).get("saturated_unit_share") is None


def test_training_is_bitwise_the_same(watch):
    model, losses = train(30)
    state = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    found = []
    watch(lambda: found.append(train(30)))
    (watched, watched_losses) = found[0]
    assert watched_losses == losses
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), watched.parameters(), strict=True))
    assert torch.equal(state[0], torch.get_rng_state())
    assert state[1:] == (random.getstate(), np.random.get_state()[1].tolist())


def test_no_hook_is_left_on_the_model(watch):
    def program():
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with pytest.raises(RuntimeError):
            model(torch.randn(3, 7))
        for _ in range(3):
            assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
            copy.deepcopy(model)
            pickle.dumps(model)
            model(torch.randn(3, 6)).sum().backward()
            optimizer.step()

    watch(program)


def test_modules_in_order_with_shapes(watch):
    records = {r["name"]: r for r in watch(train).get("modules")}
    assert records["Net"]["called"] == 1
    assert records["Net"]["file"].endswith("test_torch_deep.py")
    assert records["fc1"]["input_shape"] == [40, 6]
    assert records["fc1"]["output_shape"] == [40, 16]
    assert records["drop"]["settings"]["p"] == 0.2
    calls = sorted((r["order"], n) for n, r in records.items())
    assert [n for _, n in calls] == ["Net", "fc1", "act", "drop", "fc2", "squash", "head"]


def test_two_optimizers_and_models_keep_apart(watch):
    def program():
        nets = [nn.Linear(3, 3), nn.Linear(3, 1)]
        optimizers = [torch.optim.Adam(n.parameters()) for n in nets]
        for _ in range(4):
            for optimizer in optimizers:
                optimizer.zero_grad()
                nets[1](nets[0](torch.randn(8, 3))).mean().backward()
                optimizer.step()

    run = watch(program)
    assert {"weight", "bias", "Linear#2.weight", "Linear#2.bias"} == set(run.get("param_norm"))
    assert {"(all)", "Adam#2 (all)"} <= set(run.get("grad_cosine"))


@pytest.mark.parametrize("sparse", [False, True])
def test_strange_gradients(watch, sparse):
    def program():
        table = nn.Embedding(20, 4, sparse=sparse).double()
        unused = nn.Parameter(torch.zeros(0))
        optimizer = torch.optim.SGD([*table.parameters(), unused], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            table(torch.tensor([1, 1, 2])).sum().backward()
            optimizer.step()

    run = watch(program)
    assert run.get("param_grad_norm")["weight"].values[0] == pytest.approx((4 * (4 + 1)) ** 0.5)
    assert run.get("grad_cosine")["weight"].values[0] == pytest.approx(1.0)


def test_non_finite_gradients_are_counted_at_every_step(watch):
    def program():
        p = nn.Parameter(torch.zeros(3))
        optimizer = torch.optim.SGD([p], lr=0.0)
        for step in range(6):
            p.grad = torch.tensor([1.0, float("nan"), float("inf")]) if step == 5 else torch.ones(3)
            optimizer.step()

    counts = watch(program, every=1000).get("non_finite_grads")
    assert {k: (list(s.steps), list(s.values)) for k, s in counts.items()} == {"SGD/0": ([5], [2.0])}


@torch.no_grad()
def test_attention_weights_agree_with_the_module():
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(3, 5, 8)
    causal = torch.ones(5, 5, dtype=torch.bool).triu(1)
    logits = attention_logits(attention, x, x, causal, None)
    _, weights = attention(x, x, x, attn_mask=causal, average_attn_weights=False)
    assert torch.allclose(logits.softmax(-1), weights, atol=1e-6)
    entropy = -(weights * weights.clamp(min=1e-30).log()).sum(-1)[:, :, 1:] / torch.arange(2.0, 6.0).log()
    assert float(entropy_share(logits)) == pytest.approx(float(entropy.mean((0, 2)).min()), rel=1e-4)


def test_fixed_batch(watch):
    run = watch(lambda: train(41), probes=False)
    (loss,) = run.get("fixed_batch_loss").values()
    assert list(loss.steps) == [0, 20, 40]
    (flips,) = run.get("fixed_batch_flips").values()
    assert len(flips) == 2


def test_roughness_of_noise_and_of_a_smooth_filter():
    noise = torch.randn(500, 1, 7, 7, generator=torch.Generator().manual_seed(0))
    assert roughness(noise) == pytest.approx(0.72, abs=0.02)
    assert roughness(torch.ones(1, 1, 7, 7)) < 0.1


def test_noise_ratio():
    generator = torch.Generator().manual_seed(0)
    signal, noise = torch.ones(4000, dtype=torch.float64), 2.0
    gradients = [signal + noise * torch.randn(4000, generator=generator, dtype=torch.float64) for _ in range(41)]
    cosines = [float(F.cosine_similarity(a, b, dim=0)) for a, b in itertools.pairwise(gradients)]
    assert noise_ratio(cosines) == pytest.approx(noise**2, rel=0.1)
    assert noise_ratio(cosines[:9]) is None
    assert noise_ratio([-0.9] * 20) is None


def test_samples_visit_all_columns():
    big = torch.arange(64, dtype=torch.float32).repeat(4096, 1)
    assert stride_of(big.shape, 65_536) % 2 == 1
    assert float(spread(big).mean()) == pytest.approx(31.5, rel=0.01)


def test_closures_name_their_parameters(watch):
    def program():
        model = nn.Linear(3, 1)
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
        x = torch.randn(20, 3)

        def closure():
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), x.sum(1, keepdim=True))
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)

    assert set(watch(program).get("update_ratio")) == {"weight", "bias"}


def test_the_time_of_sampled_steps_is_counted(tmp_path):
    recorder = Recorder(RunWriter.create(tmp_path, "test"), Schedule(0.01))
    watched = Watch(recorder, Pace(0.01), probes=False)
    watched.install()
    train(3)
    watched.finish("ok")
    recorder.writer.close()
    assert 0 < recorder.schedule.spent < recorder.cost


@pytest.mark.parametrize("style", ["matmul", "einsum", "sdpa"])
def test_attention_by_hand_is_seen(watch, style):
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.drop = nn.Linear(8, 24), nn.Dropout(0.1)

        def forward(self, x):
            q, k, v = self.qkv(x).chunk(3, -1)
            if style == "sdpa":
                return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            scores = q @ k.transpose(1, 2) / 8**0.5
            scores = scores.masked_fill(torch.ones(6, 6).triu(1) > 0, -1e9)
            weights = self.drop(torch.softmax(scores, dim=-1) if style == "matmul" else scores.softmax(-1))
            return weights @ v if style == "matmul" else torch.einsum("nqk,nkd->nqd", weights, v)

    def train():
        torch.manual_seed(0)
        model = nn.Sequential(Attention(), nn.Linear(8, 3), nn.Softmax(-1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(4, 6, 8)).square().sum().backward()
            optimizer.step()

    run = watch(train)
    found, (seen,) = run.get("attention_entropy"), run.get("attention")
    assert list(found) == ["0"]
    assert 0.5 < found["0"].values[0] < 1.0
    line = Path(__file__).read_text().splitlines()[seen["line"] - 1]
    assert ("scaled_dot_product_attention" if style == "sdpa" else "scores = q @ k") in line


@pytest.mark.parametrize("optimizers", [1, 2])
def test_collectors_that_sample_hear_of_deep_steps_and_the_next_of_each_optimizer(tmp_path, optimizers):
    class Listener:
        part, sampled = "test", True

        def __init__(self, session):
            self.session, self.heard = session, []

        def on_step_begin(self, _event):
            self.heard.append(self.session.step)

    recorder = Recorder(RunWriter.create(tmp_path, "test"), Schedule(0.01, every=10))
    watched = Watch(recorder, Pace(0.01), probes=False)
    listener = Listener(watched.session)
    watched.session.add(listener)
    watched.install()
    model = nn.Linear(4, 1)
    steppers = [torch.optim.SGD(model.parameters(), lr=0.1) for _ in range(optimizers)]
    for _ in range(24 // optimizers):
        for one in steppers:
            model(torch.ones(3, 4)).sum().backward()
            one.step()
    watched.finish("ok")
    recorder.writer.close()
    assert listener.heard == [s for s in range(24) if s % 10 <= optimizers]
