"""Two passes in eval mode: random numbers that are still drawn, and buffers that a pass fills."""

import torch
from torch import nn
from torch.nn import functional as F


def _train(model):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(32, 8, generator=generator), torch.randint(0, 3, (32,), generator=generator)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


class Drops(nn.Module):
    def __init__(self, drop):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.drop = nn.Linear(8, 16), nn.Linear(16, 3), drop

    def forward(self, x):
        return self.second(self.drop(self, torch.relu(self.first(x))))


class Statistics(nn.Module):
    def __init__(self, always):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.always = nn.Linear(8, 3), always
        self.register_buffer("centre", torch.zeros(8))
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("last", torch.zeros(32, 8))

    def forward(self, x):
        self.calls += 1
        self.last.copy_(x)
        if self.training or self.always:
            self.centre.lerp_(x.mean(0), 0.5)
        return self.linear(x - self.centre)


def test_dropout_that_ignores_the_mode_is_named(watch):
    for drop in (lambda m, h: F.dropout(h, 0.5), lambda m, h: nn.Dropout(0.5)(h)):
        (record,) = watch(lambda drop=drop: _train(Drops(drop))).get("eval_repeat")
        assert record["equal"] is False
        assert (record["op"], record["layer"]) == ("dropout", "Drops")
        assert record["file"].endswith("test_torch_probe_repeat.py")


def test_dropout_that_follows_the_mode_is_not(watch):
    (record,) = watch(lambda: _train(Drops(lambda m, h: F.dropout(h, 0.5, m.training)))).get("eval_repeat")
    assert record["equal"] is True
    assert record["op"] is None


def test_statistics_that_take_in_evaluation_data_are_named(watch):
    model = Statistics(always=True)
    (record,) = watch(lambda: _train(model)).get("eval_repeat")
    assert record["state_buffers"] == ["centre"]  # neither the counter nor what is kept of each sample
    assert record["state_gap"] > 0.01
    assert record["state_line"] is not None
    assert model.calls.item() == 2
    (other,) = watch(lambda: _train(Statistics(always=False))).get("eval_repeat")
    assert other["state_buffers"] == []
