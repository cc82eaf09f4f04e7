"""A Keras training at its end, looked at as a whole on copies."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from netvet.capture.keras_contract import which_output
from netvet.capture.keras_evaluations import Evaluations
from netvet.capture.keras_losses import site_name
from netvet.capture.keras_mixing import batch_mixing
from netvet.capture.keras_own_losses import own_losses
from netvet.capture.keras_start import depth_scale, final_bias, initial_loss, symmetric_units
from netvet.capture.keras_training import Training
from netvet.capture.keras_trials import input_ablation, lr_probe, lr_trial

PROBES: tuple[tuple[str, Callable[[Training], None]], ...] = (
    ("losses of one's own", own_losses),
    ("initial loss", initial_loss),
    ("last bias", final_bias),
    ("equal units", symmetric_units),
    ("scale of layers", depth_scale),
    ("mixing of samples", batch_mixing),
    ("learning-rate probe", lr_probe),
    ("learning-rate trial", lambda training: lr_trial(training, training.course)),
)
# Samples that are asked of the trained model.
MAX_ASKED, MIN_ASKED = 256, 16


def look_back(training: Training, evaluations: Evaluations, *, probes: bool) -> None:
    """Let everything that is kept of the run be looked at."""
    guard = training.recorder.guard
    guard("weights of the run", _weights)(training)
    if probes:
        for name, probe in PROBES:
            guard(name, probe)(training)
    sound = bool(training.course) and math.isfinite(training.course[-1])
    if len(training.contracts) == 1 and probes and sound:
        guard("simple learners", _learn)(training, evaluations)
        guard("input ablation", _ablate)(training)


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
    training.samples.learn(contract, training.outputs[which_output(contract, training.paths) or 0], site, scores)


def _ablate(training: Training) -> None:
    held = training.samples.held
    pool, split = (held, "val") if held.kept >= MIN_ASKED else (training.samples.train, "train")
    forms = {
        tuple(a.shape[1:] for a in (*batch, target)) for batch, target in zip(pool.inputs, pool.wanted, strict=True)
    }
    if pool.kept < MIN_ASKED or len(forms) != 1:
        training.recorder.missing("input_ablation", "no samples of one form were seen together with their targets")
        return
    arrays = [np.concatenate(parts)[:MAX_ASKED] for parts in zip(*pool.inputs, strict=True)]
    target = np.concatenate(pool.wanted)[:MAX_ASKED]
    input_ablation(training, arrays, target, split, site_name(training.site))
