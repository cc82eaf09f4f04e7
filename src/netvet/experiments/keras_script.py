"""The problem of a Keras program that was run: what its `fit` has shown."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from netvet.capture.keras_backends import Array
from netvet.capture.keras_session import KerasCapture
from netvet.capture.keras_training import Training
from netvet.capture.live import Live
from netvet.capture.runner import Outcome as RunOutcome
from netvet.capture.runner import RunOptions, run
from netvet.core import NetvetError
from netvet.experiments.keras_problem import Material, problem_of_material
from netvet.experiments.problem import Problem
from netvet.experiments.trial import is_memory
from netvet.store import Run


def problem_of_script(chosen: RunOptions) -> tuple[Problem | None, str, RunOutcome]:
    """Run a Keras program under watch: its problem, or the reason why there is none, and how it ended.

    Raises:
        NetvetError: the run was not recorded.
    """
    captures: list[KerasCapture] = []
    inner = chosen.observe

    def observe(live: Live) -> AbstractContextManager[object]:
        if isinstance(live.capture, KerasCapture):
            live.capture.collects = True
            captures.append(live.capture)
        return inner(live) if inner is not None else nullcontext()

    ended = run(replace(chosen, framework="keras", observe=observe))
    if ended.run_path is None:
        raise NetvetError("the run was not recorded, so that there is nothing to experiment with")
    try:
        problem = problem_of_training(captures[0].main() if captures else None, chosen.target)
    except NetvetError as error:
        return None, str(error), ended
    except Exception as error:  # whatever a model does when it is made once more
        told = "out of memory" if is_memory(error) else f"{type(error).__name__}: {error}"
        return None, f"its step could not be taken on a copy: {told}", ended
    found: Any = Run.open(ended.run_path).get("baselines")
    problem.details["trained"] = list(found or ())
    return problem, "", ended


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
