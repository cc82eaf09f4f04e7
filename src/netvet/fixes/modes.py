"""Where a model is put into training and evaluation mode."""

from __future__ import annotations

from itertools import pairwise

import libcst as cst

from netvet.fixes.loops import blocks, contains, loops, model_call, within
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

Place = tuple[SourceFile, cst.CSTNode]


def train_first(program: Program, editor: Editor, record: Record) -> None:
    """Put `model.train()` before the loop over batches in which a model is trained.

    Where the loop itself evaluates, or is all there is, it goes into the loop, before the call.
    """
    site, name = model_call(program, record)
    around = loops(site.file, site.call)
    switching = [r for r in program.facts("calls") if r.get("phase") in ("eval", "eval-mode-grad")]
    inside = not around or any(_runs_in(program, site, around[0], r) for r in switching)
    whole = len(around) == 1 and _is_outermost(program, site.file, around[0])
    place: cst.CSTNode = site.call if inside or whole else around[0]
    statement = site.file.statement_of(place)
    if _before(site.file, statement, f"{name}.train()"):
        raise NotApplicable(f"{name}.train() is called there already")
    editor.insert(site.file, statement, before=f"{name}.train()\n")


def eval_around(program: Program, editor: Editor, record: Record) -> None:
    """Put `model.eval()` before an evaluation and `model.train()` behind it.

    Raises:
        NotApplicable: it is the same loop as that of training.
    """
    site, name = model_call(program, record)
    trained = [_site(program, r) for r in program.facts("calls") if r.get("phase") == "train"]
    trained += [_site(program, r) for r in program.facts("backwards")]
    outer: cst.CSTNode = site.file.statement_of(site.call)
    for above in blocks(site.file, site.call):
        if any(t is not None and t.file is site.file and contains(site.file, above, t.call) for t in trained):
            break
        if isinstance(above, (cst.For, cst.While, cst.With)):
            outer = above
    if any(t is not None and t.file is site.file and contains(site.file, outer, t.call) for t in trained):
        raise NotApplicable("training and evaluation call the model on the same line")
    editor.insert(site.file, outer, before=f"{name}.eval()\n")
    leaves = isinstance(outer, cst.SimpleStatementLine) and any(isinstance(o, cst.Return) for o in outer.body)
    if not leaves and not any(isinstance(o, cst.Return) for o in within(outer)):
        editor.insert(site.file, outer, after=f"{name}.train()\n")
        return
    for one in program.facts("calls"):
        if one.get("phase") == "train" and one.get("model") == record.get("model"):
            _train_again(program, editor, one)


def _train_again(program: Program, editor: Editor, record: Record) -> None:
    """Where the function of training does not go into training mode itself, let it."""
    site, _ = model_call(program, record)
    function = site.file.function(site.call)
    for call in site.file.nodes(cst.Call):
        same = called(call) == "train" and site.file.function(call) is function
        if same and (function is not None or loops(site.file, call)):
            return
    train_first(program, editor, record)


def _site(program: Program, record: Record) -> Site | None:
    try:
        return program.site(record)
    except NotApplicable:
        return None


def _is_outermost(program: Program, file: SourceFile, loop: cst.For | cst.While) -> bool:
    try:
        return program.training_loop() == (file, loop)
    except NotApplicable:
        return False


def _runs_in(program: Program, site: Site, loop: cst.CSTNode, record: Record) -> bool:
    """A loop holds the place where the mode was set, or calls the function that does so."""
    try:
        file, line = program.file(record, "mode_")
    except NotApplicable:
        return True
    setting = next(iter(file.calls(line)), None)
    if setting is None:
        return True
    if file is site.file and contains(file, loop, setting):
        return True
    function = file.function(setting)
    inner = [called(c) for c in within(loop) if isinstance(c, cst.Call)]
    return function is not None and function.name.value in inner


def _before(file: SourceFile, statement: cst.CSTNode, code: str) -> bool:
    block = file.parent(statement)
    body: list[cst.CSTNode] = list(block.body) if isinstance(block, (cst.IndentedBlock, cst.Module)) else []
    return any(one is statement and file.code(earlier).strip() == code for earlier, one in pairwise(body))
