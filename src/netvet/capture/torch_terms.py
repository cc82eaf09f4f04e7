"""The terms that a loss is the sum of, with the gradient that each contributes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from netvet.capture.site import Site
from netvet.capture.torch_ops import ModelCall, Operation
from netvet.capture.torch_order import place
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_tensors import is_plain, tensors_in

MAX_TERMS = 8
# A sum over more terms than this is not taken apart to the end.
MAX_SUMS = 200
_SUMS = ("add", "__add__", "__radd__", "__iadd__", "add_", "sub", "__sub__", "__rsub__", "rsub", "__isub__")
_SCALINGS = ("mul", "__mul__", "__rmul__", "div", "__truediv__", "true_divide", "mul_", "div_", "neg", "__neg__")


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One summand of the loss. `site`: where it is multiplied by its coefficient, if it is."""

    tensor: torch.Tensor
    coefficient: float
    site: Site | None


def loss_terms(context: ProbeContext) -> None:
    """Record `loss_terms`: walk back from the loss through sums and multiples by constants."""
    made: dict[int, Operation | ModelCall] = {}
    for event in context.recording.events:
        for tensor in tensors_in(event.output):
            made.setdefault(id(tensor), event)
    replayed = context.replay.run()
    parameters: list[torch.Tensor] = [p for m in context.replay.models for p in m.parameters() if p.requires_grad]
    for parts in _together(_split(context.recording.loss, 1.0, None, made), made)[:MAX_TERMS]:
        twins = [replayed.twins.get(id(part.tensor)) for part in parts]
        values = [t * part.coefficient for t, part in zip(twins, parts, strict=True) if t is not None]
        if len(values) < len(parts):
            continue
        first = parts[0]
        maker = made.get(id(first.tensor))
        site = first.site or (maker.site if maker is not None else context.recording.site)
        total = torch.stack([v.sum() for v in values]).sum() if len(values) > 1 else values[0]
        context.add(
            "loss_terms",
            {
                "backward": context.recording.backward, "term": _term_name(maker), **place(site),
                "value": float(total.detach()), "coefficient": first.coefficient, "parts": len(parts),
                "is_data": _is_data(first.tensor, made), "compares": any(_compares(p.tensor, made) for p in parts),
                **_gradient(total, parameters),
            },
        )  # fmt: skip


def _together(terms: list[Term], made: dict[int, Any]) -> list[list[Term]]:
    """The terms, penalties of one place (a loop over the parameters) as one."""
    groups: dict[Any, list[Term]] = {}
    for term in terms:
        maker = made.get(id(term.tensor))
        site = term.site or (maker.site if maker is not None else None)
        alone = site is None or _is_data(term.tensor, made)
        groups.setdefault(id(term) if alone else (str(site), term.coefficient, _term_name(maker)), []).append(term)
    return list(groups.values())


def _split(
    tensor: torch.Tensor, coefficient: float, site: Site | None, made: dict[int, Any], depth: int = 0
) -> list[Term]:
    event = made.get(id(tensor))
    if not isinstance(event, Operation) or depth > MAX_SUMS or event.output is not tensor:
        return [Term(tensor, coefficient, site)]
    name = getattr(event.function, "__name__", "")
    scalars = [a for a in event.args if isinstance(a, torch.Tensor) and a.numel() == 1]
    numbers = [float(a) for a in event.args if isinstance(a, (int, float))]
    if name in _SUMS and scalars and tensor not in _ids(scalars):
        signs = (-1.0 if name in ("rsub", "__rsub__") else 1.0, -1.0 if "sub" in name and "rsub" not in name else 1.0)
        parts = [(a, s) for a, s in zip(event.args[:2], signs, strict=False) if isinstance(a, torch.Tensor)]
        return [t for a, sign in parts for t in _split(a, sign * coefficient, site, made, depth + 1)]
    if name in _SCALINGS and len(scalars) == 1:
        factor = -1.0 if "neg" in name else numbers[0] if numbers else 1.0
        factor = 1.0 / factor if "div" in name and factor else factor
        return _split(scalars[0], coefficient * factor, site or event.site, made, depth + 1)
    return [Term(tensor, coefficient, site)]


def _ids(tensors: list[torch.Tensor]) -> set[torch.Tensor]:
    return set(tensors)  # tensors hash by identity: an in-place sum must not be taken apart for ever


def _term_name(event: Operation | ModelCall | None) -> str:
    if event is None:
        return "constant"
    return "model output" if isinstance(event, ModelCall) else getattr(event.function, "__name__", "operation")


def _gradient(twin: torch.Tensor, parameters: list[torch.Tensor]) -> dict[str, float | None]:
    """The norm of a term's gradient; of one that reaches matrices also what descent on it does to their elements."""
    found: dict[str, float | None] = {"grad_norm": None, "away_from_zero": None, "degree": None}
    if not twin.requires_grad or twin.numel() != 1:
        return found
    gradients = torch.autograd.grad(twin, parameters, retain_graph=True, allow_unused=True)
    pairs = [(g, p.detach()) for g, p in zip(gradients, parameters, strict=True) if g is not None]
    sizes = (torch.linalg.vector_norm(g.coalesce().values() if g.is_sparse else g) for g, _ in pairs)
    found["grad_norm"] = math.hypot(*map(float, sizes))
    if any(g.is_sparse for g, _ in pairs):
        return found  # an embedding of data: no penalty leaves rows out
    value = float(twin.detach())
    moving = sum(int(torch.count_nonzero(p)) for _, p in pairs)
    if moving and value and any(p.dim() >= 2 for _, p in pairs):
        products = [g * p for g, p in pairs]
        found["away_from_zero"] = sum(int((x < 0).sum()) for x in products) / moving
        found["degree"] = sum(float(x.sum()) for x in products) / value
    return found


def _is_data(tensor: torch.Tensor, made: dict[int, Any]) -> bool:
    """Whether a model's output is among what a tensor was computed from."""
    return any(isinstance(made.get(id(t)), ModelCall) for t in _sources(tensor, made))


def _compares(tensor: torch.Tensor, made: dict[int, Any]) -> bool:
    """Whether anything that is no output of a model (data, targets) is among them, or may be."""
    for source in _sources(tensor, made):
        event = made.get(id(source))
        if isinstance(event, ModelCall) and (event.losses or not source.requires_grad):
            return True  # the model compares itself, or hands on what it was given
        # Parameters and constants (the moments of a prior) are no data.
        varied = source.numel() > 1 and not source.requires_grad and is_plain(source) and source.device.type != "meta"
        if event is None and varied and bool((source != source.reshape(-1)[0]).any()):
            return True
    return False


def _sources(tensor: torch.Tensor, made: dict[int, Any]) -> Iterator[torch.Tensor]:
    """Outputs of models, and tensors that came from elsewhere, of which a tensor was computed."""
    queue, seen = [tensor], {id(tensor)}
    while queue and len(seen) < 10_000:
        one = queue.pop()
        event = made.get(id(one))
        if event is None or isinstance(event, ModelCall):
            yield one
        else:
            new = [t for t in tensors_in((event.args, event.kwargs)) if id(t) not in seen]
            seen.update(id(t) for t in new)
            queue += new
