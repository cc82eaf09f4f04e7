"""What a recurrent layer gives after the last step."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import within
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable

LAYERS = ("RNN", "LSTM", "GRU")


@fix(title="the output after the last step", mends=("unused-recurrence", "zero-gradient", "ignores-input"))
def last_state(program: Program) -> Iterator[Editor]:
    """Read what a recurrent layer gives after the last step of a sequence, in the place of the first.

    ## What it changes
    `out[:, 0]` becomes `out[:, -1]` where samples come first, `out[0]` becomes `out[-1]` where time does.

    ## Known problems
    Of padded sequences the last step is padding: pack them, or pick the last step of each.

    ## References
    The documentation of `torch.nn.LSTM`, "Outputs".
    """
    editor, found = program.editor("the output after the last step"), False
    for one in program.facts("modules"):
        if one.get("cls") in LAYERS and one.get("called_file"):
            site = program.site(one, prefix="called_")
            for index in _first_steps(site, time_axis(one)):
                editor.replace(site.file, index, "-1")
                found = True
    if not found:
        raise NotApplicable("no output of a recurrent layer is read after its first step")
    yield editor


def time_axis(layer: Record) -> int:
    """Of what a recurrent layer gives for a batch."""
    return 1 if dict(layer.get("settings") or {}).get("batch_first") else 0


def _first_steps(site: Site, axis: int) -> Iterator[cst.BaseExpression]:
    """Each `0` that picks the first step of what the layer gives."""
    names = _outputs(site)
    function = site.file.function(site.call)
    for node in within(function if function is not None else site.file.module):
        if isinstance(node, cst.Subscript) and site.code(node.value) in names and len(node.slice) > axis:
            index = node.slice[axis].slice
            before = [e.slice for e in node.slice[:axis]]
            whole = all(isinstance(e, cst.Slice) and e.lower is None and e.upper is None for e in before)
            if isinstance(index, cst.Index) and site.code(index.value) == "0" and whole:
                yield index.value


def _outputs(site: Site) -> set[str]:
    """How the sequence of outputs is written: a call of the layer gives it first, and the last state second."""
    found = {f"{site.code(site.call)}[0]"}
    for above in site.file.around(site.call, cst.Assign):
        target = above.targets[0].target
        if above.value is site.call and isinstance(target, (cst.Tuple, cst.List)):
            found.add(site.code(target.elements[0].value))
        elif above.value is site.call:
            found.add(f"{site.code(target)}[0]")
        elif isinstance(above.value, cst.Subscript) and site.code(above.value) in found:
            found.add(site.code(target))
    return found
