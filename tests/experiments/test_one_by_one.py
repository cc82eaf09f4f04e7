from torch import nn

from netvet.experiments.one_by_one import one_by_one
from tests.experiments.problems import lab, mlp


class Squeezed(nn.Module):
    """Loses the batch axis of a single sample."""

    def __init__(self):
        super().__init__()
        self.net = mlp()

    def forward(self, x):
        return self.net(x).squeeze().softmax(1)


class Centred(nn.Module):
    """Takes the mean of the batch off, in evaluation too."""

    def __init__(self):
        super().__init__()
        self.net = mlp()

    def forward(self, x):
        return self.net(x - x.mean(0))


def test_a_network_gives_single_samples_what_it_gives_them_in_a_batch():
    make = lambda: nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Dropout(0.5), nn.Linear(32, 10))  # noqa: E731
    assert one_by_one.run(lab(make)).verdict == "passed"


def test_a_network_that_cannot_take_one_sample_fails_with_what_it_raised():
    outcome = one_by_one.run(lab(Squeezed))
    assert outcome.verdict == "failed"
    assert "IndexError" in outcome.message


def test_statistics_of_the_batch_fail():
    outcome = one_by_one.run(lab(Centred))
    assert outcome.verdict == "failed"
    assert outcome.suspects[0] == "batched-differs"
