"""A loss that compares with something that the model made itself is told from one that compares with data."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

X = torch.randn(64, 6, generator=torch.Generator().manual_seed(1))


class Coder(nn.Module):
    """`aim`: what the inner loss compares the code with."""

    def __init__(self, aim):
        super().__init__()
        self.narrow, self.wide, self.aim = nn.Linear(6, 3), nn.Linear(3, 6), aim
        self.register_buffer("book", torch.randn(8, 3))

    def forward(self, x):
        z = self.narrow(x)
        return self.wide(z), F.mse_loss(z, self.aim(self, x, z))


def _nearest(model, _x, z):
    with torch.no_grad():
        return model.book[torch.cdist(z, model.book).argmin(1)]


def _run(watch, aim):
    def train():
        torch.manual_seed(0)
        model = Coder(aim)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(6):
            output, inner = model(X)
            optimizer.zero_grad()
            (F.mse_loss(output, X) + 0.1 * inner).backward()
            optimizer.step()
            with torch.no_grad():
                model.eval()
                model(X)
                model.train()

    return watch(train)


@pytest.mark.parametrize("aim", [_nearest, lambda _m, _x, z: z.detach().round(), lambda m, x, _z: m.narrow(x).detach()])
def test_what_the_model_made_is_no_target(watch, aim):
    run = _run(watch, aim)
    inner, outer = sorted((r for r in run.get("losses") if r["phase"] == "train"), key=lambda r: not r["own_target"])
    assert (inner["own_target"], outer["own_target"]) == (True, False)
    assert {t["site"] for t in run.get("targets")} == {outer["site"]}
    for signal in ("final_bias", "initial_loss", "loss_contract"):
        assert inner["site"] not in {r["site"] for r in run.get(signal) or ()}
    assert inner["site"] not in (run.get("val_loss") or {})


@pytest.mark.parametrize(
    "aim",
    [
        lambda _m, x, _z: x[:, :3],
        lambda _m, x, _z: x.reshape(64, 3, 2).permute(0, 2, 1)[:, 0],
        lambda _m, x, z: x[:, 3:].to(z).expand_as(z),
        lambda _m, _x, z: torch.ones_like(z),
    ],
)
def test_what_the_model_was_given_is_a_target(watch, aim):
    run = _run(watch, aim)
    assert not any(r["own_target"] for r in run.get("losses"))
    assert len({t["site"] for t in run.get("targets")}) == 2
