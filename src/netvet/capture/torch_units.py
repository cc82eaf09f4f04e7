"""Units of activation layers that are silent on all samples, or at the end of their range on most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

# A unit that is silent on fewer samples is silent by chance too often; sampled steps are added up until then.
MIN_SAMPLES = 32
# Of larger outputs the first samples do.
MAX_ELEMENTS = 262_144
# So many units of all layers may be sent one by one, to be counted later.
MAX_UNITS = 4_096
# A derivative below this share of its maximum, for more than half of the samples, is saturation.
FLAT = 0.01

RELU_LIKE = (nn.ReLU, nn.ReLU6, nn.Hardswish)
SQUASHING = (nn.Tanh, nn.Sigmoid)
_CHANNELS_SECOND = (_ConvNd, _NormBase, nn.GroupNorm)
_CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.RNNBase, nn.Embedding)


def _is_positive(module: nn.Module) -> bool:
    return isinstance(module, (nn.ReLU, nn.ReLU6))


@dataclass(slots=True)
class _Counted:
    """The largest output of the units of one width of a layer, or how often they were saturated, so far."""

    counts: torch.Tensor
    rows: int = 0
    samples: int = 0


@dataclass(slots=True)
class _Squashed:
    """One output of a squashing layer: kept until it is known whether it is the model's own."""

    name: str
    address: int
    counts: torch.Tensor
    width: int
    rows: int
    samples: int


class Units:
    """Counts over steps, layer by layer."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, int], _Counted] = {}
        self._squashing: set[str] = set()
        self._waiting: list[_Squashed] = []
        # Layers that gave the output of a model.
        self._final: set[str] = set()
        self._second = False

    def follow(self, module: nn.Module) -> None:
        """A layer was called: where its channels are is where those of the activations after it are."""
        if isinstance(module, _CHANNELS_SECOND):
            self._second = True
        elif isinstance(module, _CHANNELS_LAST):
            self._second = False

    def silent(self, name: str, module: nn.Module, values: torch.Tensor) -> None:
        """Count where the units of a layer like ReLU are active."""
        if values.dim() < 2:
            return
        # A layer like Hardswish puts out small negative numbers too.
        self._add(name, *self._count(values if _is_positive(module) else values.abs(), "active"))

    def squashed(self, name: str, module: nn.Module, values: torch.Tensor) -> None:
        """Count where the units of a layer like tanh are at the end of their range."""
        self._squashing.add(name)
        if values.dim() < 2 or name in self._final:
            return
        found = self._count(values, "tanh" if isinstance(module, nn.Tanh) else "sigmoid")
        self._waiting.append(_Squashed(name, values.data_ptr(), *found))

    def _count(self, values: torch.Tensor, kind: str) -> tuple[torch.Tensor, int, int, int]:
        axis = 1 if values.dim() > 2 and self._second else values.dim() - 1
        width, whole = values.shape[axis], len(values)
        if values.numel() > MAX_ELEMENTS:
            values = values[: max(1, whole * MAX_ELEMENTS // values.numel())]
        others = [d for d in range(values.dim()) if d != axis]
        if kind == "active":  # the largest output: of a unit that is silent on all samples it is 0
            counts = values.amax(others)
        else:  # 1 - v^2 of tanh, and 4v(1 - v) = 1 - (2v - 1)^2 of a sigmoid
            centred = values if kind == "tanh" else 2 * values - 1
            counts = (centred.square() > 1 - FLAT).sum(others)
        rows = values.numel() // width
        return counts, width, rows, len(values) if axis == 1 else rows

    def _add(self, name: str, counts: torch.Tensor, width: int, rows: int, samples: int) -> None:
        known = self._counted.get((name, width))
        if known is None or known.counts.device != counts.device:
            self._counted[name, width] = _Counted(counts, rows, samples)
            return
        known.counts = torch.maximum(known.counts, counts) if counts.is_floating_point() else known.counts + counts
        known.rows += rows
        known.samples += samples

    def end(self, output: torch.Tensor | None) -> None:
        """A call of a model has ended, with this output."""
        for one in self._waiting:
            if output is not None and one.address == output.data_ptr():
                self._final.add(one.name)
            elif one.name not in self._final:
                self._add(one.name, one.counts, one.width, one.rows, one.samples)
        self._waiting.clear()

    def forget(self) -> None:
        """A call has failed, or was not seen to its end."""
        self._waiting.clear()

    def shares(self) -> Iterator[tuple[str, dict[str, int], list[torch.Tensor], bool]]:
        """Signal, layers with their units, vectors, and whether they are counted; where enough samples were seen.

        Vectors that are not have a number for each unit, 0 if that is dead (saturated); one that is has for each layer
        how many units are not.
        """
        found: dict[tuple[str, torch.device], dict[str, list[torch.Tensor]]] = {}
        for (name, width), known in list(self._counted.items()):
            if known.samples < MIN_SAMPLES:
                continue
            del self._counted[name, width]
            saturated = name in self._squashing
            signal = "saturated_unit_share" if saturated else "dead_unit_share"
            others = known.counts * 2 <= known.rows if saturated else known.counts
            found.setdefault((signal, others.device), {}).setdefault(name, []).append(others)
        for (signal, _), layers in found.items():
            # A layer that is used at several widths: all its units together.
            each = [torch.cat(parts) if len(parts) > 1 else parts[0] for parts in layers.values()]
            units = {name: one.numel() for name, one in zip(layers, each, strict=True)}
            few = sum(units.values()) <= MAX_UNITS and each[0].is_cpu and len({one.dtype for one in each}) == 1
            yield signal, units, each if few else [torch.stack([one.count_nonzero() for one in each])], not few
