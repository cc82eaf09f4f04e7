"""A Keras training at its end, looked at as a whole on copies."""

from __future__ import annotations

from netvet.capture.keras_evaluations import Evaluations
from netvet.capture.keras_losses import site_name
from netvet.capture.keras_training import Training


def look_back(training: Training, evaluations: Evaluations, *, probes: bool) -> None:
    """Let everything that is kept of the run be looked at."""
    guard = training.recorder.guard
    guard("weights of the run", _weights)(training)
    if len(training.contracts) == 1:
        guard("simple learners", _learn)(training, evaluations)


def _weights(training: Training) -> None:
    """Which weights the run has changed."""
    if training.first is None or training.parameters is None or not training.first.trainable:
        return
    training.parameters.changed(training.first.trainable, training.now()[0])


def _learn(training: Training, evaluations: Evaluations) -> None:
    contract, site = training.contracts[0], site_name(training.site)
    given = training.losses.given.get((site, "train"))
    if given is None or not training.outputs:
        return
    name = "accuracy" if "train_accuracy" in given.recent else "r2"
    recent = list(given.recent.get("train_accuracy" if name == "accuracy" else "r2", ()))
    scores = {"train": sum(recent) / len(recent) if recent else None, "val": evaluations.scores.get(name)}
    training.samples.learn(contract, training.outputs[contract.place], site, scores)
