"""Whether a model that is to predict what comes next can see it, in the layouts that models have."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def _train(model, loss_of):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()


class Conv(nn.Module):
    """Ids [batch, time] to logits [batch, classes, time]."""

    def __init__(self, causal, classes=7):
        super().__init__()
        self.causal = causal
        self.embed, self.conv = nn.Embedding(classes, 8), nn.Conv1d(8, classes, 3, padding=2 if causal else 1)

    def forward(self, ids):
        out = self.conv(self.embed(ids).transpose(1, 2))
        return out[..., :-2] if self.causal else out


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("classes", [7, 10])  # as many classes as steps: the loss says which axis is which
def test_time_is_the_last_axis_of_the_output(watch, causal, classes):
    ids = torch.randint(0, classes, (6, 11), generator=torch.Generator().manual_seed(1))
    signals = watch(lambda: _train(Conv(causal, classes), lambda m: F.cross_entropy(m(ids[:, :-1]), ids[:, 1:])))
    (record,) = signals.get("future_leak")
    assert (record["leaks"] == 0.0) is causal
    assert record["op"] == (None if causal else "conv1d")


@pytest.mark.parametrize("padding", [0, 1])
def test_time_is_the_last_axis_of_the_input(watch, padding):
    series = torch.randn(6, 1, 21, generator=torch.Generator().manual_seed(1))
    model = nn.Sequential(nn.Conv1d(1, 4, 1 + 2 * padding, padding=padding), nn.ReLU(), nn.Conv1d(4, 1, 1))
    signals = watch(lambda: _train(model, lambda m: F.mse_loss(m(series[..., :-1]), series[..., 1:])))
    (record,) = signals.get("future_leak")
    assert (record["leaks"] > 0) is bool(padding)


@pytest.mark.parametrize("both_ways", [True, False])
def test_the_target_is_the_next_value_of_one_column(watch, both_ways):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 8, batch_first=True, bidirectional=both_ways)
            self.head = nn.Linear(16 if both_ways else 8, 1)

        def forward(self, x):
            return self.head(self.rnn(x)[0])

    series = torch.randn(6, 13, 3, generator=torch.Generator().manual_seed(1))
    signals = watch(lambda: _train(Net(), lambda m: F.mse_loss(m(series[:, :-1]), series[:, 1:, 1:2])))
    (record,) = signals.get("future_leak")
    assert (record["leaks"] > 0) is both_ways


def test_other_targets_make_no_leak(watch):
    ids = torch.randint(0, 7, (6, 11), generator=torch.Generator().manual_seed(1))
    signals = watch(lambda: _train(Conv(causal=False), lambda m: F.cross_entropy(m(ids), ids)))
    assert signals.get("future_leak") is None
