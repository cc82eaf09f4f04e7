"""The norm of all gradients together, whatever their types, layouts and devices."""

from __future__ import annotations

import torch

from netvet.capture.torch_shards import is_shared, shared_norm

_LOW = (torch.float16, torch.bfloat16)


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
    # The square of a float16 overflows where the number itself does not.
    low = all(g.dtype in _LOW for g in dense)
    norms = list(torch._foreach_norm(dense, 2, torch.float32 if low else None))
    first = norms[0]
    if any(n.device != first.device or n.dtype != first.dtype for n in norms):
        norms = [torch.linalg.vector_norm(g, dtype=torch.float32 if g.dtype in _LOW else None) for g in dense]
        norms = [n.to(first.device, torch.float64) for n in norms]
    found: torch.Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return found
