"""A state that is carried from step to step, without the graph of the steps before."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import assignments, model_call, within
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable


@fix(title="the carried state detached", mends=("retained-graph",))
def detach_hidden(program: Program) -> Iterator[Editor]:
    """Detach the hidden state that a model is given again at the next step.

    ## What it changes
    A line before the call of the model; `retain_graph=True` of backward is dropped.

    ## References
    Williams and Peng, "An efficient gradient-based algorithm for on-line training of recurrent network trajectories"
    (1990): truncated back-propagation through time.
    """
    editor = program.editor("the carried state detached")
    done = False
    for record in program.facts("calls"):
        if record.get("phase") != "train" or not record.get("file"):
            continue
        site, _ = model_call(program, record)
        for name in _carried(site):
            pair = _is_pair(program)
            new = f"tuple(s.detach() for s in {name})" if pair else f"{name}.detach()"
            may_be_none = any(site.code(a.value) == "None" for a in assignments(site.file, site.call, name))
            code = f"if {name} is not None:\n    {name} = {new}\n" if may_be_none else f"{name} = {new}\n"
            editor.insert(site.file, site.call, before=code)
            done = True
    if not done:
        raise NotApplicable("no model is given back what it returned at the step before")
    for backward in program.backwards:
        _drop(editor, backward)
    yield editor


def _is_pair(program: Program) -> bool:
    """An LSTM's state is a pair; that of other recurrent layers a tensor."""
    return any("LSTM" in str(m.get("cls")) for m in program.facts("modules"))


def _carried(site: Site) -> list[str]:
    """Arguments of the call that its result is assigned to again."""
    parent = site.file.parent(site.call)
    if not isinstance(parent, cst.Assign):
        return []
    targets = {site.code(n) for t in parent.targets for n in within(t) if isinstance(n, (cst.Name, cst.Attribute))}
    return [site.code(a.value) for a in site.call.args if site.code(a.value) in targets]


def _drop(editor: Editor, backward: Site) -> None:
    kept = [a for a in backward.call.args if not (a.keyword and a.keyword.value == "retain_graph")]
    if len(kept) < len(backward.call.args):
        editor.change(
            backward.file, backward.call,
            lambda old: old.with_changes(args=kept) if isinstance(old, cst.Call) else old,
        )  # fmt: skip
