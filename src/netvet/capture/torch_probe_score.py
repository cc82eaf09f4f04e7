"""What weights the log-probabilities of sampled actions: rewards, or how much better they were than expected."""

from __future__ import annotations

from typing import Any

import torch

from netvet.capture.torch_ops import Operation
from netvet.capture.torch_order import place
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import is_plain

# Fewer samples do not tell a mean from chance.
MIN_SAMPLES = 8


def score_weights(context: ProbeContext) -> None:
    """Record `score_weights`, where the loss multiplies what depends on sampled actions with numbers."""
    sampled = False
    for event in context.replay.events:
        if not isinstance(event, Operation):
            continue
        name = getattr(event.function, "__name__", "")
        sampled = sampled or name == "multinomial"
        if not sampled or name not in ("mul", "__mul__", "__rmul__"):
            continue
        weights = _weights(event.args)
        if weights is not None:
            std, mean = torch.std_mean(weights.detach().double(), correction=0)
            record = {"mean": float(mean), "std": float(std), "samples": weights.numel(), **place(event.site)}
            context.add("score_weights", record)
            return


def _weights(factors: tuple[Any, ...]) -> torch.Tensor | None:
    """The factor that no gradient flows through, beside one that depends on the model and has as many samples."""
    tensors = [t for t in factors if is_plain(t) and t.is_floating_point() and t.numel() >= MIN_SAMPLES]
    fixed = [t for t in tensors if not t.requires_grad]
    if len(tensors) != 2 or len(fixed) != 1 or tensors[0].numel() != tensors[1].numel():
        return None
    return fixed[0] if bool(torch.isfinite(fixed[0]).all()) else None
