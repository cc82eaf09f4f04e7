"""What the layers put out in training: mean, spread, dead and saturated units."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import torch
from torch import nn

from netvet.capture.torch_events import Call, Happening, Session
from netvet.capture.torch_hooks import CallHooks, is_compiled, is_wrapped, path_in_model, walk
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_sampling import SAMPLED, Numbers, SampleMatrix, moments, without_gradients
from netvet.capture.torch_units import RELU_LIKE, SQUASHING, Units

# Calls of one module within one step that are looked at (steps of an unrolled recurrent cell).
MAX_CALLS = 64
MAX_LAYERS = 2_000
# Rows for so many calls are made as they come; for more there is room from the next step on.
MAX_GROWN = 1_024

SIGNALS = ("activation_mean", "activation_std", "dead_unit_share", "saturated_unit_share")


def main_tensor(output: Any) -> torch.Tensor | None:
    """The tensor that a layer puts out: the first one of a tuple (recurrent layers); None where it holds no numbers."""
    if type(output) is torch.Tensor and output.is_floating_point() and output.is_cpu and not is_wrapped(output):
        return output.detach() if output.layout is torch.strided and output.numel() else None
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor) or is_wrapped(output):
        return None
    usable = output.is_floating_point() and output.layout is torch.strided and output.device.type != "meta"
    return output.detach() if usable and output.numel() and not hasattr(output, "to_local") else None


class ActivationCollector:
    """Records `activation_mean`, `activation_std`, `dead_unit_share` and `saturated_unit_share`.

    Looks at the first training call of each model in a sampled step. The output layer of a model is left
    out of `saturated_unit_share`: an output at the end of its range is what a confident model gives.
    """

    part = "activations"
    sampled = True
    dormant = ("step_begin", "step_end", "mode")  # told of only where every step is looked at closely

    def __init__(self, session: Session) -> None:
        self._session = session
        self._hooks = CallHooks(session, self.part)
        self._looked: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()
        # Names of the layers of what was called, for the time when calls are not heard of.
        self._layers: weakref.WeakKeyDictionary[nn.Module, dict[str, weakref.ref[nn.Module]]] = (
            weakref.WeakKeyDictionary()
        )
        self._units = Units()
        self._matrices: dict[torch.device, tuple[SampleMatrix, list[str]]] = {}
        self._counts: dict[str, int] = {}
        self._rows = 64
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
        layers = self._layers.setdefault(event.module, {})
        for path, module in walk(event.module):
            if not module._modules and module.training and len(self._seen) < MAX_LAYERS:
                name = prefix + plain_name(path) if path else prefix.rstrip(".") or session.models.name(event.model)
                layers[name] = weakref.ref(module)
                self._hooks.add(name, module, self._look)

    def _look(self, name: str, module: nn.Module, _args: Any, _kwargs: Any, output: Any) -> None:
        called = self._counts[name] = self._counts.get(name, 0) + 1
        self._units.follow(module)
        values = main_tensor(output)
        if values is None or called > MAX_CALLS:
            return
        known = self._matrices.get(values.device)
        if known is None:
            known = SampleMatrix(self._rows, values.new_empty(0).float(), SAMPLED), []
            self._matrices[values.device] = known
        matrix, names = known
        if len(names) == matrix.rows < MAX_GROWN:
            matrix = matrix.grown()
            self._matrices[values.device] = matrix, names
        if len(names) < matrix.rows:
            matrix.put(len(names), values)
            names.append(name)
        else:
            self._rows = 2 * matrix.rows  # from the next step on there is room for all
        if isinstance(module, RELU_LIKE):
            self._units.silent(name, module, values)
        elif isinstance(module, SQUASHING):
            self._units.squashed(name, module, values)

    def on_call_failed(self, _event: Call) -> None:
        self._hooks.remove()
        self._clear()

    def on_call_end(self, event: Call) -> None:
        if not self._hooks.open:
            return
        self._hooks.remove()
        with torch.no_grad():
            self._units.end(main_tensor(event.output))
            self._write()
        self._clear()

    def on_sleep(self, _: None) -> None:
        self._hooks.new_step()
        self._arm()

    def on_step_begin(self, _event: Any) -> None:
        """While calls are not heard of, a step ends the look at it; the hooks stay for the next."""
        if self._session.asleep:
            self._end_look()
            self._clear()
            self._hooks.new_step()

    @without_gradients
    def _end_look(self) -> None:
        self._units.end(None)
        self._write()

    def on_step_end(self, _event: Any) -> None:
        if self._session.asleep and not self._hooks.open:
            self._arm()

    def on_mode(self, event: Happening) -> None:
        """Hooks on the parts of some layers would change what they compute in eval mode."""
        if self._session.asleep and not (event.details["training"] and self._hooks.open):
            self._hooks.remove()
            self._arm()

    def on_wake(self, _: None) -> None:
        self._hooks.remove()
        self._clear()

    def _arm(self) -> None:
        if not self._session.every_step:
            return
        for root, layers in list(self._layers.items()):
            if root.training and not is_compiled(root):
                found = [(name, module) for name, ref in layers.items() if (module := ref()) is not None]
                self._hooks.add_lean(root, [(n, m) for n, m in found if m.training], self._look)

    def _clear(self) -> None:
        self._units.forget()
        self._counts.clear()
        for device, (matrix, names) in list(self._matrices.items()):
            names.clear()
            if matrix.rows < min(self._rows, MAX_LAYERS):
                del self._matrices[device]

    def _write(self) -> None:
        session, step, outbox = self._session, self._session.step, self._session.options["outbox"]
        called: set[str] = set()
        histograms = session.options.get("histograms")
        for matrix, names in self._matrices.values():
            if names:
                outbox.put(step, matrix.sums(len(names)), self._deliver, (matrix.counts(len(names)), list(names)))
                called.update(names)
                if histograms is not None:
                    histograms.outputs(step, list(names), matrix)
        for signal, units, vectors, counted in self._units.shares():
            outbox.put(step, vectors, self._deliver_shares, (signal, units, counted))
        self._seen |= called
        session.options.setdefault("called_modules", set()).update(called)

    def _deliver(self, steps: list[int], layout: tuple[list[int], list[str]], numbers: Numbers) -> None:
        """Means and standard deviations of the rows: the average over the calls of each layer."""
        counts, names = layout
        calls: dict[str, list[int]] = {}
        for row, name in enumerate(names):
            calls.setdefault(name, []).append(row)
        for signal, found in zip(SIGNALS[:2], moments(counts, numbers), strict=True):
            if len(calls) < len(names):
                found = np.stack([found[:, rows].mean(1) for rows in calls.values()], axis=1)
            self._seen.add(signal)
            self._session.recorder.block(steps, signal, tuple(calls), found)

    def _deliver_shares(self, steps: list[int], layout: tuple[str, dict[str, int], bool], others: Numbers) -> None:
        signal, units, counted = layout
        self._seen.add(signal)
        totals = np.array([*units.values()], np.float64)
        if not counted:
            others = np.add.reduceat(others != 0, np.cumsum([0, *units.values()][:-1]), axis=1, dtype=np.float64)
        self._session.recorder.block(steps, signal, tuple(units), (totals - others) / totals)

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
