"""What trials are scored on, of the batches that a program scores."""

import torch

from netvet.experiments.data import Data, Roles
from netvet.experiments.held_out import train_and_val

ROLES = Roles(("0",), ("1",))


def batch(start, size):
    numbers = torch.arange(start, start + size)
    return {"0": numbers.float()[:, None].expand(-1, 3).contiguous(), "1": numbers % 4}


def first_values(data):
    return sorted(data.pooled()["0"][:, 0].int().tolist())


def test_scores_of_the_training_samples_are_left_out():
    train = Data((batch(0, 60), batch(60, 60)), ROLES)
    notes = []
    kept, val = train_and_val(train, (batch(0, 120), batch(200, 30)), "nothing", notes)
    assert kept is train
    assert first_values(val) == list(range(200, 230))
    assert notes == []


def test_what_is_scored_only_is_kept():
    train = Data((batch(0, 60),), ROLES)
    _, val = train_and_val(train, (batch(0, 60),), "nothing", [])
    assert first_values(val) == list(range(60))


def test_without_a_score_a_fifth_is_held_out():
    notes = []
    train, val = train_and_val(Data((batch(0, 60), batch(60, 40)), ROLES), (), "nothing is scored", notes)
    assert (train.size, val.size) == (80, 20)
    assert notes == ["nothing is scored: a fifth of the training samples is held out"]
