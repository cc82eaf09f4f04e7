"""A Keras model on the backend torch as a module of PyTorch: layers, weights and modes are where PyTorch has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from netvet.capture.keras_forward import leaves_of
from netvet.capture.keras_layers import children, own_variables
from netvet.capture.keras_setup import filled
from netvet.experiments.data import Batch
from netvet.experiments.keras_own import loss_of_own_step


@dataclass(frozen=True)
class _Own:
    net: Any


class KerasNet(nn.Module):
    """A module around a Keras model, whose layers are its submodules by their names in Keras.

    Args:
        net: the model, built.
        form: the structure of its inputs (see `hollow`).
        pictures: of each input, whether it comes as [N, C, H, W] and enters the model as [N, H, W, C].
    """

    def __init__(self, net: Any, form: Any, pictures: Sequence[bool]) -> None:
        super().__init__()
        self._own = _Own(net)  # not as a submodule: its layers are
        self._form, self._pictures = form, tuple(pictures)
        _as_modules(net, self, set())

    @property
    def net(self) -> Any:
        """The model."""
        return self._own.net

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the model puts out, in the mode that the module is in."""
        own = [as_in_keras(t, moved) for t, moved in zip(inputs, self._pictures, strict=True)]
        x = filled(self._form, own)
        with hooked():
            if getattr(self.net, "_call_has_training_arg", True):
                return self.net(x, training=self.training)
            return self.net(x)


def as_in_keras(tensor: torch.Tensor, is_picture: bool) -> torch.Tensor:
    """Pictures with their channels last."""
    return tensor.movedim(1, -1) if is_picture else tensor


def _as_modules(layer: Any, module: nn.Module, seen: set[int]) -> None:
    """Enter layers and weights where PyTorch looks for them: Keras keeps all weights in a list of the whole model."""
    module._modules.pop("_torch_params", None)
    for variable in own_variables(layer):
        if variable.value.is_floating_point():
            module._parameters[str(variable.name)] = variable.value
    for inner in children(layer):
        if id(inner) not in seen and isinstance(inner, nn.Module):
            seen.add(id(inner))
            module._modules[str(inner.name)] = inner
            _as_modules(inner, inner, seen)


@contextmanager
def hooked(*, training: bool = True) -> Iterator[None]:
    """Let calls of Keras layers run the forward hooks that PyTorch's own modules would run.

    Args:
        training: where it is False, calls that ask for training mode get none.
    """
    import keras

    original = keras.Layer.__call__
    if getattr(original, "runs_hooks", False):
        yield
        return
    keras.Layer.__call__ = _running_hooks(original, training=training)
    try:
        yield
    finally:
        keras.Layer.__call__ = original


def _running_hooks(original: Callable[..., Any], *, training: bool) -> Callable[..., Any]:
    def called(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if not training and kwargs.get("training"):
            kwargs["training"] = False
        for hook in list(layer._forward_pre_hooks.values()):
            changed = hook(layer, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        output = original(layer, *args, **kwargs)
        for key, hook in list(layer._forward_hooks.items()):
            named = (kwargs,) if key in layer._forward_hooks_with_kwargs else ()
            changed = hook(layer, args, *named, output)
            output = output if changed is None else changed
        return output

    called.runs_hooks = True  # type: ignore[attr-defined]
    return called


@dataclass(frozen=True)
class Parts:
    """How the tensors of a batch are put together again.

    Args:
        inputs: names of the tensors of the inputs, in the order of their structure; `targets`, `weights`: likewise.
        forms: the structures of inputs, targets and weights.
        pictures: see `KerasNet`.
        one_hot: of each target that is kept as class numbers, how many classes it is spread over again.
        scored: place of the output that the first target belongs to; None where that is not known.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    weights: tuple[str, ...]
    forms: tuple[Any, Any, Any]
    pictures: tuple[bool, ...]
    one_hot: Mapping[str, int]
    scored: int | None

    def inputs_of(self, batch: Mapping[str, torch.Tensor]) -> Any:
        """What enters the model."""
        pairs = zip((batch[n] for n in self.inputs), self.pictures, strict=True)
        return filled(self.forms[0], [as_in_keras(t, moved) for t, moved in pairs])

    def targets_of(self, batch: Mapping[str, torch.Tensor]) -> Any:
        """What enters the loss."""
        return filled(self.forms[1], [self._target(n, batch[n]) for n in self.targets])

    def weights_of(self, batch: Mapping[str, torch.Tensor]) -> Any:
        """Weights of the samples, or None."""
        return filled(self.forms[2], [batch[n] for n in self.weights])

    def _target(self, name: str, target: torch.Tensor) -> torch.Tensor:
        classes = self.one_hot.get(name)
        return target if classes is None else nn.functional.one_hot(target, classes).float()


@dataclass
class KerasLearner:
    """A copy of a Keras model on the backend torch, with the loss that it was compiled with.

    Args:
        own_step: the loss is that of the model's own `train_step`.
    """

    model: KerasNet
    parts: Parts
    own_step: bool = False

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss, with what layers add to it, and the outputs that are scored."""
        net, parts, training = self.model.net, self.parts, self.model.training
        if self.own_step and (training or getattr(net, "_compile_loss", None) is None):
            return self._own(batch)
        outputs = self.model(*(batch[n] for n in parts.inputs))
        loss = net._compute_loss(
            x=parts.inputs_of(batch), y=parts.targets_of(batch), y_pred=outputs,
            sample_weight=parts.weights_of(batch), training=training,
        )  # fmt: skip
        return loss, self._scored(outputs)

    def _own(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        net, seen = self.model.net, list[Any]()
        handle = net.register_forward_hook(lambda _module, _args, output: seen.append(output))
        try:
            with hooked(training=self.model.training), torch.enable_grad():
                loss = loss_of_own_step(net, self.whole(batch))
        finally:
            handle.remove()
        return loss, self._scored(seen[0]) if seen else None

    def whole(self, batch: Batch) -> tuple[Any, ...]:
        """A batch as a step of Keras takes it."""
        weights = self.parts.weights_of(batch)
        pair = self.parts.inputs_of(batch), self.parts.targets_of(batch)
        return pair if weights is None else (*pair, weights)

    def _scored(self, outputs: Any) -> torch.Tensor | None:
        leaves, place = self.leaves(outputs), self.parts.scored
        return leaves[place] if place is not None and place < len(leaves) else None

    @staticmethod
    def leaves(outputs: Any) -> list[torch.Tensor]:
        """The tensors of a structure, in order."""
        return leaves_of(outputs)
