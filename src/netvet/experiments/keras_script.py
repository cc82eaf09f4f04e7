"""The problem of a Keras program that was run: what its `fit` has shown."""

from __future__ import annotations

import numpy as np

from netvet.capture.keras_backends import Array
from netvet.capture.keras_session import KerasCapture
from netvet.capture.keras_training import Training
from netvet.capture.live import Live
from netvet.core import NetvetError
from netvet.experiments.keras_problem import Material, problem_of_material
from netvet.experiments.problem import Problem


class Collected:
    """See `script.Collector`."""

    def __init__(self) -> None:
        self._capture: KerasCapture | None = None

    def listen(self, live: Live) -> None:
        """The program is about to begin."""
        assert isinstance(live.capture, KerasCapture)
        self._capture = live.capture
        self._capture.collects = True

    def problem(self, script: str) -> Problem:
        """Of the model that was trained most.

        Raises:
            NetvetError: its training cannot be repeated.
        """
        return problem_of_training(self._capture.main() if self._capture is not None else None, script)


def problem_of_training(training: Training | None, origin: str) -> Problem:
    """The problem of a training that is over.

    Raises:
        NetvetError: it cannot be repeated; the message says why, and what to do.
    """
    if training is None or training.setup is None or training.first is None:
        raise NetvetError("no training step of a Keras model was seen: `fit` and `train_on_batch` take them")
    material = Material(
        training.model, training.backend.name, training.setup, (training.first.trainable, training.first.others),
        training.contracts, training.paths, training.setup.rates or [training.first_rate or 0.0],
        training.accumulated, any(id(v) in training.sites.loaded for v in training.variables[0]), _evaluated(training),
        [g is not None and bool(np.any(g)) for g in training.look.gradients] if training.look is not None else (),
    )  # fmt: skip
    return problem_of_material(material, origin)


def _evaluated(training: Training) -> tuple[float, Array] | None:
    """Loss and first outputs of the first batch, by the initial weights, on the program's own backend."""
    first = training.first
    if first is None or training.look is None or not first.batches or not isinstance(first.batches[0], (tuple, list)):
        return None
    given = first.trainable, first.others
    outputs = training.sandbox.outputs(*given, first.batches[0][0])
    return training.sandbox.loss(*given, first.batches[0]), outputs[0]
