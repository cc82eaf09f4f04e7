"""Training is bitwise the same with the collectors of losses, data and evaluations as without."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

X = torch.randn(96, 6, generator=torch.Generator().manual_seed(1))
Y = X[:, :3].argmax(1)


class Noisy(Dataset):
    """Draws from every global generator, and keeps one of its own."""

    def __init__(self):
        self.x, self.own = X.clone(), np.random.default_rng(5)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        noise = torch.randn(6) + random.random() + np.random.rand() + self.own.random()
        return self.x[index] + 0.01 * noise, Y[index]


def classify(workers=0, dataset=Noisy):
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    held = DataLoader(TensorDataset(X[:40], Y[:40]), batch_size=16, shuffle=True)
    for _ in range(4):
        model.train()
        for x, y in DataLoader(dataset(), batch_size=16, shuffle=True, num_workers=workers):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), y, label_smoothing=0.1)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            for x, y in held:
                scores = model(x)
                losses.append(functional.cross_entropy(scores, y).item())
                losses.append((scores.argmax(1) == y).float().mean().item())
    return [*model.parameters(), *model.buffers()], losses


def classify_with_workers():
    return classify(workers=2, dataset=lambda: TensorDataset(X, Y))


def regress_by_hand():
    model, losses = nn.GRUCell(1, 8), []
    head = nn.Linear(8, 1)
    parameters = [*model.parameters(), *head.parameters()]
    for _ in range(25):
        h = torch.zeros(96, 8)
        for t in range(6):
            h = model(X[:, t : t + 1], functional.dropout(h, 0.2))
        loss = (head(h) - X[:, :1]).pow(2).mean() + functional.mse_loss(head(h), X[:, 1:2], reduction="none").mean()
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.data.sub_(0.1 * g)
        losses.append(loss.item())
    return parameters, losses


def second_order():
    model, losses = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1)), []
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)

    def closure():
        optimizer.zero_grad()
        loss = functional.mse_loss(model(X), X[:, :1])
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(25):
        optimizer.step(closure)
    return list(model.parameters()), losses


def adversarial():
    maker, judge, losses = nn.Linear(2, 6), nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(), nn.Linear(8, 1)), []
    optimizers = torch.optim.Adam(maker.parameters()), torch.optim.Adam(judge.parameters())
    for part in torch.arange(96).split(8):
        made = maker(torch.randn(8, 2))
        real = functional.binary_cross_entropy_with_logits(judge(X[part]), torch.ones(8, 1))
        fake = functional.binary_cross_entropy_with_logits(judge(made.detach()), torch.zeros(8, 1))
        for chosen, loss in ((1, real + fake), (0, None)):
            loss = -judge(made).mean() if loss is None else loss
            optimizers[chosen].zero_grad()
            loss.backward()
            optimizers[chosen].step()
            losses.append(loss.item())
    return [*maker.parameters(), *judge.parameters()], losses


def state_after(train):
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    tensors, losses = train()
    generators = torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate()
    return [t.detach().clone() for t in tensors], losses, generators


@pytest.mark.parametrize("train", [classify, classify_with_workers, regress_by_hand, second_order, adversarial])
def test_training_is_the_same(watch, train):
    plain = state_after(train)
    found = []
    watch(lambda: found.append(state_after(train)))
    (watched,) = found
    assert all(torch.equal(a, b) for a, b in zip(plain[0], watched[0], strict=True))
    assert plain[1:] == watched[1:]


def test_nothing_of_the_users_is_kept_alive(watch):
    import gc
    import weakref

    gone = []

    def train():
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x, y = X.clone(), Y.clone()
        for _ in range(30):
            optimizer.zero_grad()
            out = model(x)
            functional.cross_entropy(out, y).backward()
            optimizer.step()
        with torch.no_grad():
            (model(x).argmax(1) == y).sum()
        gone.extend(weakref.ref(t) for t in (x, y, out, model))
        assert all(not m._forward_pre_hooks and not m._forward_hooks for m in model.modules())

    def then_look():
        train()
        nn.Linear(6, 3)(X)  # the next call lets go of the last batch
        gc.collect()
        assert [r() is None for r in gone] == [True] * 4

    watch(then_look, probes=False)
