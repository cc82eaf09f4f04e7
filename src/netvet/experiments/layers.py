"""What the layers of a model are and how they are set: those of PyTorch, and those of Keras on its backend torch."""

from __future__ import annotations

import torch
from torch import nn

_ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.GELU, nn.SiLU, nn.ELU, nn.Mish, nn.Tanh, nn.Hardswish, nn.ReLU6)
_KERAS_ACTIVATIONS = ("ReLU", "LeakyReLU", "PReLU", "ELU", "Activation")
_KERAS_WEIGHTED = ("Dense", "EinsumDense", "BaseConv", "BaseDepthwiseConv", "BaseSeparableConv", "BaseConvTranspose")
_KERAS_DROPOUT = ("Dropout", "BaseSpatialDropout", "AlphaDropout", "GaussianDropout")


def _is_keras(module: object, *names: str) -> bool:
    """Whether it is a layer of Keras of one of these classes; asked without an import of Keras."""
    return any(c.__name__ in names and c.__module__.startswith("keras.") for c in type(module).__mro__)


def is_keras_model(model: object) -> bool:
    """Whether it is a model of Keras 3, on whatever backend."""
    return _is_keras(model, "Model")


def dropout_of(module: nn.Module) -> float | None:
    """The share that a dropout layer drops; None for any other layer."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return float(module.p)
    return float(module.rate) if _is_keras(module, *_KERAS_DROPOUT) else None  # type: ignore[arg-type]


def set_dropout(module: nn.Module, share: float) -> None:
    """Let a dropout layer drop another share; other layers stay as they are."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        module.p = share
    elif _is_keras(module, *_KERAS_DROPOUT):
        module.__dict__["rate"] = share


def drops_elements(module: nn.Module) -> bool:
    """A dropout layer that drops single elements, no channels."""
    return type(module) is nn.Dropout or (_is_keras(module, "Dropout") and not _is_keras(module, "BaseSpatialDropout"))


def is_weighted(module: nn.Module) -> bool:
    """A layer that mixes its inputs by weights: linear, or a convolution."""
    return isinstance(module, (nn.Linear, nn.modules.conv._ConvNd)) or _is_keras(module, *_KERAS_WEIGHTED)


def is_activation(module: nn.Module) -> bool:
    """A module that is an activation."""
    return isinstance(module, _ACTIVATIONS) or _is_keras(module, *_KERAS_ACTIVATIONS)


def is_first(module: nn.Module) -> bool:
    """A layer that reads ids or sequences: nothing is dropped from what enters it."""
    return isinstance(module, (nn.Embedding, nn.RNNBase)) or _is_keras(module, "Embedding", "RNN")


def is_attention(module: nn.Module) -> bool:
    """Attention with several heads."""
    names = ("MultiHeadAttention", "GroupedQueryAttention", "Attention")
    return isinstance(module, nn.MultiheadAttention) or _is_keras(module, *names)


def is_batch_norm(module: nn.Module) -> bool:
    """A norm over the samples of a batch."""
    return isinstance(module, nn.modules.batchnorm._BatchNorm) or _is_keras(module, "BatchNormalization")


def has_maps(model: nn.Module) -> bool:
    """Whether the model makes feature maps of pictures."""
    return any(isinstance(m, nn.Conv2d) or _is_keras(m, "Conv2D", "SeparableConv2D") for m in model.modules())


def has_signals(model: nn.Module) -> bool:
    """Whether activations of three axes have their channels on the second: [N, C, L]."""
    return any(isinstance(m, nn.Conv1d) for m in model.modules())


def has_channels_last(module: nn.Module) -> bool:
    """Whether the channels of what a layer takes and gives are on the last axis, as Keras has them."""
    return _is_keras(module, "Layer") and getattr(module, "data_format", None) != "channels_first"


def bias_of(module: nn.Module) -> torch.Tensor | None:
    """The bias of a layer; None where it has none."""
    return _tensor(getattr(module, "bias", None))


def weight_of(module: nn.Module) -> torch.Tensor | None:
    """The weights of a layer with the axes of outputs and inputs in front, as PyTorch has them (a view in Keras)."""
    if not _is_keras(module, "Layer"):
        return _tensor(getattr(module, "weight", None))
    kernel = _tensor(getattr(module, "kernel", None))
    return None if kernel is None or kernel.dim() < 2 else kernel.movedim((-1, -2), (0, 1))


def _tensor(given: object) -> torch.Tensor | None:
    value = given if isinstance(given, torch.Tensor) else getattr(given, "value", None)  # a variable of Keras
    return value if isinstance(value, torch.Tensor) else None
