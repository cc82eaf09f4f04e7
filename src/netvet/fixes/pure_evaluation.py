"""The model as it was before each evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import blocks, contains, model_call, visible, within
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called


@fix(
    title="the model as it was after each evaluation",
    mends=("evaluation-changes-state",),
    cost="memory",
)
def pure_evaluation(program: Program) -> Iterator[Editor]:
    """Keep weights and buffers before each evaluation, and put them back behind it.

    ## What it changes
    Two lines around the evaluation, or the call of the function that evaluates, in the loop that trains.

    ## Known problems
    Why the evaluation changes the model is not mended: that it swaps in averaged weights, or takes in statistics of the
    batches that it scores. A mode that it leaves behind is for `call-train`.

    ## References
    The documentation of `torch.nn.Module.load_state_dict`.
    """
    changing = [r for r in program.facts("evaluations") if r.get("parameters_changed") or r.get("buffers_changed")]
    if not changing:
        raise NotApplicable("no evaluation changes weights or buffers")
    evaluating, _ = model_call(program, changing[0])
    training, name = _trained(program)
    statement = _statement(evaluating, training)
    if any(isinstance(node, (cst.Return, cst.Break, cst.Continue)) for node in within(statement)):
        raise NotApplicable("the evaluation leaves the loop, so that nothing can be put back behind it")
    editor = program.editor("weights and buffers put back after each evaluation")
    kept = "before_evaluation"
    while kept in visible(training.file, training.call):
        kept = f"_{kept}"
    editor.require(training.file, "copy", "import copy")
    editor.insert(
        training.file, statement, before=f"{kept} = copy.deepcopy({name}.state_dict())\n",
        after=f"{name}.load_state_dict({kept})\n",
    )  # fmt: skip
    yield editor


def _trained(program: Program) -> tuple[Site, str]:
    """Where the model is called in training, and how it is written there."""
    for record in program.facts("calls"):
        if record.get("phase") == "train":
            return model_call(program, record)
    raise NotApplicable("no call of a model in training stands in a file of the program")


def _statement(evaluating: Site, training: Site) -> cst.CSTNode:
    """The statement beside the training, in its outermost loop, that evaluates."""
    file, function = training.file, evaluating.file.function(evaluating.call)
    calls = [evaluating.call] if evaluating.file is file else []
    if function is not None and function is not file.function(training.call):
        calls = [c for c in file.nodes(cst.Call) if called(c) == function.name.value]
    for call in calls:
        if file.function(call) is file.function(training.call):
            return _outermost(file, call, training.call)
    raise NotApplicable("the evaluation is not called where the model is trained")


def _outermost(file: SourceFile, call: cst.Call, beside: cst.Call) -> cst.CSTNode:
    """The largest statement around a call that does not hold another one."""
    found: cst.CSTNode = file.statement_of(call)
    if contains(file, found, beside):
        raise NotApplicable("training and evaluation share a line")
    for around in blocks(file, call):
        if contains(file, around, beside):
            break
        if isinstance(around, (cst.For, cst.While, cst.With)):
            found = around
    return found
