"""Schedules of the learning rate: where they are made and stepped, and how long they are to last."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.loops import Loop, alone, guarded, guards, loops, names, target_of, visible
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

Made = tuple[Site, Record]


def made(program: Program, needed: bool = True) -> list[Made]:
    """Where schedules are made, in files of the program.

    Raises:
        NotApplicable: there is none, and one is needed.
    """
    found: list[Made] = []
    for record in program.facts("schedulers"):
        site = program.site(record, str(record.get("cls")))
        if all(site.call is not one.call for one, _ in found):
            found.append((site, record))
    if needed and not found:
        raise NotApplicable("no schedule is made in a file of the program")
    return found


def length(program: Program, site: Site, record: Record) -> str:
    """How often a schedule is stepped in the whole run: as the script says it, else as it was seen.

    Raises:
        NotApplicable: it is not stepped.
    """
    seen = int(record.get("steps") or 0)
    epochs = _epochs(program, site)
    if record.get("per") == "epoch" and epochs:
        return epochs
    if not seen:
        raise NotApplicable("how often the schedule is stepped is not known")
    return str(seen)


def _epochs(program: Program, site: Site) -> str:
    """What the loop over epochs goes up to, if that can be read where the schedule is made."""
    try:
        file, loop = program.training_loop()
    except NotApplicable:
        return ""
    stop = range_stop(loop)
    known = file is site.file and (file.function(loop) is file.function(site.call))
    if stop is None or not known or not names(stop) <= visible(file, site.call):
        return ""
    return file.code(stop) if isinstance(stop, (cst.Name, cst.Attribute, cst.Integer, cst.Subscript)) else ""


def range_stop(loop: Loop | cst.CompFor) -> cst.BaseExpression | None:
    """`n` of `for i in range(n)`, and of `range(0, n)`; inside `tqdm(...)` and `enumerate(...)` too."""
    one = None if isinstance(loop, cst.While) else loop.iter
    while isinstance(one, cst.Call) and called(one) in ("tqdm", "trange", "enumerate", "track") and one.args:
        if called(one) == "trange":
            break
        one = one.args[0].value
    if not isinstance(one, cst.Call) or called(one) not in ("range", "trange"):
        return None
    plain = [a for a in one.args if a.keyword is None]
    if not plain or len(plain) > 2:
        return None
    return plain[-1].value


def stepping(program: Program, record: Record) -> Site:
    """Where a schedule is stepped, as a statement of its own.

    Raises:
        NotApplicable: it never is, or in a longer statement.
    """
    if not record.get("step_file"):
        raise NotApplicable("the schedule is never stepped")
    site = program.site(record, "step", prefix="step_")
    alone(site.file, site.call)
    return site


def behind_loop(editor: Editor, file: SourceFile, call: cst.CSTNode, loop: Loop) -> None:
    """Move the statement of a call behind a loop that it stands in, under the conditions that still hold there."""
    code = file.code(alone(file, call)).strip() + "\n"
    conditions = guards(file, call, loop)
    editor.remove(file, call)
    editor.insert(file, loop, after=guarded(conditions, code))


def batch_loop(program: Program, file: SourceFile, call: cst.CSTNode) -> Loop:
    """The loop over the batches of one epoch around a call.

    Raises:
        NotApplicable: there is no loop over epochs around it, as far as can be seen.
    """
    around = loops(file, call)
    if not around:
        raise NotApplicable("it stands in no loop")
    inner = around[0]
    loaded = [r for r in program.facts("loaders") if (r.get("epochs") or 0) > 1 and r.get("line") == file.line(inner)]
    outermost = program.training_loop()
    if len(around) == 1 and not loaded and outermost == (file, inner):
        raise NotApplicable("the loop has no epochs")
    return inner


def name(site: Site) -> str:
    """What a schedule is assigned to.

    Raises:
        NotApplicable: to nothing.
    """
    found = target_of(site)
    if not found:
        raise NotApplicable("the schedule has no name")
    return found
