"""A Keras model before its first update: its loss, its last bias, units that are equal, the scale of its layers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.capture.keras_backends import Array
from netvet.capture.keras_contract import (
    BINARY,
    CLASSIFYING,
    Contract,
    best_constant,
    entering,
    labels_of,
    loss_at,
    task_of,
)  # fmt: skip
from netvet.capture.keras_forward import LayerCall, Look
from netvet.capture.keras_layers import ACTIVATIONS, class_of
from netvet.capture.keras_losses import site_name
from netvet.capture.keras_parameters import as_in_torch
from netvet.capture.keras_training import Training
from netvet.capture.summaries import place

MAX_UNITS, MAX_LAYERS, MAX_LISTED = 4096, 500, 100
# The std of fewer values than this says nothing about a layer.
MIN_VALUES = 64
_GAINS = {"Relu": 2.0, "LeakyRelu": 2.0, "Gelu": 2.0, "Silu": 2.0, "Elu": 2.0, "Tanh": 25.0 / 9.0, "Sigmoid": 1.0}
_BIAS_STEPS = 50
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Start:
    """One loss before the first update.

    Args:
        output: of the model, [samples, ...]; `target`: of the first batch.
    """

    contract: Contract
    site: str
    output: Array
    target: Array


def starts(training: Training) -> Iterator[Start]:
    """The losses of the first step."""
    look, plan = training.look, training.first
    if look is None or plan is None or not plan.batches:
        return
    batch = plan.batches[0]
    y = batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None
    for contract in training.contracts:
        pair = entering(contract, y, look.outputs, look.heard.paths)
        if pair is not None:
            site = training.losses.entry(contract, site_name(training.site), "train").site
            yield Start(contract, site, pair[0], training.arrays(pair[1])[0])


def initial_loss(training: Training) -> None:
    """Record `initial_loss`."""
    records = []
    for start in starts(training):
        measured = loss_at(start.contract, start.output, start.target)
        guess, rule = _even_guess(start)
        expected = loss_at(start.contract, guess, start.target) if guess is not None else None
        if measured is None or expected is None or not math.isfinite(measured):
            continue
        best = best_constant(start.contract, start.output, start.target)
        classes = int(start.output.shape[-1]) if start.contract.function in CLASSIFYING else None
        records.append({
            "site": start.site, **place(training.site), "function": start.contract.function, "measured": measured,
            "expected": expected, "rule": rule, "spread": _spread(start), "classes": classes,
            "ratio": measured / expected if expected else None, "batch": len(start.output),
            "best_constant": loss_at(start.contract, best, start.target) if best is not None else None,
        })  # fmt: skip
    if records:
        training.recorder.facts("initial_loss", records)
    else:
        training.recorder.missing("initial_loss", "no loss of a known kind was seen")


def _even_guess(start: Start) -> tuple[Array | None, str]:
    """What an untrained net should predict, and the name of the rule."""
    contract, output = start.contract, start.output
    if contract.function in CLASSIFYING and output.ndim > 1 and output.shape[-1] > 1:
        return np.full_like(output, 1 / output.shape[-1], dtype=np.float64), "log(classes)"
    if contract.function in BINARY:
        return np.full_like(output, 0.5 if contract.probabilities else 0.0, dtype=np.float64), "log(2)"
    if contract.function in ("mse_loss", "l1_loss"):
        middle = np.mean(start.target) if contract.function == "mse_loss" else np.median(start.target)
        rule = "target variance" if contract.function == "mse_loss" else "target spread about its median"
        return np.full(output.shape, float(middle)), rule
    return None, ""


def _spread(start: Start) -> float | None:
    """Standard error of the mean loss over the samples of the batch."""
    each = [loss_at(start.contract, start.output[i : i + 1], start.target[i : i + 1]) for i in range(len(start.output))]
    known = np.array([e for e in each if e is not None and math.isfinite(e)])
    return float(known.std(ddof=1) / math.sqrt(len(known))) if len(known) > 1 else None


def _last(training: Training, look: Look) -> tuple[LayerCall, Array] | None:
    """The last layer with a bias, and what it puts out before its activation."""
    found = None
    for call, value in look.layers:
        if hasattr(call.layer, "kernel") and call.activation is None and getattr(call.layer, "bias", None) is not None:
            found = (call, value)
    return (found[0], found[1]) if found is not None and found[1] is not None else None


def final_bias(training: Training) -> None:
    """Record `final_bias`, where one last layer with a bias makes the input of the one loss."""
    look, all_starts = training.look, list(starts(training))
    last = _last(training, look) if look is not None else None
    if last is None or len(all_starts) != 1:
        return
    start, (call, scores) = all_starts[0], last
    task = task_of(start.contract, start.output, start.target)
    if scores.shape != start.output.shape or task not in ("classes", "binary", "regression"):
        return
    made = _outputs(start, scores)
    if made is None or not np.allclose(made, start.output, rtol=1e-3, atol=1e-5):
        return
    now = loss_at(start.contract, start.output, start.target)
    shifted, predicted, wanted = _shifted(start, scores, str(task))
    then = loss_at(start.contract, shifted, start.target)
    if now is None or then is None or not math.isfinite(now):
        return
    guess, _ = _even_guess(start)
    even = loss_at(start.contract, guess, start.target) if guess is not None and task != "regression" else None
    training.recorder.facts("final_bias", [{
        "site": start.site, **place(training.site), "layer": training.names.of_layer(call.layer),
        **place(training.sites.made.get(id(call.layer)), "layer_"), "predicted": predicted[:MAX_LISTED],
        "wanted": wanted[:MAX_LISTED], "loss_now": now, "loss_with_bias": then, "saved": now - then,
        "function": start.contract.function, "even": even, "values": 1,
    }])  # fmt: skip


def _outputs(start: Start, scores: Array) -> Floats | None:
    """What the loss is given for some scores of the last layer; None where that is not known."""
    wide: Floats = scores.astype(np.float64)
    if not start.contract.probabilities:
        return wide
    if start.contract.function == "nll_loss":
        powers = np.exp(wide - wide.max(-1, keepdims=True))
        return np.asarray(powers / powers.sum(-1, keepdims=True))
    return np.asarray(1 / (1 + np.exp(-np.clip(wide, -500, 500))))


def _shifted(start: Start, scores: Array, task: str) -> tuple[Array, list[float], list[float]]:
    """Outputs with the constant added to the scores that fits best, the mean prediction, and what is wanted."""
    wide = scores.astype(np.float64)
    target = start.target.reshape(-1).astype(np.float64) if task != "classes" else None
    if task == "regression":
        rows = start.target.reshape(wide.shape).astype(np.float64) if start.target.size == wide.size else wide
        return (
            wide + (rows - wide).mean(0),
            list(wide.reshape(len(wide), -1).mean(0)),
            list(rows.reshape(len(rows), -1).mean(0)),
        )
    shares = Start(_with(start.contract), start.site, wide, start.target)
    before = _outputs(shares, wide)
    if target is not None:
        wanted = np.clip(np.array([target.mean()]), 1e-4, 1 - 1e-4)
    else:
        labels = labels_of(start.contract, start.output, start.target)
        counts = np.bincount(labels if labels is not None else [0], minlength=wide.shape[-1])
        wanted = np.clip(counts / max(counts.sum(), 1), 1e-4, 1)
    bias = np.zeros(wide.shape[-1] if task == "classes" else 1)
    for _ in range(_BIAS_STEPS):
        mean = _mean(_outputs(shares, wide + bias))
        step = np.log(wanted) - np.log(np.clip(mean, 1e-12, 1))
        bias = bias + (step if task == "classes" else step - np.log1p(-wanted) + np.log1p(-np.clip(mean, 0, 1 - 1e-12)))
    made = _outputs(start, wide + bias)
    return np.asarray(made), list(_mean(before)), list(wanted)


def _mean(outputs: Floats | None) -> Floats:
    rows = np.asarray(outputs)
    return np.asarray(rows.reshape(-1, rows.shape[-1] if rows.ndim > 1 else 1).mean(0))


def _with(contract: Contract) -> Contract:
    """The same loss, of probabilities."""
    from dataclasses import replace

    function = "nll_loss" if contract.function in CLASSIFYING else "binary_cross_entropy"
    return replace(contract, function=function, probabilities=True)


def symmetric_units(training: Training) -> None:
    """Record `symmetric_units`: only layers that have units with equal weights, or no weights but zero."""
    look, plan = training.look, training.first
    if look is None or plan is None:
        return
    variables = training.variables[0]
    index = {id(v): i for i, v in enumerate(variables)}
    layers = [
        (name, layer) for name, layer in training.names.layers if _weighted(layer) and id(_kernel(layer)) in index
    ]
    records = []
    for name, layer in layers:
        at = index[id(_kernel(layer))]
        bias = index.get(id(getattr(layer, "bias", None)))
        offsets = plan.trainable[bias] if bias is not None else None
        found = _symmetry(plan.trainable[at], offsets, look.gradients[at])
        if found is not None:
            parameter = training.names.of_variable(variables[at])
            site = place(training.sites.made.get(id(layer)))
            records.append({"parameter": parameter, "layer": name, **found, "layers_with_weights": len(layers), **site})
    training.recorder.facts("symmetric_units", records)


def _weighted(layer: Any) -> bool:
    return class_of(layer) in ("Linear", "Conv1d", "Conv2d", "Conv3d") and hasattr(layer, "kernel")


def _kernel(layer: Any) -> Any:
    inner = getattr(layer, "_kernel", None)
    return inner if inner is not None else layer.kernel


def _symmetry(weight: Array, bias: Array | None, gradient: Array | None) -> dict[str, Any] | None:
    units = weight.shape[-1]
    if gradient is None or not 2 <= units <= MAX_UNITS:
        return None
    rows, slopes = (a.reshape(-1, units).T.astype(np.float64) for a in (weight, gradient))
    if bias is not None:
        rows = np.concatenate((rows, bias.reshape(-1, 1)), axis=1) if bias.size == units else rows
    zero = not weight.any()
    _, groups, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    groups = groups.reshape(-1)
    twins = counts[groups] > 1
    if not zero and not twins.any():
        return None
    first = np.array([int(np.flatnonzero(groups == g)[0]) for g in groups])
    scale = float(np.abs(slopes).max())
    same = np.zeros_like(twins)
    if scale > 0:
        # Equal to rounding; without any gradient (masked away) a unit shows nothing: other samples may tell it apart.
        close = (np.abs(slopes - slopes[first]).max(1) <= 1e-5 * scale) & (np.abs(slopes).max(1) > 1e-5 * scale)
        for group in np.unique(groups[twins]):
            inside = (groups == group) & close
            same |= inside if inside.sum() > 1 else False
    return {
        "units": units, "identical": int(twins.sum()), "identical_gradients": int(same.sum()), "zero": zero,
        "zero_gradient": scale == 0.0,
    }  # fmt: skip


def depth_scale(training: Training) -> None:
    """Record `depth_scale`: layers in the order of the forward pass, with the gradients at their outputs."""
    look, plan = training.look, training.first
    if look is None or plan is None:
        return
    calls = [
        (call, value) for call, value in look.layers
        if call.activation is None and _weighted(call.layer) and value is not None
    ]  # fmt: skip
    if not 2 <= len(calls) <= MAX_LAYERS or len({id(c.layer) for c, _ in calls}) != len(calls):
        return
    layers_of = {str(training.names.of_layer(c.layer)): (c.layer, v.shape) for c, v in calls if v is not None}
    gradients = training.sandbox.slopes(plan.trainable, plan.others, plan.batches[0], layers_of)
    functions = [c.activation for c, _ in look.layers if c.activation in ACTIVATIONS]
    names = [name for f in functions if not (name := ACTIVATIONS[f][1]).endswith("oftmax")]
    common = max(dict.fromkeys(names), key=names.count) if names else None  # the earlier of two that are as common
    index = {id(v): i for i, v in enumerate(training.variables[0])}
    layers = []
    for call, value in calls:
        name = str(training.names.of_layer(call.layer))
        at = index.get(id(_kernel(call.layer)))
        if at is None or value is None:
            return
        layers.append(_layer(name, call.layer, value, plan.trainable[at], gradients.get(name), common))
    hidden = layers[:-1]
    training.recorder.facts("depth_scale", [{
        "model": training.names.model, "layers": layers, "nonlinearity": common, "weighted_layers": len(layers),
        "activation_ratio": _ratio(hidden[-1]["activation_std"], hidden[0]["activation_std"]),
        "gradient_ratio": _ratio(layers[0]["gradient_std"], layers[-1]["gradient_std"]),
    }])  # fmt: skip


def _layer(
    name: str, layer: Any, value: Array, weight: Array, gradient: Array | None, common: str | None
) -> dict[str, Any]:
    fan_in = int(np.prod(as_in_torch("kernel", list(weight.shape))[1:]))
    std = float(value.astype(np.float64).std()) if value.size >= MIN_VALUES else math.nan
    return {
        "name": name, "cls": class_of(layer), "activation_std": std if math.isfinite(std) else None,
        "activation_mean": float(value.mean()), "weight_std": float(weight.std()), "fan_in": fan_in,
        "gradient_std": float(gradient.astype(np.float64).std()) if gradient is not None else None,
        "suggested_std": math.sqrt(_GAINS.get(common or "", 1.0) / fan_in) if fan_in else None, "calls": 1,
        "growth": None,
    }  # fmt: skip


def _ratio(first: float | None, second: float | None) -> float | None:
    return first / second if first is not None and second else None
