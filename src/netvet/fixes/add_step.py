"""The missing step of an optimizer."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import optimizer_name, siblings
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, called


@fix(title="a step of the optimizer after backward", mends=("missing-step",))
def add_step(program: Program) -> Iterator[Editor]:
    """Call `step()` of the optimizer that never stepped.

    ## What it changes
    A line behind `loss.backward()`, behind the clipping where there is one; the parentheses of `optimizer.step`; of
    two equal calls of one optimizer's step, the second becomes that of the other.

    ## Known problems
    Gradients that are meant to be accumulated over several batches need the step behind the last of them only.

    ## References
    The documentation of `torch.optim`, "Taking an optimization step".
    """
    idle = [o for o in program.facts("optimizers") if not o.get("steps")]
    if not idle:
        raise NotApplicable("every optimizer steps")
    editor = program.editor("a step of the optimizer after backward")
    for record in idle:
        _step(program, editor, record)
    yield editor


def _step(program: Program, editor: Editor, record: Record) -> None:
    for one in program.facts("backwards"):
        if one.get("uncalled_file"):
            _call(program, editor, one)
            return
    backward = program.backwards[-1]
    name = optimizer_name(program, record, backward.file, backward.call)
    if _repeated(editor, backward, name):
        return
    scaler = _scaler(backward)
    code = f"{scaler}.step({name})\n{scaler}.update()\n" if scaler else f"{name}.step()\n"
    last: cst.CSTNode = backward.call
    behind = False
    for statement in siblings(backward.file, backward.call):
        behind = behind or statement is backward.file.statement_of(backward.call)
        if behind and ("clip_grad" in backward.code(statement) or ".step(" in backward.code(statement)):
            last = statement if isinstance(statement, cst.SimpleStatementLine) else last
    editor.insert(backward.file, last, after=code)


def _call(program: Program, editor: Editor, record: Record) -> None:
    file, line = program.file(record, "uncalled_")
    for name in file.at(line, cst.Attribute):
        parent = file.parent(name)
        if name.attr.value == "step" and not (isinstance(parent, cst.Call) and parent.func is name):
            editor.replace(file, name, "{}()")
            return
    raise NotApplicable("step is not named where the run says")


def _repeated(editor: Editor, backward: Site, name: str) -> bool:
    """Two statements beside each other step the same optimizer: the second was meant for this one."""
    seen: set[str] = set()
    for statement in siblings(backward.file, backward.call):
        one = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        call = one.value if isinstance(one, cst.Expr) else None
        if not isinstance(call, cst.Call) or called(call) != "step" or call.args:
            continue
        code = backward.code(call)
        if code in seen:
            editor.replace(backward.file, call, f"{name}.step()")
            return True
        seen.add(code)
    return False


def _scaler(backward: Site) -> str:
    func = backward.call.func
    scaled = func.value if isinstance(func, cst.Attribute) else None
    if isinstance(scaled, cst.Call) and called(scaled) == "scale" and isinstance(scaled.func, cst.Attribute):
        return backward.code(scaled.func.value)
    return ""
