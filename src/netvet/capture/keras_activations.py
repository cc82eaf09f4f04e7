"""What the layers of a Keras model put out in training: mean, spread, dead and saturated units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netvet.capture.keras_backends import Array
from netvet.capture.keras_forward import Look
from netvet.capture.keras_layers import Names, activation_of
from netvet.capture.recorder import Recorder

# A unit is called dead or saturated after this many samples; batches below are put together.
MIN_SAMPLES = 32
# A derivative below this share of its maximum is flat.
FLAT = 0.01
_RELU, _SQUASHING = ("relu", "relu6"), ("tanh", "sigmoid")


@dataclass(slots=True)
class _Counted:
    counts: npt.NDArray[np.float64]
    rows: int = 0
    samples: int = 0


class Activations:
    """Records `activation_mean`, `activation_std`, `dead_unit_share` and `saturated_unit_share`."""

    def __init__(self, recorder: Recorder, names: Names) -> None:
        self._recorder, self._names = recorder, names
        self._counted: dict[tuple[str, str], _Counted] = {}

    def look(self, step: int, look: Look) -> None:
        """Take in the outputs of all layers in one training step."""
        means: dict[str, float] = {}
        stds: dict[str, float] = {}
        final = set(look.heard.outputs)
        for call, value in look.layers:
            name = self._names.of_call(call)
            if value is None or name is None or not value.size or name in means:
                continue
            wide = value.astype(np.float64)
            means[name], stds[name] = float(wide.mean()), float(wide.std())
            function = call.activation or (None if hasattr(call.layer, "kernel") else activation_of(call.layer))
            if function in _RELU and value.ndim > 1:
                self._silent(name, value)
            elif function in _SQUASHING and value.ndim > 1 and call.output not in final:
                self._squashed(name, wide if function == "tanh" else 2 * wide - 1)
        if means:
            self._recorder.values(step, "activation_mean", means)
            self._recorder.values(step, "activation_std", stds)
        self._write(step)

    def _silent(self, name: str, value: Array) -> None:
        counts = value.reshape(-1, value.shape[-1]).max(0).astype(np.float64)
        known = self._counted.setdefault(("dead_unit_share", name), _Counted(counts))
        if known.counts.shape == counts.shape:
            known.counts = np.maximum(known.counts, counts)
            known.samples += len(value)

    def _squashed(self, name: str, centred: npt.NDArray[np.float64]) -> None:
        rows = centred.reshape(-1, centred.shape[-1])
        counts = (np.square(rows) > 1 - FLAT).sum(0).astype(np.float64)
        known = self._counted.setdefault(("saturated_unit_share", name), _Counted(np.zeros_like(counts)))
        if known.counts.shape == counts.shape:
            known.counts = known.counts + counts
            known.rows += len(rows)
            known.samples += len(centred)

    def _write(self, step: int) -> None:
        for (signal, name), known in list(self._counted.items()):
            if known.samples < MIN_SAMPLES:
                continue
            del self._counted[signal, name]
            bad = known.counts * 2 > known.rows if signal == "saturated_unit_share" else known.counts <= 0
            self._recorder.value(step, signal, float(bad.mean()), name)
