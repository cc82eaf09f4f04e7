"""What the changes do to a model, an optimizer and batches."""

import torch
from torch import nn

from netvet.experiments.regularisers import hidden_places
from netvet.experiments.trial import Trial, _build, run_trial
from tests.experiments.regularised import convnet, digits, digits_problem
from tests.experiments.small_problems import problem, sgd


def build(found, **changes):
    return _build(found, Trial(3, 0, changes))


def test_validation_is_told_along_the_trial():
    found = run_trial(problem(), Trial(10, 0, {"validate-every": 4}, scores=False))
    curve = found.extra["validation"]
    assert curve["steps"] == [0, 4, 8, 10]
    assert curve["loss"][0] > curve["loss"][-1]
    assert curve["name"] == "accuracy"
    assert curve["samples"] == 48


def test_validation_does_not_change_the_training():
    plain, watched = (run_trial(problem(), Trial(10, 0, c)) for c in ({}, {"validate-every": 2}))
    assert plain.losses == watched.losses


def test_dropout_is_inserted_behind_hidden_activations_only():
    model = lambda: nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3), nn.ReLU())  # noqa: E731
    made = build(problem(model=model))
    after, before = hidden_places(made)
    assert after == [made.learner.model[1]]
    assert not before


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(2, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


def test_without_activation_modules_dropout_comes_before_later_layers():
    made = build(problem(model=Functional), **{"dropout-inserted": {"p": 0.5}})
    assert hidden_places(made)[1] == [made.learner.model.last]
    made.learner.model.train()
    one, two = (made.learner.step(made.train.batches[0])[1] for _ in range(2))
    assert not torch.equal(one, two)
    made.learner.model.eval()
    one, two = (made.learner.step(made.train.batches[0])[1] for _ in range(2))
    assert torch.equal(one, two)


def test_a_narrower_net_keeps_the_same_units_at_zero():
    made = build(problem(), narrower=0.5)
    seen = []
    made.learner.model[3].register_forward_pre_hook(lambda _, args: seen.append((args[0] == 0).all(0)))
    for batch in made.train.batches[:2]:
        made.learner.step(batch)
    assert int(seen[0].sum()) >= 8
    zero = seen[0] & seen[1]
    assert int(zero.sum()) >= 8


def test_whole_channels_are_dropped():
    model = lambda: nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(288, 10))  # noqa: E731
    made = build(digits_problem(digits(64, 64, pictures=True), model=model), **{"channel-dropout": True})
    drop = made.learner.model[2]
    drop.train()
    shares = (drop(torch.ones(16, 8, 6, 6)) == 0).double().mean((2, 3))
    assert set(shares.reshape(-1).tolist()) == {0.0, 1.0}


def test_norms_and_biases_get_no_weight_decay():
    decayed = lambda model: torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)  # noqa: E731
    made = build(problem(optimizer=decayed), **{"weight-decay-of-matrices": None})
    groups = made.make_optimizer(made.learner.model).param_groups
    assert [(g["weight_decay"], {p.dim() for p in g["params"]}) for g in groups] == [(0.1, {2}), (0.0, {1})]
    half = build(problem(optimizer=decayed), **{"weight-decay-factor": 0.5})
    assert half.make_optimizer(half.learner.model).param_groups[0]["weight_decay"] == 0.05


def test_pictures_move_and_keep_their_form():
    made = build(digits_problem(digits(64, 64, pictures=True), model=convnet), **{"shifted-images": 1})
    batch, seen = made.train.batches[0], []
    made.learner.model.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    made.loss(made.learner, batch)
    assert seen[0].shape == batch["0"].shape
    inner = batch["0"][:, :, 1:-1, 1:-1]
    places = [seen[0][:, :, i : i + 6, j : j + 6] for i in range(3) for j in range(3)]
    assert torch.stack([(p == inner).flatten(1).all(1) for p in places]).any(0).all()
    assert not torch.equal(seen[0], batch["0"])


def test_coarse_pictures_are_of_the_old_size():
    made = build(digits_problem(digits(64, 64, pictures=True), model=convnet), **{"coarser-images": 2})
    picture = made.val.batches[0]["0"][0, 0]
    assert picture.shape == (8, 8)
    assert torch.equal(picture[::2, ::2], picture[1::2, 1::2])


def test_a_stretched_schedule_takes_twice_the_steps():
    made = build(problem(optimizer=sgd), **{"lr-ramp": [0.01, 0.1], "stretched-schedule": 2})
    assert made.rate(4) == made.rate(5) > made.rate(3)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(9, 4), nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0][:, -1])


def test_of_a_recurrent_net_what_enters_the_head_is_dropped():
    tokens, y = torch.randint(0, 9, (32, 5), generator=torch.Generator().manual_seed(0)), torch.arange(32) % 3
    made = build(problem(model=Recurrent, train=(tokens, y), val=(tokens, y)))
    assert hidden_places(made) == ([], [made.learner.model.head])
