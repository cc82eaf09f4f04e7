"""What enters the models."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

X = torch.randn(64, 5, generator=torch.Generator().manual_seed(1)) * 3 + 7


def train(make, calls, loss_of=lambda out: out.float().mean()):
    model = make()
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.01)
    for call in calls:
        optimizer.zero_grad()
        loss_of(call(model)).backward()
        optimizer.step()


def inputs_of(watch, make, calls):
    return watch(lambda: train(make, calls), probes=False).get("inputs")


def test_moments_and_features_agree_with_a_reference(watch):
    x = X.clone()
    x[:, 2] = 4.0
    batches = [x[i : i + 16] for i in range(0, 64, 16)]
    (record,) = inputs_of(watch, lambda: nn.Linear(5, 2), [lambda m, b=b: m(b) for b in batches])
    wide = x.double()
    assert record["model"] == "Linear"
    assert record["position"] == 0
    assert (record["min"], record["max"]) == (float(x.min()), float(x.max()))
    assert record["mean"] == pytest.approx(float(wide.mean()))
    assert record["std"] == pytest.approx(float(wide.std(correction=0)))
    assert record["feature_mean"] == pytest.approx(wide.mean(0).tolist())
    assert record["feature_std"] == pytest.approx(wide.std(0, correction=0).tolist(), abs=1e-6)
    assert (record["constant_features"], record["features"]) == (1, 5)
    assert (record["samples"], record["batch"], record["shape"]) == (64, 16, [16, 5])


def test_images_are_summarised_by_channel(watch):
    images = torch.randn(32, 3, 4, 4)
    (record,) = inputs_of(watch, lambda: nn.Conv2d(3, 2, 3), [lambda m: m(images)])
    assert record["feature_mean"] == pytest.approx(images.double().mean((0, 2, 3)).tolist())
    assert record["features"] == 48


def test_the_first_bad_values_are_located(watch):
    bad = X.clone()
    bad[5, 1], bad[9, 0] = float("nan"), float("inf")
    (record,) = inputs_of(watch, lambda: nn.Linear(5, 2), [lambda m: m(X), lambda m: m(bad)])
    assert record["nonfinite"] == 2
    assert record["first_nonfinite_step"] == 1
    assert record["first_nonfinite_samples"] == [5, 9]


def test_ids_are_traced_to_their_embedding(watch):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.positions, self.tokens, self.head = nn.Embedding(9, 4), nn.Embedding(50, 4), nn.Linear(4, 2)

        def forward(self, ids):
            positions = torch.arange(ids.shape[1] - 1)
            return self.head(self.tokens(ids[:, :-1]) + self.positions(positions))

    ids = torch.randint(0, 50, (8, 7))
    (record,) = inputs_of(watch, Net, [lambda m: m(ids)])
    assert record["embedding_rows"] == 50
    assert record["non_embedding"] is False
    assert record["integral"] is True


def test_keywords_dicts_and_submodules_have_names(watch):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(5, 4), nn.Linear(4, 2)

        def forward(self, batch, scale=None):
            return self.second(self.first(batch["x"])) * scale

    both = inputs_of(watch, Net, [lambda m: m({"x": X}, scale=torch.ones(1))])
    assert [r["position"] for r in both] == ["0.x", "scale"]
    parts = inputs_of(watch, Net, [lambda m: m.second(m.first(X))])
    assert [(r["model"], r["position"]) for r in parts] == [("Net", "first.0")]


def test_hidden_states_that_the_model_made_are_no_input(watch):
    def call(model):
        h = torch.zeros(64, 5)
        for _ in range(3):
            h = model(X, h)
        return h

    records = inputs_of(watch, lambda: nn.GRUCell(5, 5), [call])
    assert [(r["position"], r["samples"]) for r in records] == [(0, 192), (1, 64)]


@pytest.mark.parametrize(
    "odd",
    [
        torch.zeros(0, 5),
        torch.randn(64, 5, dtype=torch.float64).float().to_sparse(),
        torch.randn(64, 5).to(torch.bfloat16),
        torch.randn(64, 5, dtype=torch.complex64),
        torch.rand(64, 5) > 0.5,
        torch.tensor(3.0),
        None,
        "text",
        (1, [torch.ones(2)]),
    ],
)
def test_odd_inputs_do_no_harm(watch, odd):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, 2)

        def forward(self, x, other):
            return self.layer(x)

    records = inputs_of(watch, Net, [lambda m: m(X, odd)] * 3)
    assert records[0]["samples"] == 192


def test_lengths_that_vary_have_no_fixed_features(watch):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, 2)

        def forward(self, x):
            return self.layer(x)

    records = inputs_of(watch, Net, [lambda m, n=n: m(torch.randn(16, n, 5)) for n in (3, 4, 3)])
    assert records[0].get("constant_features") is None


def test_a_score_on_the_training_loader_is_no_look_at_validation_data(watch):
    def both():
        model = nn.Linear(5, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        training = DataLoader(TensorDataset(X), batch_size=16)
        validation = DataLoader(TensorDataset(X[:32] * 100), batch_size=16)
        for _ in range(2):
            for (x,) in training:
                optimizer.zero_grad()
                model(x).square().mean().backward()
                optimizer.step()
            for loader in (training, validation):
                with torch.no_grad():
                    for (x,) in loader:
                        model(x)

    (scored,) = [r for r in watch(both, probes=False).get("inputs") if r["phase"] == "eval"]
    assert scored["mean"] == pytest.approx(float(X[:32].mean()) * 100, rel=1e-4)


def test_values_that_are_not_finite_are_counted_by_column(watch):
    bad = X.clone()
    bad[3:5, 1] = float("nan")
    bad[9, 4] = float("inf")
    (record,) = inputs_of(watch, lambda: nn.Linear(5, 2), [lambda m: m(bad), lambda m: m(X), lambda m: m(bad)])
    assert record["nonfinite_features"] == [0, 4, 0, 0, 2]
