"""Differences of which each takes one suspect out of a training: squashing activations, missing shortcuts, momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch
from netvet.experiments.layers import is_weighted, weight_of
from netvet.experiments.problem import Learner, in_eval_mode
from netvet.experiments.trial import Build, without_graph

# Their derivative is near zero for large inputs, on one side or on both; by the names that PyTorch gives the calls.
SQUASHING = ("sigmoid", "tanh", "hardsigmoid", "hardtanh", "softsign", "sigmoid_", "tanh_")
_WEIGHTED = ("linear", "conv1d", "conv2d", "conv3d", "matmul", "__matmul__", "mm", "addmm")
# What an activation goes through on its way to the next layer without being mixed with anything else.
_THROUGH = (
    "flatten", "view", "reshape", "contiguous", "permute", "transpose", "squeeze", "unsqueeze", "dropout", "dropout1d",
    "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout", "batch_norm", "layer_norm", "group_norm",
    "instance_norm", "max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool2d",
    "adaptive_max_pool2d", "boolean_dispatch", "_max_pool1d", "_max_pool2d", "mean",
)  # fmt: skip
_NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "normalize")
_ADDS = ("add", "__add__", "__iadd__", "add_", "__radd__", "cat", "concat")
USUAL_MOMENTUM = 0.9


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", ""))


class _Watched(TorchFunctionMode):
    """Sees the calls of a step.

    Attributes:
        squashed: calls of squashing functions so far; `hidden`: numbers of those whose outputs only enter other layers.
        norms: calls of normalisations; `shortcuts`: sums of activations that layers have made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.squashed = self.norms = self.shortcuts = 0
        self.hidden: set[int] = set()
        self._from: dict[int, int] = {}
        self._made: set[int] = set()
        self._kept: list[Any] = []

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = function(*args, **(kwargs or {}))
        name, first = _name(function), args[0] if args else (kwargs or {}).get("input")
        if isinstance(output, torch.Tensor):
            self._note(name, first, args, output)
        return output

    def _note(self, name: str, first: Any, args: tuple[Any, ...], output: torch.Tensor) -> None:
        self._kept.append(output)  # an identity means nothing once its tensor is gone
        if name in SQUASHING:
            self._from[id(output)] = self.squashed
            self.squashed += 1
        elif name in _WEIGHTED:
            if id(first) in self._from:
                self.hidden.add(self._from[id(first)])
            self._made.add(id(output))
        elif name in _THROUGH and id(first) in self._from:
            self._from[id(output)] = self._from[id(first)]
        if name in _NORMS:
            self.norms += 1
        if name in _ADDS:
            parts = [t for a in args for t in (a if isinstance(a, (tuple, list)) else (a,))]
            self.shortcuts += sum(isinstance(t, torch.Tensor) and t.dim() > 1 for t in parts) > 1
        if id(first) in self._made and name not in _WEIGHTED:
            self._made.add(id(output))


class _Relu(TorchFunctionMode):
    """Gives ReLU where some calls of squashing functions stand."""

    def __init__(self, hidden: frozenset[int]) -> None:
        super().__init__()
        self._hidden, self._number = hidden, 0

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if _name(function) in SQUASHING:
            self._number += 1
            if self._number - 1 in self._hidden:
                return F.relu(args[0] if args else (kwargs or {})["input"])
        return function(*args, **(kwargs or {}))


def watched(learner: Learner, batch: Batch) -> _Watched:
    """The calls of one step, of a learner that is as it was afterwards."""
    seen = _Watched()
    with forked_rng(), in_eval_mode(learner.model), seen:
        without_graph(learner, batch)
    return seen


class _WithRelu:
    """A learner with ReLU in the place of hidden squashing activations."""

    def __init__(self, inner: Learner, hidden: frozenset[int]) -> None:
        self._inner, self._hidden = inner, hidden
        self.model: nn.Module = inner.model

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss and the outputs."""
        with _Relu(self._hidden):
            return self._inner.step(batch)


def relu_instead(build: Build, options: Mapping[str, bool]) -> None:
    """ReLU in the place of sigmoid, tanh and the like between layers; gates and outputs stay as they are.

    Args:
        build: the trial in the making.
        options: `he`: the weights of hidden layers are drawn as He et al. do for ReLU.
    """
    hidden = frozenset(watched(build.learner, build.train.batches[0]).hidden)
    if not hidden:
        raise NetvetError("no squashing activation stands between the layers")
    build.learner = _WithRelu(build.learner, hidden)
    if options.get("he"):
        he_weights(build, True)


def he_weights(build: Build, _: bool) -> None:
    """Weights of all layers but the last drawn as He et al. do for ReLU."""
    torch.manual_seed(build.trial.seed)
    layers = [m for m in build.learner.model.modules() if is_weighted(m)]
    for layer in layers[:-1]:
        weight = weight_of(layer)
        if weight is not None:
            nn.init.kaiming_normal_(weight, nonlinearity="relu")


def plain_blocks(learner: Learner, batch: Batch) -> list[nn.Module]:
    """Layers whose outputs have the shape of their inputs, in the order of their calls, each that is called once."""
    found: list[nn.Module] = []

    def note(module: nn.Module, args: Any, output: Any) -> None:
        if args and all(isinstance(t, torch.Tensor) for t in (args[0], output)) and args[0].shape == output.shape:
            found.append(module)

    layers = [m for m in learner.model.modules() if is_weighted(m)]
    handles = [m.register_forward_hook(note) for m in layers]
    try:
        with forked_rng(), in_eval_mode(learner.model):
            without_graph(learner, batch)
    finally:
        for handle in handles:
            handle.remove()
    return [m for m in found if found.count(m) == 1]


def shortcuts(build: Build, _: bool) -> None:
    """What enters a layer is added to what leaves it, wherever both have the same shape.

    What leaves it is divided by the root of the number of layers, so that the sum over all of them stays as large as
    one (Hayou et al., "Stable ResNet", 2021).
    """
    blocks = plain_blocks(build.learner, build.train.batches[0])
    if not blocks:
        raise NetvetError("no layer's output has the shape of its input")
    share = len(blocks) ** -0.5
    for block in blocks:
        block.register_forward_hook(lambda _module, args, output: share * output + args[0])


def usual_momentum(build: Build, _: bool) -> None:
    """Momentum 0.9, or of Adam and its kin the usual betas; all else stays as it is."""
    make = build.make_optimizer

    def made(model: nn.Module) -> torch.optim.Optimizer:
        result = make(model)
        for group in result.param_groups:
            if "momentum" in group:
                group["momentum"] = USUAL_MOMENTUM
            if "betas" in group:
                group["betas"] = (USUAL_MOMENTUM, 0.999, *group["betas"][2:])
        return result

    build.make_optimizer = made


SWAPS = (relu_instead, he_weights, shortcuts, usual_momentum)
