"""The differences that a trial of the stage `tune` can have; see `changes.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from netvet.core import NetvetError
from netvet.experiments.trial import Build


def schedule_pace(build: Build, options: Mapping[str, float]) -> None:
    """Go through the program's schedule at another speed.

    Args:
        build: the trial in the making.
        options: `speed` of the whole schedule; `pace` of what comes after its peak: 1 the program's own, 0.5 a decay
            that takes twice as long, 0 a rate that stays at the peak.
    """
    rates = build.problem.rates or (1.0,)
    peak = max(range(len(rates)), key=lambda i: rates[i])

    def rate(step: int) -> float:
        place = step * options["speed"]
        place = place if place <= peak else peak + (place - peak) * options["pace"]
        return rates[min(int(place), len(rates) - 1)]

    build.rate = rate


def zeroed_input(build: Build, name: str) -> None:
    """Training and validation data in which one of the inputs is all zero."""
    if name not in build.train.roles.inputs:
        raise NetvetError(f"no input is called {name!r}; known: {', '.join(build.train.roles.inputs)}")
    build.train, build.val = (d.mapped(lambda _, t: torch.zeros_like(t), (name,)) for d in (build.train, build.val))


def gradient_noise(build: Build, batches: int) -> None:
    """At the end, measure gradients of so many batches at fixed weights.

    `extra` gets `small` (mean squared norm of the gradient of one batch), `big` (squared norm of their mean) and
    `samples` of a batch (None where it is not known).
    """

    def measure(made: Build) -> Mapping[str, Any]:
        stream = made.train.stream(made.trial.seed + 1, made.batch_size)
        parameters = [p for p in made.learner.model.parameters() if p.requires_grad]
        total: list[torch.Tensor] | None = None
        small = 0.0
        for _ in range(batches):
            found = torch.autograd.grad(made.loss(made.learner, next(stream))[0], parameters, allow_unused=True)
            dense = [torch.zeros_like(p) if g is None else g.to_dense() for p, g in zip(parameters, found, strict=True)]
            small += _squared(dense) / batches
            total = dense if total is None else [a + b for a, b in zip(total, dense, strict=True)]
        big = _squared(total or []) / batches**2
        return {"small": small, "big": big, "samples": made.batch_size or made.train.batch_size}

    build.at_end.append(measure)


def _squared(tensors: list[torch.Tensor]) -> float:
    return sum(float((t.double() ** 2).sum()) for t in tensors)


TUNE_CHANGES: dict[str, Callable[[Build, Any], None]] = {
    "schedule-pace": schedule_pace,
    "zeroed-input": zeroed_input,
    "gradient-noise": gradient_noise,
}
