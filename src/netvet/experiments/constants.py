"""Outputs that are the same for every sample: what they should be for given targets, and what the loss is of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.layers import bias_of
from netvet.experiments.problem import Learner, Problem
from netvet.experiments.task import class_axis
from netvet.experiments.trial import Build

# Batches that a mean is taken of: 4 of 32 give a standard error of the loss at init of a few per cent.
BATCHES = 4
# How near to one the probabilities of the classes add up.
NEAR = 1e-3

Replace = Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def replaced_output(model: nn.Module, replace: Replace) -> Iterator[list[int]]:
    """Let the first tensor that a model puts out be another; gives a list that gets an entry for each call."""
    calls: list[int] = []

    def hook(_module: nn.Module, *seen: Any) -> Any:
        calls.append(1)
        leaves, spec = tree_flatten(seen[-1])
        first = next((i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)), None)
        if first is None:
            return None
        leaves[first] = replace(leaves[first])
        return tree_unflatten(leaves, spec)

    handle = model.register_forward_hook(hook)
    try:
        yield calls
    finally:
        handle.remove()


def first_losses(learner: Learner, batches: Sequence[Batch], seed: int, replace: Replace | None = None) -> list[float]:
    """The loss of each batch, as in training; of replaced outputs if `replace` is given.

    Returns:
        Nothing where outputs cannot be replaced: the step does not call the model exactly once.
    """
    found = []
    with forked_rng():
        torch.manual_seed(seed)
        for batch in batches:
            if replace is None:
                loss, _ = _stepped(learner, batch)
            else:
                try:
                    with replaced_output(learner.model, replace) as calls:
                        loss, _ = _stepped(learner, batch)
                except NetvetError:  # several calls that take each other's outputs
                    return []
                if len(calls) != 1:
                    return []
            found.append(float(loss.detach()))
    return found


def outputs_of(learner: Learner, batches: Sequence[Batch], seed: int) -> list[torch.Tensor] | None:
    """The model's outputs for each batch, as in training; None where they are not known."""
    with forked_rng():
        torch.manual_seed(seed)
        found = [_stepped(learner, batch)[1] for batch in batches]
    return None if any(one is None for one in found) else [one.detach() for one in found if one is not None]


def _stepped(learner: Learner, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
    try:
        with torch.enable_grad():  # a loss may ask for gradients of its own
            return learner.step(batch)
    except Exception as error:
        raise NetvetError(f"a copy of the model cannot be run: {type(error).__name__}: {error}") from error


def targets_of(data: Data) -> list[torch.Tensor] | None:
    """The targets of each batch; None where there are none."""
    name = next(iter(data.roles.targets), None)
    return None if name is None else [batch[name] for batch in data.batches]


def form_of(kind: str, output: torch.Tensor, target: torch.Tensor) -> str:
    """What the numbers of an output are: `scores`, `logs` (of probabilities), `probabilities` or `values`."""
    if kind == "binary":
        return "probabilities" if bool(((output >= 0) & (output <= 1)).all()) and bool(output.any()) else "scores"
    axis = class_axis(output, target) if kind == "classes" else None
    if axis is None:
        return "values"
    output = output.double()
    if bool(((output.exp().sum(axis) - 1).abs() < NEAR).all()):
        return "logs"
    positive = bool((output >= 0).all())
    return "probabilities" if positive and bool(((output.sum(axis) - 1).abs() < NEAR).all()) else "scores"


def shares_of(kind: str, output: torch.Tensor, targets: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """What to answer without looking: shares of the classes, base rate or mean of each output; None if unknown."""
    if kind == "classes":
        axis = class_axis(output, targets[0])
        if axis is None:
            return None
        flat = torch.cat([t.reshape(-1) for t in targets]).long()
        flat = flat[(flat >= 0) & (flat < output.shape[axis])]
        counts = torch.bincount(flat, minlength=output.shape[axis]).double() + 1.0  # no class has a share of zero
        return counts / counts.sum()
    if kind not in ("binary", "numbers") or any(t.numel() % len(t) for t in targets if t.dim()):
        return None
    flat = torch.cat([t.detach().double().reshape(len(t), -1) if t.dim() else t.reshape(1, 1) for t in targets])
    mean = flat.mean(0)
    return mean.clamp(1e-4, 1 - 1e-4) if kind == "binary" else mean


def constant_outputs(kind: str, output: torch.Tensor, target: torch.Tensor, share: torch.Tensor) -> dict[str, Replace]:
    """Outputs that are blind to the inputs: an even guess (`even`) and the one that suits the targets (`prior`)."""
    form = form_of(kind, output, target)
    if kind == "classes":
        axis = class_axis(output, target) or 0
        even = torch.full_like(share, 1 / len(share))
        told = {"even": even if form == "probabilities" else even.log(), "prior": share}
        told["prior"] = share if form == "probabilities" else share.log()
        return {name: _along(axis, value) for name, value in told.items()}
    if kind == "binary":
        as_form = share if form == "probabilities" else torch.logit(share)
        return {"even": _filled(0.5 if form == "probabilities" else 0.0), "prior": _rows(as_form)}
    return {"even": _filled(0.0), "prior": _rows(share)}


def _along(axis: int, values: torch.Tensor) -> Replace:
    def replace(output: torch.Tensor) -> torch.Tensor:
        shape = [1] * output.dim()
        shape[axis] = len(values)
        return values.to(output).reshape(shape).expand_as(output).contiguous()

    return replace


def _filled(value: float) -> Replace:
    return lambda output: torch.full_like(output, value)


def _rows(values: torch.Tensor) -> Replace:
    """The same for every sample."""
    return lambda output: values.to(output).expand(output.shape[0], -1).reshape(output.shape).contiguous()


def _is_taken_inside(learner: Learner, batches: Sequence[Batch]) -> bool:
    """The model takes its own loss: what becomes of its outputs afterwards changes nothing."""
    return first_losses(learner, batches, 0) == first_losses(learner, batches, 0, torch.rand_like)


def blind_losses(problem: Problem, data: Data) -> dict[str, float] | None:
    """Mean loss of outputs that are blind to the inputs on the first batches, by how they were chosen.

    Returns:
        None where it is not known what such outputs are, or where the loss is not taken of what the model puts out.
    """
    batches, targets = data.batches[:BATCHES], targets_of(data)
    if targets is None or problem.kind == "unknown":
        return None
    learner = problem.learner(0)
    outputs = outputs_of(learner, batches[:1], 0)
    share = None if outputs is None else shares_of(problem.kind, outputs[0], targets[:BATCHES])
    if outputs is None or share is None or _is_taken_inside(learner, batches[:1]):
        return None
    found = {}
    for name, replace in constant_outputs(problem.kind, outputs[0], targets[0], share).items():
        losses = first_losses(learner, batches, 0, replace)
        if not losses or not all(map(math.isfinite, losses)):
            return None
        found[name] = mean_of(losses)
    return found


def last_layer(learner: Learner, batch: Batch) -> tuple[str, int] | None:
    """Name of the layer with a bias whose output is that of the model, and the axis of that bias (-1: of one value)."""
    found: list[tuple[str, torch.Tensor]] = []
    handles = [
        module.register_forward_hook(_noting(name, found))
        for name, module in learner.model.named_modules()
        if not list(module.children()) and bias_of(module) is not None
    ]
    try:
        with forked_rng():
            _, output = _stepped(learner, batch)
    finally:
        for handle in handles:
            handle.remove()
    if not found or output is None:
        return None
    name, made = found[-1]
    if made.numel() != output.numel() or not torch.allclose(made.reshape(output.shape), output, rtol=1e-4, atol=1e-6):
        return None
    biases = bias_of(learner.model.get_submodule(name))
    count = 0 if biases is None else int(biases.numel())
    axis = next((a for a in (1, output.dim() - 1) if 0 < a < output.dim() and output.shape[a] == count), None)
    return (name, -1) if count == 1 else (name, axis) if axis is not None else None


def _noting(name: str, found: list[tuple[str, torch.Tensor]]) -> Callable[..., None]:
    def hook(_module: nn.Module, *seen: Any) -> None:
        if isinstance(seen[-1], torch.Tensor):
            found.append((name, seen[-1].detach()))

    return hook


def wanted_bias(problem: Problem, learner: Learner) -> tuple[str, torch.Tensor] | None:
    """The last layer, and what its bias should be so that the first outputs are on average what suits the targets.

    Class log-frequencies, logit of the base rate, or mean of the targets, less what the weights give on average.
    """
    batches, targets = problem.train.batches[:BATCHES], targets_of(problem.train)
    layer = last_layer(learner, batches[0])
    outputs = outputs_of(learner, batches, 0)
    if layer is None or targets is None or outputs is None:
        return None
    share = shares_of(problem.kind, outputs[0], targets)
    if share is None or form_of(problem.kind, outputs[0], targets[0]) not in ("scores", "values"):
        return None
    name, axis = layer
    mean = torch.stack([_by_output(one.double(), axis) for one in outputs]).mean(0)
    if problem.kind == "classes":
        wanted = share.log() - share.log().mean()
        mean = mean - mean.mean()
    else:
        wanted = torch.logit(share) if problem.kind == "binary" else share
        wanted = wanted.mean().reshape(1) if axis == -1 else wanted
    bias = bias_of(learner.model.get_submodule(name))
    if len(wanted) != len(mean) or bias is None:
        return None
    return name, (bias.detach().double().cpu() + wanted.cpu() - mean.cpu()).to(bias.dtype)


def _by_output(output: torch.Tensor, axis: int) -> torch.Tensor:
    return output.mean().reshape(1) if axis == -1 else output.movedim(axis, 0).flatten(1).mean(1)


def final_bias(build: Build, _: bool) -> None:
    """Give the bias of the last layer the value that suits the targets; nothing changes where there is none."""
    found = wanted_bias(build.problem, build.problem.learner(build.trial.seed))
    if found is not None:
        bias = bias_of(build.learner.model.get_submodule(found[0]))
        if bias is not None:
            with torch.no_grad():
                bias.copy_(found[1])


def mean_of(values: Sequence[float]) -> float:
    """NaN for none."""
    return sum(values) / len(values) if values else math.nan
