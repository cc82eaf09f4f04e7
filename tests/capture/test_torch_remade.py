"""An optimizer once more, for a copy of its model."""

import copy

import pytest
import torch
from torch import nn

from netvet.capture.torch_remade import OptimizerForm


class Decayed(torch.optim.Optimizer):
    """Its second argument has no default, and is no option of PyTorch's."""

    def __init__(self, params, lr, decay, momentum=0.9):
        super().__init__(params, {"lr": lr, "decay": decay, "momentum": momentum})

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data.mul_(1 - group["decay"]).sub_(group["lr"] * p.grad)


class Bound(Decayed):
    """Wants the model itself."""

    def __init__(self, params, model):
        super().__init__(params, 0.1, 0.0)
        self.model = model


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def trained(model, optimizer):
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.ones(5, 4)).square().sum().backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, 0.01, momentum=0.5, nesterov=True),
        lambda p: torch.optim.AdamW(p, 1e-2, betas=(0.5, 0.9), weight_decay=0.2),
        lambda p: Decayed(p, 0.01, decay=0.1),
        lambda p: torch.optim.SGD([{"params": p[:2], "lr": 0.1}, {"params": p[2:]}], lr=0.01),
    ],
)
def test_a_copy_is_trained_as_the_model_is(make):
    model = net()
    copied = copy.deepcopy(model)
    optimizer = make(list(model.parameters()))
    again = OptimizerForm.of(optimizer, list(model.parameters())).made_for(list(copied.parameters()))
    pairs = zip(trained(model, optimizer), trained(copied, again), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_what_its_groups_do_not_hold_cannot_be_made_up():
    model = net()
    form = OptimizerForm.of(Bound(model.parameters(), model), list(model.parameters()))
    with pytest.raises(TypeError, match="model"):
        form.made_for(list(model.parameters()))


def test_parameters_of_other_models_are_refused():
    with pytest.raises(ValueError, match="other models"):
        OptimizerForm.of(torch.optim.SGD(net().parameters(), 0.1), list(net().parameters()))
