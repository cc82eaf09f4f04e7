"""Simple learners and the input ablation, on samples kept during the run."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from netvet.capture import torch_ablation
from netvet.capture.baselines import Problem, random_labels
from netvet.capture.learners import Ridge, nearest, r2, scaled
from netvet.capture.torch_learners import flat

GENERATOR = torch.Generator().manual_seed(1)
X = torch.randn(240, 6, generator=GENERATOR)
Y = X[:, :3].argmax(1)
REAL = X @ torch.randn(6, 1, generator=GENERATOR) + 0.1 * torch.randn(240, 1, generator=GENERATOR)


class Net(nn.Module):
    def __init__(self, outputs=3, blind=False):
        super().__init__()
        self.net, self.blind = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, outputs)), blind

    def forward(self, x, names=("a", None), *, scale=1.0):
        return self.net(x * 0 if self.blind else x) * scale


def plain(model, x):
    return model(x)


def fit(y=Y, loss="cross_entropy", *, outputs=3, blind=False, held=True, epochs=8, call=plain, prepare=None):
    torch.manual_seed(0)
    model = Net(outputs, blind)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(epochs):
        for part in torch.randperm(180).split(20):
            optimizer.zero_grad()
            out = call(model, X[part])
            getattr(functional, loss)(prepare(out) if prepare else out, y[part]).backward()
            optimizer.step()
        if held:
            with torch.no_grad():
                getattr(functional, loss)(call(model, X[180:]), y[180:])


def test_learners_agree_with_a_reference():
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((30, 4)), generator.standard_normal((7, 4))
    near = [int(((a - row) ** 2).sum(1).argmin()) for row in b]
    assert nearest(a, b).tolist() == near
    y = generator.standard_normal((30, 2))
    strength = 0.1 * np.trace(a @ a.T) / 30
    weights = np.linalg.solve(a.T @ a + strength * np.eye(4), a.T @ (y - y.mean(0)))
    assert Ridge(a, 0.1).predict(y, b) == pytest.approx(b @ weights + y.mean(0))
    assert r2(y, y) == 1.0
    assert r2(np.repeat(y.mean(0, keepdims=True), 30, 0), y) == pytest.approx(0.0)
    same, other = scaled(a, b)
    assert same.mean(0) == pytest.approx(0.0, abs=1e-12)
    assert other == pytest.approx((b - a.mean(0)) / a.std(0))


def test_tokens_are_counted():
    found = flat([torch.tensor([[3, 3, 5], [5, 5, 5]])])
    assert found[:, [3, 5]].tolist() == [[2.0, 1.0], [0.0, 3.0]]


def test_true_labels_are_learned_better_than_shuffled_ones(watch):
    run = watch(fit, probes=False)
    (record,) = run.get("random_labels")
    assert record["true_score"] > 0.7
    assert abs(record["shuffled_score"] - 1 / 3) < 0.1
    assert record["p"] < 1e-6
    assert record["score"] == "accuracy"
    assert record["samples"] == 180
    (base,) = run.get("baselines")
    assert (base["split"], base["samples"], base["mean"]) == ("val", 60, None)
    most = int(Y[:180].bincount().argmax())
    assert base["majority"] == pytest.approx(float((Y[180:] == most).double().mean()))
    (series,) = run.get("val_accuracy").values()
    assert base["model"] == record["model_val_score"] == series.values[-1]


def test_random_labels_are_not(watch):
    labels = torch.randint(0, 3, (240,), generator=GENERATOR)
    (record,) = watch(lambda: fit(labels), probes=False).get("random_labels")
    assert record["p"] > 0.01


def test_numbers_are_scored_by_r2(watch):
    run = watch(lambda: fit(REAL, "mse_loss", outputs=1), probes=False)
    (base,) = run.get("baselines")
    assert base["score"] == "r2"
    assert base["linear"] > 0.9
    assert base["mean"] == pytest.approx(0.0, abs=0.1)
    assert base["model"] > 0.5
    assert run.get("target_in_input")[0]["r2"] > 0.9


def test_without_evaluation_half_of_the_training_samples_are_held_out(watch):
    (base,) = watch(lambda: fit(held=False), probes=False).get("baselines")
    assert (base["split"], base["samples"]) == ("train", 90)
    assert base["model"] > 0.5


def test_a_column_that_equals_the_target_is_found(watch):
    (record,) = watch(lambda: fit(X[:, 4:5].clone(), "mse_loss", outputs=1), probes=False).get("target_in_input")
    assert record["column"] == 4
    assert record["identical"] is False
    (record,) = watch(fit, probes=False).get("target_in_input")
    assert record["column"] is None


def test_autoencoders_that_narrow_are_told_from_copies(watch):
    def copy(width):
        model = nn.Sequential(nn.Linear(6, width), nn.Linear(width, 6))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for part in torch.arange(240).split(20):
            optimizer.zero_grad()
            functional.mse_loss(model(X[part]), X[part]).backward()
            optimizer.step()

    for width, narrows in ((3, True), (9, False)):
        (record,) = watch(lambda width=width: copy(width), probes=False).get("target_in_input")
        assert (record["identical"], record["autoencoder"]) == (True, narrows)


@pytest.fixture
def unhurried(monkeypatch):
    """On a machine that stands still for a moment the time for copies would be over."""
    monkeypatch.setattr(torch_ablation, "GRACE", math.inf)


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("call", [plain, lambda m, x: m(x, ["a", 1], scale=1.5), lambda m, x: m(x=x)])
def test_a_net_that_looks_at_its_input_suffers_from_others(watch, call):
    (record,) = watch(lambda: fit(call=call), probes=False).get("input_ablation")
    assert record["real"] < 0.7 * record["shuffled"]
    assert record["real"] < 0.9 * record["zeroed"]
    assert record["accuracy_real"] > record["accuracy_shuffled"] + 0.2
    assert record["split"] == "val"
    assert 60 <= record["step"] <= 72  # within a tenth of the end, where the model was last seen


@pytest.mark.usefixtures("unhurried")
def test_a_blind_net_does_not(watch):
    (record,) = watch(lambda: fit(blind=True), probes=False).get("input_ablation")
    assert record["real"] == record["shuffled"] == record["zeroed"]


@pytest.mark.parametrize("width", [1, 2])
def test_the_layer_at_which_the_input_ends_is_found(watch, width):
    def train():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, width), nn.LayerNorm(width), nn.Linear(width, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for part in torch.arange(240).split(5):
            optimizer.zero_grad()
            functional.cross_entropy(model(X[part]), Y[part]).backward()
            optimizer.step()

    (record,) = watch(train, probes=False).get("input_ablation")
    assert record["blocked_by"] == ("1" if width == 1 else None)


def test_the_loss_of_the_ablation_is_the_models_own(watch):
    kept = []

    def train():
        torch.manual_seed(0)
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(30):
            optimizer.zero_grad()
            functional.cross_entropy(model(X[:20]), Y[:20]).backward()
            optimizer.step()
        kept.append(float(functional.cross_entropy(model(X[:20]), Y[:20]).detach()))

    (record,) = watch(train, probes=False).get("input_ablation")
    assert record["real"] == pytest.approx(kept[0], rel=0.05)


def test_says_why_it_cannot_be_asked(watch):
    run = watch(lambda: fit(prepare=lambda out: out / 2, held=False), probes=False)
    assert run.get("input_ablation") is None
    assert "between the model's output and the loss" in run.reason("input_ablation")
    run = watch(lambda: fit(torch.zeros(240, dtype=torch.long)), probes=False)
    assert "one class only" in run.reason("baselines")


def test_a_heavy_tail_does_not_hide_what_can_be_learned():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(600, 4))
    y = x[:, :1] + 0.1 * generator.normal(size=(600, 1))
    y[generator.random(600) < 0.005] *= 1000
    found = random_labels(Problem(x, y, None, np.arange(600)))
    assert found["true_score"] > 0.8
    assert found["true_score"] > found["shuffled_score"] + 5 * found["shuffled_sd"]


def test_a_square_batch_is_not_cut_along_the_wrong_axis(watch):
    """Data in (time, batch, features) with as many steps as samples; the evaluation shows which axis is which."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(120, 20, 3, generator=generator)
    y = (x[:, :, 0].sum(1) > 0).long()

    def collated(batch):
        return torch.stack([a for a, _ in batch], dim=1), torch.stack([b for _, b in batch])

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.GRU(3, 8), nn.Linear(8, 2)

        def forward(self, x):
            return self.out(self.rnn(x)[1][-1])

    def train():
        torch.manual_seed(0)
        model, pairs = Net(), TensorDataset(x, y)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(6):
            for a, b in DataLoader(pairs, batch_size=20, shuffle=True, collate_fn=collated):
                optimizer.zero_grad()
                functional.cross_entropy(model(a), b).backward()
                optimizer.step()
            with torch.no_grad():
                for a, b in DataLoader(pairs, batch_size=30, collate_fn=collated):
                    functional.cross_entropy(model(a), b)

    run = watch(train)
    assert run.get("input_ablation") is None
    assert "axis" in run.reason("input_ablation")


def test_places_in_the_batch_are_no_targets(watch):
    def train():
        torch.manual_seed(0)
        model = Net(outputs=4)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for part in torch.randperm(180).split(20):
            optimizer.zero_grad()
            codes = model(X[part])
            functional.cross_entropy(codes @ codes.T, torch.arange(20)).backward()
            optimizer.step()

    run = watch(train)
    for signal in ("input_ablation", "baselines", "random_labels"):
        assert not run.get(signal)
        assert "each other's classes" in run.reason(signal)
