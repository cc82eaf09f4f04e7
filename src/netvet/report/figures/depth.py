"""Spread of activations and gradients over the depth of the model: at the start, and at the last look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from netvet.core import Facts, Record
from netvet.report.figures import Source
from netvet.report.figures.layers import in_order
from netvet.report.figures.predictions import records_of
from netvet.report.figures.spec import Axis, Curve, Figure, Lines, axis, numbers
from netvet.report.figures.thin import Role, buckets_of

# So few layers are all named beside their numbers.
NAMED = 12
# A curve needs as many layers.
LEAST = 2


def depth(source: Source) -> Iterator[Figure]:
    """Three figures over the layers: activations, gradients that reach layers, gradients of weights."""
    records = records_of(source, "depth_scale")
    yield from activations(source, records)
    for number, record in enumerate(records):
        layers = list(record.get("layers") or ())
        curves = [over_depth("before the first step", [one.get("gradient_std") for one in layers], "reference")]
        yield from drawn(
            f"depth-gradient-{number}", f"Gradient that reaches each layer of {record.get('model')}",
            "Standard deviation of the gradient of each layer's output before the first step. Healthy: level; a "
            "slope is a gradient that vanishes or explodes on its way to the first layers.",
            ["depth_scale"], [str(one.get("name")) for one in layers], curves, axis("std of the gradient", log=True),
        )  # fmt: skip
    yield from weights(source)


def initial_scale(source: Source) -> Iterator[Figure]:
    """Spread of the weights beside what suits their layers, and of their outputs, before the first step."""
    for number, record in enumerate(records_of(source, "depth_scale")):
        layers = [one for one in record.get("layers") or () if one.get("weight_std")]
        curves = [
            over_depth("weights", [one.get("weight_std") for one in layers], "train"),
            over_depth("weights that would suit", [one.get("suggested_std") for one in layers], "reference"),
            over_depth("outputs", [one.get("activation_std") for one in layers], "val"),
        ]
        curves[1]["style"] = "dash"
        for figure in drawn(
            f"initial-scale-{number}", f"Scale of the layers of {record.get('model')} before the first step",
            "Standard deviation of each layer's weights, of those that keep the outputs level (He et al. 2015), and "
            "of its outputs. Healthy: weights near those that would suit, outputs level.",
            ["depth_scale"], [str(one.get("name")) for one in layers], curves, axis("standard deviation", log=True),
        ):  # fmt: skip
            figure["checks"] = ["badly-scaled-init"]
            yield figure


def activations(source: Source, records: Sequence[Record]) -> Iterator[Lines]:
    """Spread of the outputs in the order of the forward pass, before the first step and at the last look."""
    at_start = {str(one.get("name")): one.get("activation_std") for r in records for one in r.get("layers") or ()}
    looks = buckets_of(source, "activation_std")
    modules = source.get("modules")
    order = {str(m.get("name")): m.get("order") for m in modules} if isinstance(modules, Facts) else {}
    names = [n for n in (looks or at_start) if order.get(n) is not None] or list(looks or at_start)
    names = sorted(names, key=lambda name: order.get(name) or 0)
    first = [at_start.get(n, looks[n].mean[0] if n in looks and len(looks[n]) else None) for n in names]
    last = [looks[n].mean[-1] if n in looks and len(looks[n]) else None for n in names]
    curves = [over_depth("at the start", first, "reference"), over_depth("last look", last, "train")]
    yield from drawn(
        "depth-activation", "Spread of the outputs by depth",
        "Standard deviation of each layer's output, in the order of the forward pass. Healthy: level, within a decade; "
        "a slope is a signal that vanishes or explodes.",
        ["depth_scale", "activation_std"], names, curves, axis("std of the output", "activation", log=True),
    )  # fmt: skip


def weights(source: Source) -> Iterator[Lines]:
    """Size of the gradients of the weights, at the first look and at the last."""
    looks = in_order(source, buckets_of(source, "param_grad_norm"), "parameters")
    elements = weight_elements(source)
    names = [name for name in looks if name in elements and len(looks[name])]
    roots = [np.sqrt(elements[name]) for name in names]
    first, last = ([looks[n].mean[at] / root for n, root in zip(names, roots, strict=True)] for at in (0, -1))
    curves = [over_depth("first look", first, "reference"), over_depth("last look", last, "train")]
    yield from drawn(
        "depth-weight-gradient", "Gradient of the weights by depth",
        "Root mean square of the gradient of each weight matrix, in order of definition. Healthy: level, within a "
        "decade or two; a slope is a gradient that vanishes or explodes on its way to the first layers.",
        ["param_grad_norm"], names, curves, axis("gradient of an element", "loss/weight", log=True),
    )  # fmt: skip


def weight_elements(source: Source) -> Mapping[str, int]:
    """Elements of each parameter that is a matrix or more: biases and gains have gradients of another size."""
    facts = source.get("parameters")
    return {
        str(record["name"]): int(record["elements"])
        for record in (facts if isinstance(facts, Facts) else ())
        if len(record.get("shape") or ()) > 1 and record.get("elements") and record.get("name") is not None
    }


def over_depth(name: str, values: Sequence[Any], role: Role) -> Curve:
    """One number a layer, layer 0 first."""
    known = [(float(n), float(value)) for n, value in enumerate(values) if isinstance(value, int | float)]
    return {
        "name": name, "x": [n for n, _ in known], "y": numbers(value for _, value in known), "role": role,
        "style": "line",
    }  # fmt: skip


def drawn(
    identifier: str, title: str, about: str, signals: list[str], names: list[str], curves: list[Curve], y: Axis
) -> Iterator[Lines]:
    """The figure, where there are layers enough; zeros, which have no place on a log axis, are said in words."""
    some = [one for one in curves if any(value is not None for value in one["y"])]
    if len(names) < LEAST or not some:
        return
    shown = list(enumerate(names))
    if len(names) > NAMED:
        shown = [*shown[: NAMED // 2], *shown[-NAMED // 2 :]]
    about += f" Layers: {', '.join(f'{number} {name}' for number, name in shown)}."
    zeros = [names[int(at)] for at, value in zip(some[-1]["x"], some[-1]["y"], strict=True) if value == 0]
    if zeros:
        about += f" Exactly zero ({some[-1]['name']}): {', '.join(zeros[:NAMED])}."
    yield {
        "kind": "lines", "id": identifier, "title": title, "about": about, "signals": signals,
        "x": axis("layer", "number"), "y": y, "curves": some, "marks": [],
    }  # fmt: skip
