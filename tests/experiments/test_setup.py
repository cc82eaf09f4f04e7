"""What a user gives: how it is read, what is refused in one line, and that it is left as it was."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset

from netvet.core import NetvetError
from netvet.experiments.problem import redrawn
from netvet.experiments.setup import Setup, problem_of
from netvet.experiments.trial import Trial, run_trial
from tests.experiments.small_problems import blobs, net, problem, random_state, same, setup, sgd, state_of


def refused(match, **changed):
    with pytest.raises(NetvetError, match=match) as caught:
        problem(**changed)
    assert "\n" not in str(caught.value)


def test_reads_a_pair_of_tensors():
    found = problem()
    assert (found.kind, found.train.size, found.train.batch_size, found.val.size) == ("classes", 96, 16, 48)
    assert found.lr == 0.1


def test_reads_loaders_lists_and_dicts():
    x, y = blobs()
    loader = DataLoader(TensorDataset(x, y), 16)
    named = [{"pixels": a, "label": b} for a, b in loader]
    for train in (loader, list(loader), named):
        found = problem(train=train, val=None)
        assert found.train.size + found.val.size == 96
        assert found.kind == "classes"
    assert problem(train=named, val=None).train.roles.targets == ("label",)


def test_a_step_gets_the_batch_as_the_user_gives_it():
    x, y = blobs()
    batches = [{"x": (x[i : i + 16], "a name"), "y": y[i : i + 16]} for i in range(0, 96, 16)]

    def step(model, batch):
        assert batch["x"][1] == "a name"
        output = model(batch["x"][0])
        return cross_entropy(output, batch["y"]), output

    found = problem(train=batches, val=None, loss=None, step=step)
    assert run_trial(found, Trial(5)).ended == "steps"


def test_holds_out_a_fifth_without_validation_data():
    found = problem(val=None)
    assert (found.train.size, found.val.size) == (77, 19)
    assert "a fifth" in found.notes[0]


def test_begins_safely_without_an_optimizer():
    assert problem(optimizer=None).lr == 3e-4


def test_an_optimizer_of_the_users_model_is_made_again_for_copies():
    model = net()
    groups = [{"params": model[0].parameters(), "lr": 0.5}, {"params": model[3].parameters(), "weight_decay": 0.1}]
    given = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    found = problem(model=model, optimizer=given)
    copy = found.learner(0).model
    made = found.optimizer(copy)
    assert [(g["lr"], g["weight_decay"], g["momentum"]) for g in made.param_groups] == [(0.5, 0, 0.9), (0.1, 0.1, 0.9)]
    assert made.param_groups[0]["params"][0] is copy[0].weight
    run_trial(found, Trial(5))
    assert not given.state


class Raises(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        raise OSError("no such image")


class Shared:
    """A loader that can be read only once."""

    def __init__(self):
        self.rest = iter([blobs(16)] * 4)

    def __iter__(self):
        return self.rest


@pytest.mark.parametrize(
    ("match", "changed"),
    [
        ("either loss.* or step", {"step": lambda model, batch: 0}),
        ("either loss.* or step", {"loss": None}),
        ("train=...\\) is missing", {"train": None}),
        ("train loader is empty", {"train": []}),
        ("val loader is empty", {"val": DataLoader(TensorDataset(torch.zeros(0, 2)))}),
        ("train is a int", {"train": 7}),
        ("train is an iterator", {"train": iter([blobs()])}),
        ("train is an iterator", {"train": (pair for pair in [blobs()])}),
        ("train is an iterator", {"train": Shared()}),
        ("different lengths", {"train": (torch.zeros(5, 2), torch.zeros(4))}),
        ("holds no tensors", {"train": [[np.zeros(3)]]}),
        ("train loader raised OSError: no such image", {"train": DataLoader(Raises())}),
        ("no batch of the structure", {"val": [{"x": torch.zeros(3, 2), "y": torch.zeros(3)}]}),
        ("is a str; expected a torch.nn.Module", {"model": "resnet50"}),
        ("gave a int; expected a torch.nn.Module", {"model": lambda: 3}),
        (
            "model\\(\\) raised ValueError: no weights",
            {"model": lambda: (_ for _ in ()).throw(ValueError("no weights"))},
        ),
        ("the step gave a tensor of shape \\(16,\\)", {"loss": lambda o, t: cross_entropy(o, t, reduction="none")}),
        ("the step gave float", {"loss": lambda o, t: 1.0}),
        ("no gradient", {"loss": lambda o, t: cross_entropy(o, t).detach()}),
        ("the step raised RuntimeError on the first batch", {"model": lambda: nn.Linear(7, 3)}),
        ("optimizer is a str", {"optimizer": "adam"}),
        ("optimizer\\(model\\) raised TypeError.*lambda model", {"optimizer": torch.optim.Adam}),
        ("optimizer\\(model\\) gave a NoneType", {"optimizer": lambda model: None}),
        ("another model", {"optimizer": torch.optim.SGD(nn.Linear(2, 2).parameters())}),
        ("give validation data", {"val": None, "train": [(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long))]}),
    ],
)
def test_refuses_in_one_line(match, changed):
    refused(match, **changed)


def test_a_model_that_cannot_be_copied_is_refused_with_the_way_out():
    model = net()
    model.lock = (part for part in ())  # a generator has no copy
    refused("cannot be copied.*Setup\\(model=make_model", model=model)


def test_a_step_that_uses_a_global_model_is_refused():
    mine = net()
    refused("another model", model=mine, loss=None, step=lambda model, batch: cross_entropy(mine(batch[0]), batch[1]))
    assert all(p.grad is None for p in mine.parameters())


def test_batches_of_another_structure_are_left_out_with_a_note():
    x, y = blobs()
    found = problem(train=[(x[:16], y[:16]), (x[16:32], y[16:32]), (x[32:48],)])
    assert found.train.size == 32
    assert any("left out" in note for note in found.notes)


class Noisy(Dataset):
    """Draws from generators of its own and from the global ones."""

    def __init__(self):
        self.x, self.y = blobs()
        self.torch, self.numpy = torch.Generator().manual_seed(1), np.random.default_rng(2)
        self.old, self.python = np.random.RandomState(3), random.Random(4)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        noise = torch.randn(2, generator=self.torch) + self.numpy.normal() + self.old.normal() + self.python.random()
        return self.x[index] + noise.float() * torch.rand(()) * random.random() * np.random.rand(), self.y[index]


def test_leaves_model_loader_and_generators_as_they_were():
    model = net(0.5)
    model[0].eval()
    model.register_forward_hook(lambda *_: None)
    cross_entropy(model(blobs()[0]), blobs()[1]).backward()
    model[2].eval()
    data = Noisy()
    generator = torch.Generator().manual_seed(5)
    loader = DataLoader(data, 16, sampler=RandomSampler(data, generator=generator), generator=generator)
    own = (
        generator.get_state(),
        data.torch.get_state(),
        str(data.numpy.bit_generator.state),
        str(data.old.get_state()),
    )
    before, numbers, drawn = state_of(model), random_state(), data.python.getstate()

    found = problem_of(setup(model=model, train=loader, val=loader))
    for seed in (0, 1):
        assert run_trial(found, Trial(5, seed)).ended == "steps"

    after = (
        generator.get_state(),
        data.torch.get_state(),
        str(data.numpy.bit_generator.state),
        str(data.old.get_state()),
    )
    assert same(before, state_of(model))
    assert random_state() == numbers
    assert same(own, after)
    assert data.python.getstate() == drawn


def test_workers_that_persist_stay_the_users_own():
    loader = DataLoader(TensorDataset(*blobs()), 16, num_workers=1, persistent_workers=True)
    problem(train=loader)
    assert loader._iterator is None


def test_a_function_that_gives_the_same_model_each_time_is_copied():
    mine = net()
    before = state_of(mine)
    found = problem(model=lambda: mine)
    run_trial(found, Trial(5))
    assert same(before, state_of(mine))
    assert found.learner(0).model is not mine


def test_each_seed_draws_other_weights_and_the_same_seed_the_same():
    for model in (net, net()):
        found = problem(model=model)
        weights = [found.learner(seed).model[0].weight for seed in (1, 1, 2)]
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])


def test_a_function_that_draws_with_numpy_gives_the_same_for_the_same_seed():
    def make():
        model = net()
        model[0].weight.data.copy_(torch.from_numpy(np.random.rand(16, 2)))
        model[3].bias.data.fill_(random.random())
        return model

    found = problem(model=make)
    assert same(state_of(found.learner(1).model), state_of(found.learner(1).model))


def test_other_weights_of_the_same_distribution():
    model = redrawn(net(), 0)
    before = {n: p.clone() for n, p in model.named_parameters()}
    redrawn(model, 1)
    for name, p in model.named_parameters():
        assert torch.equal(p.flatten().sort()[0], before[name].flatten().sort()[0])
    assert torch.equal(model[0].bias, before["0.bias"])
    assert not torch.equal(model[0].weight, before["0.weight"])


def test_tied_weights_stay_tied_and_are_drawn_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(10, 4, padding_idx=0)
            self.head = nn.Linear(4, 10, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, x):
            return self.head(self.embedding(x).mean(1))

    x, y = torch.randint(1, 10, (64, 5)), torch.randint(0, 10, (64,))
    found = problem(model=Tied(), train=(x, y), val=None)
    model = found.learner(1).model
    assert model.head.weight is model.embedding.weight
    assert not model.embedding.weight[0].any()  # padding stays nothing
    assert run_trial(found, Trial(5, 1)).ended == "steps"


def test_frozen_weights_stay():
    model = net()
    model[0].requires_grad_(False)
    assert torch.equal(redrawn(problem(model=model).learner(0).model, 3)[0].weight, model[0].weight)


def test_a_pretrained_model_begins_with_its_weights_at_every_seed():
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    assert not problem(model=model).pretrained
    model(torch.randn(4, 2))  # the norm layer has seen a batch
    for found in (problem(model=model), problem(model=net(), pretrained=True)):
        assert found.pretrained
        assert same(found.learner(0).model.state_dict(), found.learner(1).model.state_dict())
        assert any("trained already" in note for note in found.notes)


def test_time_steps_are_not_taken_for_samples():
    class TimeMajor(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = nn.GRU(2, 8), nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.rnn(x)[0]).transpose(1, 2)  # [T, C, B]

    batches = [(torch.randn(12, 5, 2), torch.randint(0, 3, (12, 5))) for _ in range(6)]
    found = problem(model=TimeMajor, train=batches, val=None)
    assert found.train.size is None  # axis 0 are time steps
    assert run_trial(found, Trial(4)).ended == "steps"


def test_a_step_that_holds_its_batch_size_gets_whole_batches():
    found = problem(loss=None, step=lambda model, batch: cross_entropy(model(batch[0]).view(16, 3), batch[1]))
    assert found.train.size is None
    assert run_trial(found, Trial(4)).ended == "steps"


def test_noise_in_evaluation_is_no_reason_against_samples():
    class Sampling(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 3)

        def forward(self, x):
            return self.layer(x + torch.randn_like(x))

    assert problem(model=Sampling).train.size == 96


def test_an_unknown_field_is_named():
    with pytest.raises(TypeError, match="epochs"):
        Setup(model=net, train=blobs(), epochs=3)


def test_the_loss_module_of_the_user_is_not_used_itself():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, output, target):
            self.calls += 1
            return cross_entropy(output, target)

    loss = Counting()
    run_trial(problem(loss=loss, optimizer=sgd), Trial(3))
    assert float(loss.calls) == 0
