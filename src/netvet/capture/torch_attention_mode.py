"""See attention that is written by hand or by F.scaled_dot_product_attention, for the length of one call."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from netvet.capture.site import Site, user_site

MAX_BATCH, MAX_QUERIES, MAX_KEYS = 4, 128, 2_048
# Masks by hand add or fill in -1e4 (float16), -1e9, -inf ...: no score of a net that runs is so low.
MASKED = -9e3
_KEPT = ("dropout", "masked_fill", "masked_fill_", "to", "type_as", "float", "view", "reshape", "mul", "nan_to_num")
_PRODUCTS = ("matmul", "bmm", "__matmul__", "einsum")
See = Callable[[nn.Module | None, Callable[[], torch.Tensor | None], Site | None], None]


class AttentionMode(TorchFunctionMode):
    """Hands the logits [N, heads, L, S] of each attention to `see(module, logits, site)`.

    They come as a function that works them out; what is masked is -inf. `site` is the user's line that made them: for a
    softmax what `maker` says while it runs.

    A softmax over the last axis is attention when its result is multiplied, as a matrix, with something else.
    """

    def __init__(self, see: See, maker: Callable[[], Site | None]) -> None:
        super().__init__()
        self._see = see
        self._maker = maker
        # By identity: the softmax results and what came of them, with the logits that they came from.
        self._weights: dict[int, tuple[torch.Tensor, torch.Tensor, Site | None]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "softmax" and isinstance(output, torch.Tensor) and args:
            self._softmax(args, kwargs, output)
        elif name == "scaled_dot_product_attention":
            self._see_guarded(lambda: _scaled_dot_product(*args, **kwargs), user_site())
        elif self._weights and (name in _KEPT or name in _PRODUCTS):
            given = args[1:] if name == "einsum" else args
            known = next((self._weights[id(a)] for a in given if id(a) in self._weights), None)
            if known is not None and name in _PRODUCTS:
                self._see_guarded(lambda: known[1], known[2])
            elif known is not None and isinstance(output, torch.Tensor) and output.numel() == known[0].numel():
                self._weights[id(output)] = (output, *known[1:])
        return output

    def _softmax(self, args: tuple[Any, ...], kwargs: dict[str, Any], output: torch.Tensor) -> None:
        logits = args[0]
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        square = isinstance(logits, torch.Tensor) and logits.dim() in (3, 4) and 1 < logits.shape[-1] <= MAX_KEYS
        if square and isinstance(dim, int) and dim % logits.dim() == logits.dim() - 1 and len(self._weights) < 1_000:
            self._weights[id(output)] = (output, logits, self._maker())

    def _see_guarded(self, logits: Callable[[], torch.Tensor | None], site: Site | None) -> None:
        module = _running_module()

        def look() -> torch.Tensor | None:
            found = logits()
            if found is None:
                return None
            found = found.detach()[:MAX_BATCH].float()
            found = found if found.dim() == 4 else found.unsqueeze(1)
            found = found[:, :, :: max(1, math.ceil(found.shape[2] / MAX_QUERIES))]
            return found.masked_fill(found < MASKED, -math.inf)

        self._see(module, look, site)


def _scaled_dot_product(
    query: torch.Tensor,
    key: torch.Tensor,
    _value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor | None:
    if query.is_nested or query.dim() not in (3, 4) or key.shape[-2] > MAX_KEYS or enable_gqa:
        return None
    q, k = query.detach()[:MAX_BATCH].float(), key.detach()[:MAX_BATCH].float()
    logits = q @ k.transpose(-1, -2) * (scale if scale is not None else 1 / math.sqrt(q.shape[-1]))
    if is_causal:
        later = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).triu(1)
        logits = logits.masked_fill(later, -math.inf)
    if attn_mask is not None:
        mask = attn_mask.detach()
        mask = mask[:MAX_BATCH] if mask.dim() == logits.dim() else mask
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask.float()
    return logits


def _running_module() -> nn.Module | None:
    """The innermost module whose forward is on the stack."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "_call_impl":
            inner = frame.f_locals.get("self")
            # A softmax layer or a dropout layer is only a part of the attention.
            if isinstance(inner, nn.Module) and not isinstance(inner, (nn.Softmax, nn.Dropout)):
                return inner
        frame = frame.f_back
    return None
