"""The probes on the replayed first step, against what is known of small nets."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F


def _data(seed=0, n=32, classes=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 8, generator=generator), torch.randint(0, classes, (n,), generator=generator)


def _train(model, loss_of, steps=2, cls=torch.optim.SGD):
    optimizer = cls(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()


def _net(outputs=5):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, outputs))


def test_cross_entropy_starts_at_log_classes(watch):
    x, y = _data()
    signals = watch(lambda: _train(_net(), lambda m: F.cross_entropy(m(x), y)))
    (record,) = signals.get("initial_loss")
    assert record["expected"] == pytest.approx(math.log(5))
    assert record["classes"] == 5
    shares = torch.bincount(y, minlength=5).double() / len(y)
    assert record["best_constant"] == pytest.approx(float(-(shares * shares.log()).nansum()), rel=1e-5)
    (contract,) = signals.get("loss_contract")
    assert contract["perfect"] < 1e-6 < contract["constant"] < contract["worst"]
    assert contract["descends_toward_target"] is True
    assert contract["batch_scaling"] == pytest.approx(1.0, abs=1e-4)
    (bias,) = signals.get("final_bias")
    assert bias["layer"] == "2"
    assert 0 <= bias["saved"] < 0.5


def test_mse_starts_at_the_variance_of_the_target(watch):
    x, _ = _data()
    y = 3 * x[:, :1] + 7
    signals = watch(lambda: _train(_net(1), lambda m: F.mse_loss(m(x), y)))
    (record,) = signals.get("initial_loss")
    assert record["expected"] == pytest.approx(float(y.var(correction=0)), rel=1e-4)


def test_negated_summed_and_divided_losses(watch):
    x, y = _data()
    negated = watch(lambda: _train(_net(), lambda m: -F.cross_entropy(m(x), y))).get("loss_contract")[0]
    assert negated["descends_toward_target"] is False
    assert negated["unbounded_below"] is True
    summed = watch(lambda: _train(_net(), lambda m: F.cross_entropy(m(x), y, reduction="sum"))).get("loss_contract")[0]
    assert summed["batch_scaling"] == pytest.approx(2.0, abs=1e-4)
    divided = watch(lambda: _train(_net(), lambda m: F.cross_entropy(m(x), y, reduction="sum") / len(x)))
    assert divided.get("loss_contract")[0]["batch_scaling"] == 1.0


class Centred(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(x) - self.fc(x).mean(0)


def test_samples_that_mix_and_samples_that_do_not(watch):
    x, y = _data()
    mixed = watch(lambda: _train(Centred(), lambda m: F.cross_entropy(m(x), y))).get("batch_mixing")[0]
    assert mixed["mixed"] == 1.0
    assert mixed["structure"] == "all"
    assert mixed["module"] == "Centred"
    free = watch(lambda: _train(_net(), lambda m: F.cross_entropy(m(x), y)))
    assert free.get("batch_mixing")[0]["mixed"] == 0.0
    assert free.get("batched_differs")[0]["max_difference"] < 1e-4


def test_axes_swapped_by_view_mix_samples_that_were_not_tried_singly(watch):
    class Swapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.fc = nn.RNN(3, 4), nn.Linear(4, 5)

        def forward(self, x):
            out, _ = self.rnn(x.transpose(0, 1))
            return self.fc(out.reshape(len(x), x.shape[1], 4)[:, -1])

    x, y = torch.randn(32, 16, 3), torch.randint(0, 5, (32,))
    mixed = watch(lambda: _train(Swapped(), lambda m: F.cross_entropy(m(x), y))).get("batch_mixing")[0]
    assert mixed["mixed"] > 0
    assert mixed["op"] in ("reshape", "view")


def test_a_model_that_samples_is_not_held_against_its_batch(watch):
    class Sampling(Centred):
        def forward(self, x):
            out = self.fc(x)
            return out + torch.randn_like(out)

    x, y = _data()
    run = watch(lambda: _train(Sampling(), lambda m: F.cross_entropy(m(x), y)))
    assert run.get("batched_differs") is None
    assert run.get("batch_mixing") is None


@pytest.mark.parametrize("causal", [True, False])
def test_leak_from_the_future(watch, causal):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.rnn = nn.Embedding(7, 8), nn.GRU(8, 8, batch_first=True, bidirectional=not causal)
            self.head = nn.Linear(8 if causal else 16, 7)

        def forward(self, ids):
            return self.head(self.rnn(self.embed(ids))[0])

    ids = torch.randint(0, 7, (6, 11), generator=torch.Generator().manual_seed(1))
    x, y = ids[:, :-1], ids[:, 1:]
    signals = watch(lambda: _train(Net(), lambda m: F.cross_entropy(m(x).reshape(-1, 7), y.reshape(-1))))
    (record,) = signals.get("future_leak")
    assert (record["leaks"] == 0.0) is causal
    assert record["shift"] == 1


def test_undivided_accumulation(watch):
    def train(k):
        model = _net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for seed in range(8):
            x, y = _data(seed)
            (F.cross_entropy(model(x), y) / k).backward()
            if seed % 4 == 3:
                optimizer.step()
                optimizer.zero_grad()

    (sick,) = watch(lambda: train(1)).get("accumulation")
    assert (sick["micro_batches"], sick["divided"], sick["scale_invariant"]) == (4, False, False)
    assert watch(lambda: train(4)).get("accumulation")[0]["divided"] is True


def test_equal_units(watch):
    x, y = _data()
    model = _net()
    nn.init.constant_(model[0].weight, 0.1)
    nn.init.constant_(model[0].bias, 0.0)
    nn.init.constant_(model[2].weight, 0.1)
    (first, *_) = watch(lambda: _train(model, lambda m: F.cross_entropy(m(x), y))).get("symmetric_units")
    assert (first["layer"], first["identical"], first["identical_gradients"]) == ("0", 16, 16)


def test_units_whose_outputs_are_masked_away_are_not_shown_to_be_equal(watch):
    x, y = _data()
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 10))
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    (found,) = watch(lambda: _train(model, lambda m: F.cross_entropy(m(x)[:, :5], y))).get("symmetric_units")
    assert (found["layer"], found["identical"], found["identical_gradients"]) == ("2", 10, 0)


def test_training_is_the_same_with_probes(watch):
    x, y = _data()

    def train():
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 5))
        _train(model, lambda m: F.cross_entropy(m(x), y), 5, torch.optim.Adam)
        results.append([*(t.clone() for t in model.state_dict().values()), torch.get_rng_state()])
        assert model.training
        assert not any(m._forward_hooks for m in model.modules())

    results = []
    train()
    watch(train)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_squeezed_output_has_one_bias_and_not_one_for_each_sample(watch):
    x, _ = _data()
    y = (x[:, 0] > 1).float()
    loss = lambda m: F.binary_cross_entropy_with_logits(m(x).squeeze(1), y)  # noqa: E731
    (bias,) = watch(lambda: _train(_net(1), loss)).get("final_bias")
    assert len(bias["wanted"]) == 1
    assert bias["values"] == 1
    assert bias["loss_with_bias"] > 0.2
    assert bias["even"] == pytest.approx(0.6931, abs=1e-3)


def test_the_channels_of_a_convolution_have_the_biases(watch):
    x = torch.randn(6, 1, 5, 5)
    y = (x > 2).float()
    net = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 1, 1))
    (bias,) = watch(lambda: _train(net, lambda m: F.binary_cross_entropy_with_logits(m(x), y))).get("final_bias")
    assert bias["wanted"] == pytest.approx([float(y.mean())])
    assert bias["values"] == 25
