"""Where weight decay stands in a program."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.edits import scaled, set_argument
from netvet.fixes.loops import within
from netvet.fixes.program import Entrusted, Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.trainers import held

# Weight decay that PyTorch's optimizers have where none is given.
DEFAULTS = {"AdamW": 0.01, "Muon": 0.1}


def with_decay(program: Program, factor: float) -> Editor:
    """One variant: all weight decay times a number; 0 takes it away.

    Raises:
        NotApplicable: there is none.
    """
    editor = program.editor(f"weight decay times {factor:g}" if factor else "no weight decay")
    try:
        sites = program.optimizers
    except Entrusted:
        _of_trainer(program, editor, factor)
        return editor
    found = False
    for site in sites:
        values = group_decays(site)
        given = argument(site.call, "weight_decay")
        values += [given.value] if given is not None and given.value not in values else []
        for value in values:
            editor.replace(site.file, value, scaled(value, site.code(value), factor) if factor else "0.0")
        default = DEFAULTS.get(str(site.record.get("cls")))
        if not values and default:
            set_argument(editor, site, "weight_decay", f"{default * factor:g}")
        found = found or bool(values or default)
    if not found:
        raise NotApplicable("no optimizer is given weight decay")
    return editor


def _of_trainer(program: Program, editor: Editor, factor: float) -> None:
    """The same where a trainer makes the optimizers."""
    decays = [g.get("weight_decay") for record in program.facts("optimizers") for g in record.get("groups") or ()]
    known = max((float(d) for d in decays if isinstance(d, int | float)), default=0.0)
    if not known:
        raise NotApplicable("the optimizers have no weight decay")
    for one in held(program, "weight_decay"):
        if one.value is not None and factor:
            one.times(editor, factor)
        else:
            one.set(editor, f"{known * factor:g}" if factor else "0.0")


def group_decays(site: Site) -> list[cst.BaseExpression]:
    """The weight decay of parameter groups, written as dicts in the call."""
    return [
        one.value
        for one in within(site.call)
        if isinstance(one, cst.DictElement) and site.code(one.key).strip("'\"") == "weight_decay"
    ]
