"""Replicas in one process."""

import copy

import torch
from torch import nn

X = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))


def train(models, *, shared):
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in models]
    for _ in range(6):
        for rank, (model, optimizer) in enumerate(zip(models, optimizers, strict=True)):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(X[rank::2]), X[rank::2, :1]).backward()
        for tensors in zip(*(m.parameters() for m in models), strict=True) if shared else ():
            mean = torch.stack([p.grad for p in tensors]).mean(0)
            for p in tensors:
                p.grad.copy_(mean)
        for optimizer in optimizers:
            optimizer.step()


def test_sees_averaged_gradients_on_weights_that_differ(watch):
    run = watch(lambda: train([nn.Linear(4, 1), nn.Linear(4, 1)], shared=True), probes=False)
    (pair,) = run.get("twins")
    assert pair["steps"] == pair["differing"] >= 5


def test_replicas_that_began_alike_stay_alike(watch):
    model = nn.Linear(4, 1)
    run = watch(lambda: train([model, copy.deepcopy(model)], shared=True), probes=False)
    (pair,) = run.get("twins")
    assert pair["steps"] >= 5
    assert pair["differing"] == 0


def test_an_ensemble_has_no_twins(watch):
    run = watch(lambda: train([nn.Linear(4, 1), nn.Linear(4, 1)], shared=False), probes=False)
    assert run.get("twins") is None
