import pytest
import torch
from torch import nn

from netvet.experiments.capacity import capacity, narrowest
from netvet.experiments.known_data import known_data
from netvet.experiments.recipe import perform
from netvet.experiments.simple_twin import simple_twin
from tests.experiments.problems import digits, lab, mlp


class Deaf(nn.Module):
    """Hears nothing of its input."""

    def __init__(self):
        super().__init__()
        self.net = mlp()

    def forward(self, x):
        return self.net(x * 0.0)


def test_more_capacity_is_advised_for_a_narrow_network():
    outcome = capacity.run(lab(lambda: mlp(hidden=2)))
    assert outcome.verdict == "advice", outcome.message
    assert outcome.suspects == ("insufficient-capacity",)
    assert outcome.evidence["comparison"]["effect"] < 0


def test_a_network_that_is_wide_enough_passes():
    outcome = capacity.run(lab(lambda: mlp(hidden=32)))
    assert outcome.verdict == "passed", outcome.message
    assert outcome.next == ""


@pytest.mark.parametrize("last", [nn.LogSoftmax(1), nn.Softmax(1)])
def test_what_is_beside_probabilities_leaves_them_probabilities(last):
    def loss(output, y):
        return nn.functional.nll_loss(output if isinstance(last, nn.LogSoftmax) else (output + 1e-9).log(), y)

    outcome = capacity.run(lab(lambda: nn.Sequential(mlp(), last), loss=loss))
    assert 0 < min(outcome.evidence["more"]) <= max(outcome.evidence["more"]) < 0.7


class Dead(nn.Module):
    """Its hidden units never fire."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.Linear(64, 64), nn.Linear(64, 10)
        nn.init.constant_(self.encode.bias, -50.0)

    def forward(self, x):
        return self.decode(torch.relu(self.encode(x)))


@pytest.mark.parametrize(("model", "helps"), [(Dead, True), (lambda: mlp(hidden=1), False)])
def test_a_net_as_narrow_helps_where_units_are_dead_and_not_where_there_are_too_few(model, helps):
    outcome = capacity.run(lab(model))
    assert outcome.verdict == ("passed" if helps else "advice")
    evidence = outcome.evidence
    more, narrow = sum(evidence["more"]), sum(evidence["as_narrow"])
    assert (narrow < 2 * more) == helps


def test_the_narrowest_layer_is_a_hidden_one():
    assert narrowest(nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 2))) == 8
    assert narrowest(nn.Sequential(nn.Embedding(1000, 16), nn.LSTM(16, 32), nn.Linear(32, 3))) == 16
    assert narrowest(nn.Linear(4, 2)) is None


def test_more_capacity_brings_nothing_where_inputs_tell_nothing():
    x, y = digits(256)
    outcome = capacity.run(lab(mlp, (x * 0.0, y)))
    assert outcome.verdict == "undetermined"


def test_a_network_that_learns_passes_beside_its_twin():
    assert simple_twin.run(lab()).verdict == "passed"


def test_a_network_that_learns_nothing_is_told_of_where_a_plain_one_learns():
    outcome = simple_twin.run(lab(Deaf))
    assert outcome.verdict == "advice"
    assert outcome.suspects == ("unsuitable-architecture",)


def test_random_labels_are_learned_by_neither():
    x, y = digits()
    outcome = simple_twin.run(lab(mlp, (x, y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))])))
    assert outcome.verdict == "undetermined"


def test_a_network_for_other_inputs_learns_digits_with_new_ends():
    x = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
    outcome = known_data.run(lab(lambda: mlp(20, 3), (x, torch.arange(64) % 3)))
    assert outcome.verdict == "passed"


def test_a_network_that_lets_nothing_through_does_not_learn_digits():
    outcome = known_data.run(lab(Deaf))
    assert outcome.verdict == "advice"


def test_a_network_with_two_inputs_is_not_assessed():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp()

        def forward(self, x, other):
            return self.net(x + other)

    x, y = digits(64)
    given = lab(Two, [((x[i : i + 32], x[i : i + 32]), y[i : i + 32]) for i in (0, 32)])
    done = perform((capacity, simple_twin, known_data), given)
    assert {one.outcome.verdict for one in done} == {"not assessed"}
