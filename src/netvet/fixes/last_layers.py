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
    """The last linear layer of the only model, as its probe or the order of its parameters says.

    Raises:
        NotApplicable: it is not known, or made in a loop or for several layers.
    """
    weights = [p for p in program.facts("parameters") if len(p.get("shape") or ()) == 2]
    if len({p.get("model") for p in weights}) > 1:
        raise NotApplicable("the program has several models, and which is meant is not known")
    named = {str(r.get("layer")) for r in program.facts("final_bias") if r.get("layer")}
    chosen = [p for p in weights if p.get("layer") in named] or weights[-1:]
    if not chosen or chosen[0].get("layer_type") not in LINEAR:
        raise NotApplicable("the layer that ends the model is not known")
    record = chosen[0]
    site = program.site(record, *LINEAR, prefix="created_")
    made = (record.get("created_file"), record.get("created_line"))
    if sum((p.get("created_file"), p.get("created_line")) == made for p in weights) > 1:
        raise NotApplicable("the line that makes the last layer makes others, too")
    return LastLayer(site, str(record.get("layer")), int(record["shape"][0]))


def with_outputs(editor: Editor, layer: LastLayer, outputs: int) -> None:
    """Another number of outputs."""
    at = 0 if layer.site.code(layer.site.call.func).endswith("LazyLinear") else 1
    if argument(layer.site.call, "out_features", at) is None:
        raise NotApplicable("the number of outputs is not given where the last layer is made")
    set_argument(editor, layer.site, "out_features", str(outputs), at)
