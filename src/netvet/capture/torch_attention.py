"""How concentrated attention is, on a few samples: nn.MultiheadAttention, PyTorch's function, or by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter
from types import CodeType
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from netvet.capture.site import Site, user_frame
from netvet.capture.source import RECEIVER
from netvet.capture.torch_attention_mode import MAX_BATCH, MAX_KEYS, MAX_QUERIES, AttentionMode
from netvet.capture.torch_events import Call, Session
from netvet.capture.torch_hooks import CallHooks, is_compiled, is_wrapped, path_in_model, walk
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_ops import _leave
from netvet.capture.torch_order import place
from netvet.capture.torch_origins import data_site
from netvet.capture.torch_parameters import as_floats

SIGNALS = ("attention_entropy", "attention_max_logit")


def _heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """[N, L, E] -> [N, heads, L, E / heads]."""
    return x.reshape(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _project(
    module: nn.MultiheadAttention, query: torch.Tensor, key: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    size = module.embed_dim
    if module._qkv_same_embed_dim:
        weight_q, weight_k = module.in_proj_weight[:size], module.in_proj_weight[size : 2 * size]
    else:
        weight_q, weight_k = module.q_proj_weight, module.k_proj_weight
    bias = module.in_proj_bias
    bias_q, bias_k = (None, None) if bias is None else (bias[:size].float(), bias[size : 2 * size].float())
    return (
        functional.linear(query.float(), weight_q.float(), bias_q),
        functional.linear(key.float(), weight_k.float(), bias_k),
    )


def _masked(logits: torch.Tensor, mask: torch.Tensor, heads: int) -> torch.Tensor:
    """Logits [N, heads, L, S] with a mask [L, S] or [all N * heads, L, S] that is added, or hides where True."""
    if mask.dim() == 3:
        mask = mask.reshape(-1, heads, *mask.shape[1:])[: logits.shape[0]]
    return logits.masked_fill(mask, -math.inf) if mask.dtype == torch.bool else logits + mask.float()


def attention_logits(
    module: nn.MultiheadAttention,
    query: torch.Tensor,
    key: torch.Tensor,
    attn_mask: torch.Tensor | None,
    key_padding_mask: torch.Tensor | None,
) -> torch.Tensor:
    """Logits [N, heads, L, S] of the first samples; what is masked is -inf."""
    if query.dim() == 2:
        query, key = query.unsqueeze(0), key.unsqueeze(0)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    elif not module.batch_first:
        query, key = query.transpose(0, 1), key.transpose(0, 1)
    heads = module.num_heads
    q, k = _project(module, query[:MAX_BATCH].detach(), key[:MAX_BATCH].detach())
    logits = _heads(q, heads) @ _heads(k, heads).transpose(-1, -2) / math.sqrt(module.head_dim)
    if attn_mask is not None:
        logits = _masked(logits, attn_mask, heads)
    if key_padding_mask is not None:
        mask = key_padding_mask[: logits.shape[0], None, None, :]
        logits = logits.masked_fill(mask, -math.inf) if mask.dtype == torch.bool else logits + mask.float()
    every = max(1, math.ceil(logits.shape[2] / MAX_QUERIES))
    return logits[:, :, ::every]


def entropy_share(logits: torch.Tensor) -> torch.Tensor | None:
    """Mean entropy of the weights over log(keys that are not masked), of the lowest head.

    Queries that may look at one key only have no choice and are left out; None if there are no others.
    """
    keys = torch.isfinite(logits).sum(-1)
    choice = keys > 1
    if not bool(choice.any()):
        return None
    weights = torch.softmax(logits.masked_fill(~choice[..., None], 0.0), -1)
    entropy = torch.special.entr(weights).sum(-1) / keys.clamp(min=2).float().log()
    per_head = (entropy * choice).sum((0, 2)) / choice.sum((0, 2)).clamp(min=1)
    lowest: torch.Tensor = per_head.min()
    return lowest


class AttentionCollector:
    """Records `attention_entropy`, `attention_max_logit` and `attention`."""

    part = "attention"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        self._hooks = CallHooks(session, self.part)
        self._found: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self._looked: dict[str, int] = {}
        self._seen = False
        self._mode: AttentionMode | None = None
        self._paths: dict[int, str] = {}
        self._made: dict[tuple[CodeType, int], Site | None] = {}
        self._sites: dict[str, Site | None] = {}

    def on_call_begin(self, event: Call) -> None:
        self._close()
        session = self._session
        if not session.deep or event.phase != "train":
            return
        root = f"{session.models.name(event.model)}/{id(event.module)}"
        if self._looked.get(root) == session.step or is_compiled(event.model):
            return
        self._looked = {**self._looked, root: session.step} if len(self._looked) < 100 else {root: session.step}
        prefix = path_in_model(session, event)
        for path, module in walk(event.module):
            if isinstance(module, nn.MultiheadAttention) and module.training:
                self._hooks.add(prefix + plain_name(path), module, self._look)
        if event.module.training:
            self._paths = {id(m): prefix + plain_name(path) for path, m in walk(event.module)}
            guard = session.recorder.guard
            self._mode = AttentionMode(guard(self.part, self._look_by_hand), guard(self.part, self._scores_site))
            torch._C._push_on_torch_function_stack(self._mode)

    def _close(self) -> None:
        self._hooks.remove()
        if self._mode is not None:
            _leave(self._mode)
            self._mode = None

    def _scores_site(self) -> Site | None:
        """The line that made the scores of the softmax that runs, looked up once for each softmax of the program."""
        frame = user_frame()
        if frame is None:
            return None
        call = (frame.f_code, frame.f_lasti)
        if call not in self._made:
            # `softmax(scores)` or `scores.softmax()`.
            self._made[call] = data_site(0, RECEIVER, aim="scores")
        return self._made[call]

    def _look_by_hand(
        self, module: nn.Module | None, logits: Callable[[], torch.Tensor | None], site: Site | None
    ) -> None:
        session = self._session
        name = self._paths.get(id(module), "") or type(module).__name__
        if self._mode is None or session.emitting or not session.recorder.here or name in self._found:
            return
        outer, session.emitting = session.emitting, True
        began = perf_counter()
        try:
            with torch.no_grad(), torch._C.DisableTorchFunctionSubclass():
                found = logits()
                entropy = None if found is None or is_wrapped(found) else entropy_share(found)
                if entropy is not None and found is not None:
                    self._found[name] = (entropy, found.max())
                    self._sites.setdefault(name, site)
        finally:
            session.emitting = outer
            session.recorder.schedule.spent += perf_counter() - began

    def _look(self, name: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _output: Any) -> None:
        names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        query, key = given.get("query"), given.get("key")
        if not isinstance(query, torch.Tensor) or not isinstance(key, torch.Tensor) or query.is_nested:
            return
        if name in self._found or not isinstance(module, nn.MultiheadAttention):
            return
        if is_wrapped(query) or module.bias_k is not None or module.add_zero_attn or key.shape[-2] > MAX_KEYS:
            return
        with torch.autocast(query.device.type, enabled=False):
            logits = attention_logits(module, query, key, given.get("attn_mask"), given.get("key_padding_mask"))
            entropy = entropy_share(logits)
            if entropy is not None:
                self._found[name] = (entropy, logits.max())

    def on_call_failed(self, _event: Call) -> None:
        self._close()
        self._found.clear()

    def on_call_end(self, _event: Call) -> None:
        if not self._hooks.open and self._mode is None:
            return
        self._close()
        if self._found:
            self._seen = True
            numbers = as_floats([t for pair in self._found.values() for t in pair])
            for signal, values in zip(SIGNALS, (numbers[::2], numbers[1::2]), strict=True):
                named = dict(zip(self._found, values, strict=True))
                self._session.recorder.values(self._session.step, signal, named)
        self._found.clear()

    def on_finish(self, _ended: str) -> None:
        self._close()
        recorder = self._session.recorder
        recorder.facts("attention", [{"name": name, **place(site)} for name, site in self._sites.items()])
        for signal in SIGNALS:
            if not self._seen:
                reason = "no attention was seen in training"
                recorder.missing(signal, reason)
