"""The weights of the best evaluation kept."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.figures import Figure, Kind, figure
from netvet.fixes.fix import fix
from netvet.fixes.loops import Loop, blocks, classes_of, contains, loops, model_names, siblings, visible
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, Statement, called, inside, root_name

# Evaluations without a gain: a tenth of the run and five at least, the longest strip of Prechelt's UP criteria; of a
# run with few of them, two.
SHARE, LEAST, FEW = 10, 5, 2
LINES = 20  # of an evaluation that is written twice; a longer one is not


@fix(title="early stopping with the best weights kept", mends=("overfitting",))
def early_stopping(program: Program) -> Iterator[Editor]:
    """Stop where the figure of the evaluations gains nothing any more, and go back to the weights of its best.

    ## What it changes
    The loop of training, behind its evaluation: the lowest loss (in the second variant the highest accuracy) and a copy
    of the weights are kept, and `break` ends the loop after some evaluations without a gain. Behind the loop the
    weights are loaded; they are evaluated once more, by the same call or the same lines.

    ## Known problems
    The figure has been chosen on the samples that it is taken of: it is a little too good. Where the evaluation is
    long and written in the loop itself, the last one that is printed is not that of the kept weights.

    ## References
    Prechelt, "Early stopping - but when?" (1998).
    """
    found, reason = [], ""
    kinds: tuple[Kind, ...] = ("loss", "accuracy")
    for kind in kinds:
        try:
            found.append(figure(program, kind))
        except NotApplicable as error:
            reason = reason or str(error)
    if not found:
        raise NotApplicable(reason)
    for one in found:
        yield _stopping(program, one)


def _stopping(program: Program, found: Figure) -> Editor:
    file, loop = program.training_loop()
    last = _block_end(file, loop, found.made)
    if loop.orelse is not None or (isinstance(last, (cst.For, cst.While)) and contains(file, last, found.made)):
        raise NotApplicable("the loop of training cannot be left where the evaluation ends")
    model, patience = _model(program, file, loop), _patience(program)
    taken = visible(file, loop.body)
    best, state, waited = (_free(n, taken) for n in (f"best_{found.kind}", "best_state", "waited"))
    lower = found.kind == "loss"
    editor = program.editor(f"early stopping by {found.name}, best weights kept")
    copied = f"{state} = copy.deepcopy({model}.state_dict())\n"
    worst = '"inf"' if lower else '"-inf"'
    editor.insert(file, loop, before=f"{best}, {waited} = float({worst}), 0\n{copied}")
    editor.insert(file, last, after=(
        f"if {found.name} {'<' if lower else '>'} {best}:\n    {best}, {waited} = {found.name}, 0\n    {copied}"
        f"else:\n    {waited} += 1\n    if {waited} == {patience}:\n        break\n"
    ))  # fmt: skip
    editor.insert(
        file,
        loop,
        after=f"{model}.load_state_dict({state})\n{_again(program, file, loop, found, siblings(file, last))}",
    )
    editor.require(file, "copy", "import copy")
    return editor


def _patience(program: Program) -> int:
    passes = len({(r.get("step"), r.get("line")) for r in program.facts("evaluations")})
    return max(LEAST, passes // SHARE) if passes >= 4 * LEAST else FEW


def _block_end(file: SourceFile, loop: Loop, node: cst.CSTNode) -> Statement:
    """The last statement of the block in which a figure is known, inside the loop and no other."""
    around = loops(file, node)
    if not any(one is loop for one in around):
        raise NotApplicable("the evaluation does not stand in the loop of training")
    inner: cst.CSTNode = node
    if around[0] is not loop:  # added up batch by batch: known behind that loop
        if len(around) < 2 or around[1] is not loop:
            raise NotApplicable("the evaluation stands in a loop within the loop of training")
        inner = around[0]
    for above in blocks(file, inner):
        if isinstance(above, cst.With):
            inner = above
        if isinstance(above, cst.Try):
            raise NotApplicable("the evaluation stands in a try")
        if above is loop:
            break
    last = siblings(file, inner)[-1]
    if isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[0], (cst.Break, cst.Continue, cst.Return)):
        raise NotApplicable("the block of the evaluation leaves the loop itself")
    return last


def _model(program: Program, file: SourceFile, loop: Loop) -> str:
    """The model as it is written where the loop stands."""
    seen = visible(file, loop)
    here = [
        name for name, site in program.models if site.file is file and root_name(cst.parse_expression(name)) in seen
    ]
    if not here:
        kinds = {str(r.get("model")).partition("#")[0] for r in program.facts("evaluations")}
        known = model_names(file, kinds)
        here = [name for name in known if name in seen and (classes_of(file).get(name, kinds) & kinds)]
    if len(here) != 1:
        raise NotApplicable("the name of the model is not known where the loop of training stands")
    return here[0]


def _again(program: Program, file: SourceFile, loop: Loop, found: Figure, taken: list[Statement]) -> str:
    """The evaluation of the kept weights, where no other follows the loop."""
    shown = f'print("best weights:", {found.name})\n'
    if found.call is not None:
        statements = siblings(file, loop)
        behind = statements[next(i for i, s in enumerate(statements) if s is loop) + 1 :]
        if any(called(c) == called(found.call) for s in behind for c in inside(s, cst.Call)):
            return ""
        return f"{file.code(found.made).strip()}\n{shown}"
    lines = textwrap.dedent("".join(file.code(s).lstrip("\n") for s in _evaluation(program, file, found, taken)))
    return f"{lines}{shown}" if 0 < lines.count("\n") <= LINES else ""


def _evaluation(program: Program, file: SourceFile, found: Figure, block: list[Statement]) -> list[Statement]:
    """The statements of a block that evaluate: behind training, up to the figure; none where they do more than that."""
    last = next(i for i, s in enumerate(block) if contains(file, s, found.made))
    trains = [
        i for i, s in enumerate(block) if any(b.file is file and contains(file, s, b.call) for b in program.backwards)
    ]
    first = max(trains, default=-1) + 1
    taken = block[first : last + 1]
    calls = {called(c) for s in taken for c in inside(s, cst.Call)}
    return [] if last < first or calls & {"step", "train", "save", "print", "backward", "append"} else taken


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"kept_{name}"
    return name
