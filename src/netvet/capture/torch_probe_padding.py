"""Find the padding in what a model is called with: by a mask or lengths handed over, or by the ids themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_models import unwrapped
from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_tensors import is_plain

# Shorter sequences and single ones show no padding.
MIN_STEPS, MIN_SAMPLES = 3, 2
# Numbers without a mask are padded if they vary this much, with as many different lengths.
VARIED, MIN_LENGTHS, MAX_VALUES = 0.5, 3, 10_000


@dataclass(slots=True)
class Padding:
    """Padded positions of one input.

    Args:
        content: the input, [N, T, ...], or [T, N, ...] where not batch_first.
        pads: [N, T], True where padded.
        mask: the argument that says so; None where it was read off the ids.
        sure: a mask, lengths or the padding_idx of an embedding say so.
    """

    content: torch.Tensor
    pads: torch.Tensor
    batch_first: bool
    mask: str | None
    sure: bool

    @property
    def value(self) -> float | None:
        """The padding id."""
        values = self.batched(self.content)[self.pads]
        return float(values.flatten()[0]) if values.numel() else None

    def batched(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor laid out as the content, with samples first."""
        return tensor if self.batch_first else tensor.transpose(0, 1)

    def filled(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy of a tensor laid out as the content whose padded positions hold what others hold."""
        copied = tensor.detach().clone()
        view = self.batched(copied)
        real = view[~self.pads]
        count = int(self.pads.sum())
        # From the end, so that a sample does not get its own values back in place.
        view[self.pads] = real.flip(0)[torch.arange(count, device=real.device) % len(real)]
        return copied


def paddings(call: ModelCall) -> list[Padding]:
    """The padding of each sequence among the inputs of a call; those that are masked by argument first."""
    named = list(_named(call))
    found = []
    for name, content in named:
        if not isinstance(content, torch.Tensor) or not _is_sequence(content):
            continue
        one = _by_argument(content, name, named) or _by_ids(content, call)
        if one is not None and 0 < int(one.pads.sum()) < one.pads.numel():
            found.append(one)
    return found


def _named(call: ModelCall) -> Iterator[tuple[str, Any]]:
    """Tensors and lists of whole numbers among the arguments, by the name of the argument or key."""
    try:
        signature = inspect.signature(unwrapped(call.module).forward)
        given: Mapping[str, Any] = signature.bind(*call.args, **call.kwargs).arguments
    except (TypeError, ValueError):
        given = {**{str(i): a for i, a in enumerate(call.args)}, **call.kwargs}
    queue = list(given.items())
    while queue:
        name, value = queue.pop(0)
        if isinstance(value, Mapping):
            queue += [(str(k), v) for k, v in value.items()]
        elif isinstance(value, (tuple, list)):
            if value and all(isinstance(v, int) for v in value):
                yield name, torch.tensor(value)
            else:
                queue += [(f"{name}[{i}]", v) for i, v in enumerate(value[:20])]
        elif is_plain(value):
            yield name, value.detach()


def _is_sequence(tensor: torch.Tensor) -> bool:
    ids = not tensor.is_floating_point() and tensor.dtype != torch.bool and tensor.dim() == 2
    wide = tensor.dim() == 3 and tensor.is_floating_point()
    large = tensor.dim() > 1 and min(tensor.shape[:2]) >= MIN_SAMPLES and max(tensor.shape[:2]) >= MIN_STEPS
    # With as many samples as steps the axes cannot be told apart.
    return (ids or wide) and large and tensor.shape[0] != tensor.shape[1]


def _by_argument(content: torch.Tensor, own: str, named: list[tuple[str, Any]]) -> Padding | None:
    for name, mask in named:
        if name == own or mask is content:
            continue
        for batch_first in (True, False):
            samples, steps = content.shape[:2] if batch_first else reversed(content.shape[:2])
            for pads in _as_pads(mask, samples, steps, batch_first):
                one = Padding(content, pads.to(content.device), batch_first, name, True)
                if _is_padding(one):
                    return one
    return None


def _as_pads(mask: torch.Tensor, samples: int, steps: int, batch_first: bool) -> Iterator[torch.Tensor]:
    """What an argument may say of [N, T]: padded where True (1, -inf), where False (0), or beyond a length."""
    if mask.dim() == 1 and len(mask) == samples and not mask.is_floating_point() and mask.dtype != torch.bool:
        if int(mask.min()) >= 1 and int(mask.max()) <= steps:
            yield torch.arange(steps, device=mask.device) >= mask[:, None]
        return
    if mask.dim() > 2 and mask.shape[0] == samples and mask.shape[-1] == steps:
        mask = mask.reshape(samples, -1, steps)[:, -1]  # the last query of a causal mask sees all keys
    if mask.shape not in ((samples, steps), (steps, samples)):
        return
    mask = mask if mask.shape == (samples, steps) else mask.T
    values = sorted(set(mask.flatten().tolist()))
    if len(values) != 2 or not (set(values) <= {0, 1} or (values[0] < -1e3 and values[1] == 0)):
        return
    high = mask == values[1]
    yield from (high, ~high)


def _is_padding(one: Padding) -> bool:
    """Every sample ends (or begins) with it, none is all of it, and one and the same content fills it."""
    pads = one.pads
    if not bool(pads.any()) or bool(pads.all(1).any()):
        return False
    after, before = pads[:, 1:] >= pads[:, :-1], pads[:, 1:] <= pads[:, :-1]
    if not (bool(after.all()) or bool(before.all())):
        return False
    view = one.batched(one.content)
    filled, real = view[pads], view[~pads]
    return bool((filled == filled[0]).all()) and not bool((real == real[0]).all())


def _by_constant(content: torch.Tensor) -> Padding | None:
    """Numbers that vary, but are one and the same at the ends of samples of different lengths, and nowhere else."""
    for batch_first in (True, False):
        view = content if batch_first else content.transpose(0, 1)
        constant = (view == view[..., :1]).all(-1) & (view[..., 0] == view[:, -1, :1].mode(0).values)
        one = Padding(content, constant, batch_first, None, False)
        lengths, real = one.pads.sum(1), view[~one.pads]
        # Of readings hardly two are alike; black rows of an image or silence stand in the middle as well.
        varied = len(set(some := real.flatten()[:MAX_VALUES].tolist())) > VARIED * len(some)
        if _is_padding(one) and varied and len(set(lengths.tolist())) >= MIN_LENGTHS and bool(one.pads[:, -1].any()):
            return one
    return None


def _by_ids(content: torch.Tensor, call: ModelCall) -> Padding | None:
    """An id that fills the ends of samples of different lengths and stands nowhere else."""
    if content.is_floating_point():
        return _by_constant(content)
    tables = [m for m in call.module.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)]
    declared = {m.padding_idx for m in tables if m.padding_idx is not None}
    if not tables:
        return None
    for batch_first in (True, False):
        view = content if batch_first else content.T
        for edge in (view[:, -1], view[:, 0]):
            value = int(edge.mode().values)
            one = Padding(content, view == value, batch_first, None, value in declared)
            lengths = one.pads.sum(1)
            if _is_padding(one) and int(lengths.max()) > int(lengths.min()) and (one.sure or int(lengths.max()) > 1):
                return one
    return None
