import torch
from torch import nn
from torch.nn import functional as F

from netvet.experiments.floor import floor_of
from netvet.experiments.overfit_batch import overfit_batch
from tests.experiments.problems import digits, lab, mlp, problem


class Dead(nn.Module):
    """Nothing gets through its ReLU."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 32), nn.Linear(32, 10)
        nn.init.constant_(self.first.bias, -1e6)

    def forward(self, x):
        return self.last(self.first(x).relu())


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(64, 8), nn.Linear(4, 64)

    def forward(self, x):
        mean, logvar = self.encoder(x).chunk(2, -1)
        return self.decoder(mean + torch.randn_like(mean) * (logvar / 2).exp()).sigmoid(), mean, logvar


def elbo(model, batch):
    x = (batch[0] + 0.3).clamp(0, 1)
    given, mean, logvar = model(x)
    divergence = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum()
    return (F.binary_cross_entropy(given, x, reduction="sum") + divergence) / len(x)


def test_a_network_learns_its_batch_and_the_labels_stand_beside_the_predictions():
    outcome = overfit_batch.run(lab())
    assert outcome.verdict == "passed"
    reached = outcome.evidence["reached"]
    assert [r["samples"] for r in reached] == [2, 32, 50]
    assert reached[0]["predicted"] == reached[0]["wanted"]
    assert all(abs(r["lowest"]) < 0.01 for r in reached)


def test_a_network_that_nothing_gets_through_fails():
    outcome = overfit_batch.run(lab(Dead))
    assert outcome.verdict == "failed"
    assert outcome.suspects[0] == "cannot-overfit-batch"


def test_a_loss_with_a_floor_of_its_own_is_measured_against_it():
    x, y = digits()
    outcome = overfit_batch.run(
        lab(step=lambda m, b: F.cross_entropy(m(b[0]), b[1], label_smoothing=0.2), train=(x, y))
    )
    assert outcome.verdict == "passed"
    assert outcome.evidence["reached"][0]["lowest"] > 0.5


def test_one_input_with_two_labels_raises_the_floor():
    x, y = digits(64)
    x[1::2], y[1::2] = x[::2], (y[::2] + 1) % 10
    given = problem(train=(x, y), val=(x, y))
    floor = floor_of(given, given.train.batches[0])
    assert abs(floor.lowest - 0.693) < 0.02  # ln 2: half of the samples are told wrongly, whatever the network says


def test_a_loss_without_lowest_value_is_said_to_have_none():
    given = problem(loss=lambda output, _: output.mean())
    assert floor_of(given, given.train.batches[0]).lowest is None


def test_a_model_that_draws_numbers_does_not_fail():
    x, _ = digits(200)
    outcome = overfit_batch.run(lab(VAE, [(x[:100],), (x[100:],)], step=elbo))
    assert outcome.verdict in ("passed", "undetermined")


def test_a_network_that_gets_no_input_fails():
    def blind(model, batch):
        return F.cross_entropy(model(batch[0] * 0.0), batch[1])

    outcome = overfit_batch.run(lab(mlp, step=blind))
    assert outcome.verdict == "failed"
    assert "could not be learned by heart" in outcome.message
