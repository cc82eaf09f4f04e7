"""Who trains which parameter."""

import torch
from torch import nn


def test_models_of_a_sweep_are_seen_with_their_optimizers_between_sampled_steps(watch):
    kept = []

    def sweep():
        for _ in range(3):
            model = nn.Linear(4, 2)
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            for _ in range(5):
                optimizer.zero_grad()
                model(torch.ones(3, 4)).square().mean().backward()
                optimizer.step()
            kept.append(model)
            del optimizer

    found = watch(sweep, every=12).get("parameters")  # no step of the second model is sampled
    assert len(found) == 6
    assert all(p["in_optimizer"] and p["changed"] for p in found)
