"""Where values leave the graph."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

X = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))


def line(record, prefix=""):
    return Path(__file__).read_text().splitlines()[record[f"{prefix}line"] - 1].strip()


@pytest.mark.parametrize("forced", [True, False])
def test_what_a_loss_without_history_was_made_from(watch, forced):
    def train():
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            answers = (model(X) > 0.5).float()
            loss = F.mse_loss(answers, X[:, :1]) if forced else torch.tensor(3.0)
            loss.requires_grad = True
            loss.backward()
            optimizer.step()

    (record,) = watch(train, probes=True).get("backwards")
    assert line(record, "made_").startswith("answers = " if forced else "loss = ")


def test_a_cut_outside_names_the_model_in_front_of_it(watch):
    def train():
        front, back = nn.Linear(4, 4), nn.Linear(4, 1)
        optimizer = torch.optim.SGD([*front.parameters(), *back.parameters()], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            features = front(X).detach()
            back(features).square().mean().backward()
            optimizer.step()

    run = watch(train)
    (cut,) = [c for c in run.get("cuts") if c["op"] == "detach"]
    assert line(cut) == "features = front(X).detach()"
    assert cut["models"] == ["Linear"]
    assert not cut["inside"]


def test_the_line_that_last_set_the_mode(watch):
    def train():
        model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model.train()
        model.eval()  # the last one
        for _ in range(3):
            optimizer.zero_grad()
            model(X).square().mean().backward()
            optimizer.step()

    (record,) = watch(train).get("calls")
    assert line(record, "mode_").endswith("# the last one")
