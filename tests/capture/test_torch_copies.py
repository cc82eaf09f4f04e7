"""Copies that are truly apart: what a function holds is copied with the module that holds the function."""

import copy
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from netvet.capture.torch_copies import separate_copy, shared_parameters


class Closing(nn.Module):
    """Calls its layers through functions that it keeps, as minGPT's blocks do."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleDict({"fc": nn.Linear(3, 4), "drop": nn.Dropout(0.5)})
        layers = self.layers
        self.direct = lambda x: layers["drop"](layers["fc"](x))
        self.listed = [lambda x, fc=layers["fc"]: fc(x)]
        self.partial = partial(F.linear, weight=layers["fc"].weight)

    def forward(self, x):
        return self.direct(x) + self.listed[0](x) + self.partial(x)


def test_functions_of_a_copy_use_the_copy():
    model = Closing()
    x = torch.randn(5, 3)
    assert shared_parameters(copy.deepcopy(model)(x).sum(), [copy.deepcopy(model)], [model]) > 0
    made = separate_copy(model).eval()
    assert shared_parameters(made(x).sum(), [made], [model]) == 0
    assert torch.equal(made(x), made(x))  # its dropout is the copy's, which is in evaluation mode
    made.layers["fc"].weight.data.zero_()
    assert model.layers["fc"].weight.abs().sum() > 0


def test_a_hook_that_fills_a_list_fills_the_list_of_the_copy():
    seen = []
    model = nn.Sequential(nn.Linear(2, 2))
    model[0].register_forward_hook(lambda _m, _i, output: seen.append(output))
    separate_copy(model)(torch.zeros(1, 2))
    assert seen == []
    model(torch.zeros(1, 2))
    assert len(seen) == 1


def test_a_function_that_calls_itself_can_be_copied():
    model = nn.Linear(2, 2)

    def again(n, layer=model):
        return layer(torch.zeros(1, 2)) if n == 0 else again(n - 1)

    model.again = again
    made = separate_copy(model)
    made.weight.data.fill_(1.0)
    made.bias.data.fill_(3.0)
    assert torch.equal(made.again(2), torch.full((1, 2), 3.0))


def test_probes_leave_a_layer_alone_that_copies_would_share(watch):
    kept = []

    class Reaching(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 4)

        def forward(self, x):
            return kept[-1](self.fc(x))  # a layer that belongs to nobody: copies of the model find it as well

    def train():
        torch.manual_seed(0)
        kept.append(nn.BatchNorm1d(4))
        model = Reaching()
        optimizer = torch.optim.SGD([*model.parameters(), *kept[-1].parameters()], lr=0.1)
        for _ in range(30):
            optimizer.zero_grad()
            F.cross_entropy(model(torch.randn(8, 3)), torch.randint(0, 4, (8,))).backward()
            optimizer.step()

    train()
    run = watch(train)
    plain, watched = (layer.state_dict().values() for layer in kept)
    assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True))
    assert "of the model itself" in run.get("replay")[0]["reason"]
