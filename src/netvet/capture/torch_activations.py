"""What the layers put out in training: mean, spread, dead and saturated units."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from netvet.capture.torch_events import Call, Session
from netvet.capture.torch_hooks import CallHooks, is_compiled, is_wrapped, path_in_model, walk
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_parameters import LOW, as_floats, sample

MAX_SAMPLED = 262_144
# Calls of one module within one call of the model that are looked at (steps of an unrolled recurrent cell).
MAX_CALLS = 64
# A unit that is silent on fewer samples is silent by chance too often; sampled steps are added up until then.
MIN_SAMPLES = 32
# A derivative below this share of its maximum, for more than half of the samples, is saturation.
FLAT = 0.01
MAX_LAYERS = 2_000

_RELU_LIKE = (nn.ReLU, nn.ReLU6, nn.Hardswish)
_SQUASHING = (nn.Tanh, nn.Sigmoid)
_CHANNELS_SECOND = (_ConvNd, _NormBase, nn.GroupNorm)
_CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.RNNBase, nn.Embedding)

SIGNALS = ("activation_mean", "activation_std", "dead_unit_share", "saturated_unit_share")


def main_tensor(output: Any) -> torch.Tensor | None:
    """The tensor that a layer puts out: the first one of a tuple (recurrent layers); None where it holds no numbers."""
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor) or is_wrapped(output):
        return None
    usable = output.is_floating_point() and output.layout is torch.strided and output.device.type != "meta"
    return output.detach() if usable and output.numel() and not hasattr(output, "to_local") else None


@dataclass
class _Units:
    """How often the units of one width of a layer were of interest, so far."""

    counts: torch.Tensor
    rows: int = 0
    samples: int = 0


class ActivationCollector:
    """Records `activation_mean`, `activation_std`, `dead_unit_share` and `saturated_unit_share`.

    Looks at the first training call of each model in a sampled step. The output layer of a model is left
    out of `saturated_unit_share`: an output at the end of its range is what a confident model gives.
    """

    part = "activations"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        self._hooks = CallHooks(session, self.part)
        self._looked: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()
        self._moments: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        self._units: dict[tuple[str, int], _Units] = {}
        self._squashed: dict[str, list[Any]] = {}
        self._counts: dict[str, int] = {}
        self._second = False
        self._seen: set[str] = set()
        self._compiled = False

    def on_call_begin(self, event: Call) -> None:
        session = self._session
        self._hooks.remove()
        if not session.deep or event.phase != "train" or self._looked.get(event.module) == session.step:
            return
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            return
        self._looked[event.module] = session.step
        if is_compiled(event.model):
            self._compiled = True
            return
        prefix = path_in_model(session, event)
        for path, module in walk(event.module):
            if not module._modules and module.training and len(self._seen) < MAX_LAYERS:
                name = prefix + plain_name(path) if path else prefix.rstrip(".") or session.models.name(event.model)
                self._hooks.add(name, module, self._look)

    def _look(self, name: str, module: nn.Module, _args: Any, _kwargs: Any, output: Any) -> None:
        if isinstance(module, _CHANNELS_SECOND):
            self._second = True
        elif isinstance(module, _CHANNELS_LAST):
            self._second = False
        self._counts[name] = self._counts.get(name, 0) + 1
        values = main_tensor(output)
        if values is None or self._counts[name] > MAX_CALLS:
            return
        few = sample(values.float() if values.dtype in LOW else values, MAX_SAMPLED)
        std, mean = torch.std_mean(few, correction=0)
        self._moments.setdefault(name, []).append((mean, std))
        if isinstance(module, _RELU_LIKE):
            self._count(name, values, values != 0)
        elif isinstance(module, _SQUASHING):
            derivative = 1 - values * values if isinstance(module, nn.Tanh) else 4 * values * (1 - values)
            # Kept until the call ends: only then it is known which layer made the output of the model.
            self._squashed.setdefault(name, []).append((values, derivative < FLAT, self._second))

    def _count(self, name: str, values: torch.Tensor, interesting: torch.Tensor, second: bool | None = None) -> None:
        second = self._second if second is None else second
        if values.dim() < 2:
            return
        axis = 1 if values.dim() > 2 and second else values.dim() - 1
        width = values.shape[axis]
        others = [d for d in range(values.dim()) if d != axis]
        counts = interesting.sum(others)
        units = self._units.get((name, width))
        if units is None or units.counts.device != counts.device:
            units = self._units[name, width] = _Units(torch.zeros_like(counts))
        units.counts = units.counts + counts
        units.rows += values.numel() // width
        units.samples += values.shape[0] if axis == 1 else values.numel() // width

    def on_call_failed(self, _event: Call) -> None:
        self._hooks.remove()
        self._clear()

    def on_call_end(self, event: Call) -> None:
        if not self._hooks.open:
            return
        self._hooks.remove()
        with torch.no_grad():
            self._write(event)
        self._clear()

    def _clear(self) -> None:
        self._moments.clear()
        self._squashed.clear()
        self._counts.clear()

    def _write(self, event: Call) -> None:
        session = self._session
        final = main_tensor(event.output)
        for name, calls in self._squashed.items():
            for values, flat, second in calls:
                if final is None or values.data_ptr() != final.data_ptr():
                    self._count(name, flat, flat, second)
        dead, saturated = self._shares()
        keys = list(self._moments)
        means = [torch.stack([m for m, _ in self._moments[k]]).mean() for k in keys]
        stds = [torch.stack([s for _, s in self._moments[k]]).mean() for k in keys]
        numbers = as_floats([*means, *stds, *dead.values(), *saturated.values()])
        ends = (len(keys), 2 * len(keys), 2 * len(keys) + len(dead))
        parts = (numbers[: ends[0]], numbers[ends[0] : ends[1]], numbers[ends[1] : ends[2]], numbers[ends[2] :])
        for signal, names, found in zip(SIGNALS, (keys, keys, list(dead), list(saturated)), parts, strict=True):
            if names:
                self._seen.update(names)
                self._seen.add(signal)
                session.recorder.values(session.step, signal, dict(zip(names, found, strict=True)))
        session.options.setdefault("called_modules", set()).update(keys)

    def _shares(self) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Share of dead and of saturated units of the layers that have seen enough samples."""
        dead: dict[str, list[torch.Tensor]] = {}
        saturated: dict[str, list[torch.Tensor]] = {}
        for (name, width), units in list(self._units.items()):
            if units.samples < MIN_SAMPLES:
                continue
            del self._units[name, width]
            if name in self._squashed:
                saturated.setdefault(name, []).append(units.counts * 2 > units.rows)
            else:
                dead.setdefault(name, []).append(units.counts == 0)
        # A layer that is used at several widths: all its units together.
        first, second = (
            {name: torch.cat(found).double().mean() for name, found in kind.items()} for kind in (dead, saturated)
        )
        return first, second

    def on_finish(self, _ended: str) -> None:
        self._hooks.remove()
        if self._compiled:
            reason = "the model is compiled: its layers cannot be looked into"
        elif not self._looked and not self._seen:
            reason = "no model was called in training mode with gradients on"
        else:
            reason = "no layer of this kind was called as a module (functions such as F.relu are not seen)"
        for signal in SIGNALS:
            if signal not in self._seen:
                self._session.recorder.missing(signal, reason)
