"""The layer that ends a model, and another number of outputs for it."""

from __future__ import annotations

from dataclasses import dataclass

from netvet.fixes.edits import set_argument
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable

LINEAR = ("Linear", "LazyLinear")


@dataclass(frozen=True)
class LastLayer:
    """Where it is made, its path in the model, and its number of outputs."""

    site: Site
    name: str
    outputs: int


def last_layer(program: Program) -> LastLayer:
    """The linear layer that the only model calls last.

    Raises:
        NotApplicable: it is not known, or made in a loop or for several layers.
    """
    every = [m for m in program.facts("modules") if m.get("is_leaf") and m.get("order") is not None]
    if len({m.get("model") for m in every}) != 1:
        raise NotApplicable("the program has several models, and which is meant is not known")
    linear = sorted((m for m in every if m.get("cls") in LINEAR), key=lambda m: int(m["order"]))
    outputs = (linear[-1].get("settings") or {}).get("out_features") if linear else None
    if not outputs or any(m.get("cls") == "Bilinear" for m in every):
        raise NotApplicable("the layer that ends the model is not known")
    record = linear[-1]
    site = program.site(record, *LINEAR, prefix="created_")
    made = (record.get("created_file"), record.get("created_line"))
    if sum((m.get("created_file"), m.get("created_line")) == made for m in linear) > 1:
        raise NotApplicable("the line that makes the last layer makes others, too")
    return LastLayer(site, str(record.get("name")), int(outputs))


def with_outputs(editor: Editor, layer: LastLayer, outputs: int) -> None:
    """Another number of outputs."""
    at = 0 if layer.site.code(layer.site.call.func).endswith("LazyLinear") else 1
    if argument(layer.site.call, "out_features", at) is None:
        raise NotApplicable("the number of outputs is not given where the last layer is made")
    set_argument(editor, layer.site, "out_features", str(outputs), at)
