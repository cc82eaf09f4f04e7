"""The norm of all gradients together, whatever their types, layouts and devices."""

from __future__ import annotations

import torch

from netvet.capture.torch_parameter_rows import norms_of
from netvet.capture.torch_shards import is_shared, shared_norm


@torch.no_grad()
def global_norm(gradients: list[torch.Tensor]) -> float:
    """L2 norm over all gradients; sparse ones are coalesced first, half precision is summed in float32.

    Where some are sharded over processes, this process's share of it.
    """
    if any(is_shared(g) for g in gradients):
        return shared_norm(gradients)
    norm = norm_of(gradients)
    return 0.0 if norm is None else float(norm)


def norm_of(gradients: list[torch.Tensor]) -> torch.Tensor | None:
    """The same as a tensor, where none is sharded; None where there are none."""
    dense = [g.coalesce().values() if g.is_sparse else g for g in gradients]
    dense = [g for g in dense if g.numel()]
    if not dense:
        return None
    by_device = [norms_of([g for g in dense if g.device == one]) for one in dict.fromkeys(g.device for g in dense)]
    first = by_device[0]
    if len(by_device) > 1:
        first = torch.cat([norms.to(first.device, torch.float64) for norms in by_device])
    found: torch.Tensor = torch.linalg.vector_norm(first)
    return found
