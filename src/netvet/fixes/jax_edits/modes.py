"""Training and evaluation mode: `train()` and `eval()` of NNX, `inference_mode` of Equinox, a flag of linen."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.jax_edits.places import training
from netvet.fixes.loops import contains
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside

# Flags of linen's modules and of programs: what they say in evaluation.
FLAGS = {
    "train": "False", "training": "False", "is_training": "False", "deterministic": "True",
    "use_running_average": "True", "inference": "True", "eval_mode": "True",
}  # fmt: skip


def call_eval(program: Program) -> Iterator[Editor]:
    """`model.eval()` before the evaluation and `model.train()` before the training; `inference_mode` of Equinox."""
    file, line = _place(program)
    function = file.function(file.statement(line))
    site = _evaluating(program, file, line, function)
    given = training(program)
    editor = program.editor("evaluation mode while the model is evaluated")
    if "equinox" in file.text:
        name = _model(site, given.state)
        eqx = "eqx" if "eqx" in file.imported else "equinox"
        editor.replace(site.file, name, f"{eqx}.nn.inference_mode({{}})")
    elif "nnx" in file.imported:
        name = _model(site, given.state)
        _before(editor, site, given.site, f"{name.value}.eval()\n")
        _before(editor, given.site, site, f"{_model(given.site, given.state).value}.train()\n")
    else:
        raise NotApplicable("the mode is an argument of the net: see pass-training")
    yield editor


def _place(program: Program) -> tuple[SourceFile, int]:
    """Where the net is called for an evaluation in training mode.

    Raises:
        NotApplicable: it is not.
    """
    for one in program.facts("calls"):
        if one.get("phase") == "train-mode-no-grad" and one.get("file"):
            return program.file(one)
    raise NotApplicable("no model is evaluated in training mode")


def _evaluating(program: Program, file: SourceFile, line: int, function: cst.FunctionDef | None) -> Site:
    """The call, where the training runs, that evaluates: of the function that calls the net, or of the net."""
    trained = training(program).site
    around = file.function(trained.call)
    for _ in range(4):
        if function is None or function is around:
            break
        calls = [c for c in file.nodes(cst.Call) if called(c) == function.name.value]
        calls = [c for c in calls if c is not trained.call and file.function(c) is not function]
        if len(calls) != 1:
            raise NotApplicable(f"{function.name.value} is called in {len(calls)} places")
        line, function = file.line(calls[0]), file.function(calls[0])
        if function is around:
            return Site(file, calls[0], {})
    found = file.calls(line)
    if not found:
        raise NotApplicable("the call that evaluates is not known")
    return Site(file, found[-1], {})


def _model(site: Site, state: frozenset[str]) -> cst.Name:
    """The model that a call is given, or that is called.

    Raises:
        NotApplicable: it has no name there.
    """
    words = [n for n in inside(site.call, cst.Name) if n.value in state]
    named = [n for n in words if "model" in n.value.lower() or "net" in n.value.lower()] or words
    if not named:
        raise NotApplicable("the model has no name where it is evaluated")
    return named[0]


def _before(editor: Editor, site: Site, other: Site, code: str) -> None:
    """A line before a call, or before the loops around it that the other call is not in."""
    outer: cst.CSTNode = site.file.statement_of(site.call)
    for above in site.file.around(site.call, cst.For, cst.While):
        if contains(site.file, above, other.call):
            break
        outer = above
    editor.insert(site.file, outer, before=code)


def pass_training(program: Program) -> Iterator[Editor]:
    """The flag that the net is given in the evaluation: `train=False`, `deterministic=True`."""
    file, line = _place(program)
    editor, found = program.editor("the net told that it is evaluated"), False
    for call in file.calls(line):
        for name, value in FLAGS.items():
            given = argument(call, name)
            if given is not None and file.code(given.value) in ("True", "False") and file.code(given.value) != value:
                editor.replace(file, given.value, value)
                found = True
    if not found:
        raise NotApplicable("no flag of training stands where the net is evaluated")
    yield editor
