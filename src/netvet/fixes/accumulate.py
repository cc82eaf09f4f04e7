"""Gradients gathered over several batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import alone, divide_loss, events, guards, loops, siblings, visible
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, Statement, called

TIMES = (4, 16)  # as of larger batches: the noise of the gradient falls by the root
# What belongs to a step of the optimizer, and is made as often.
OF_A_STEP = ("clip", "unscale", "step", "scaler_step", "scaler_update", "zero_grad")


@fix(title="gradients accumulated", mends=("too-small-batch", "noisy-gradient", "noisy-loss"), cost="time")
def accumulate(program: Program) -> Iterator[Editor]:
    """Add up the gradients of four batches, then of sixteen, for each step: larger batches without more memory.

    ## What it changes
    The loss is divided by the number of batches where `backward` is called; the step, its clipping and `zero_grad` are
    made behind every fourth batch, and behind the last one of a loader.

    ## Known problems
    The run makes fewer steps. Batch norm still sees one small batch at a time. A last group of fewer batches counts
    less.

    ## References
    Hermans, Spanakis and Moeckel, "Accumulated gradient normalization" (2017); PyTorch, "CUDA Automatic Mixed Precision
    examples": gradient accumulation.
    """
    backward, block = _backward(program)
    group = _group(program, backward, block)
    zeroing = _zeroing(program, backward, block)
    for times in TIMES:
        editor = program.editor(f"gradients of {times} batches added up for a step")
        divide_loss(editor, backward, str(times))
        last = _last_of_group(editor, program, backward, times)
        made = [backward.code(s).strip("\n") for s in group]
        if not any(s is backward.file.statement_of(zeroing.call) for s in group):
            made.append(backward.code(alone(backward.file, zeroing.call)))
            editor.remove(backward.file, zeroing.call)
        lines = [line.strip() for code in made for line in code.splitlines() if line.strip()]
        for one in group[1:]:
            editor.remove(backward.file, one)
        body = "".join(f"    {line}\n" for line in lines)
        guarded = cst.parse_statement(f"if {last}:\n{body}")
        editor.change(backward.file, group[0], lambda _, new=guarded: new)  # type: ignore[misc]
        yield editor


def _backward(program: Program) -> tuple[Site, list[Statement]]:
    """The only call of backward, and its block."""
    program.optimizer  # noqa: B018 - one only
    if any((r.get("micro_batches") or 1) > 1 for r in program.facts("accumulation")):
        raise NotApplicable("gradients are accumulated already")
    if any(r.get("per") == "batch" for r in program.facts("schedulers")):
        raise NotApplicable("the schedule counts steps, of which there would be fewer")
    if len(program.backwards) != 1:
        raise NotApplicable("backward is called at several places")
    backward = program.backwards[0]
    if any(r.get("per_step") not in (None, 1, 1.0) for r in program.facts("backwards")):
        raise NotApplicable("each step has several backward passes already")
    alone(backward.file, backward.call)
    return backward, siblings(backward.file, backward.call)


def _group(program: Program, backward: Site, block: list[Statement]) -> list[Statement]:
    """The statements behind backward that make a step."""
    lines = {int(e["line"]) for e in program.facts("events") if e.get("kind") in OF_A_STEP and e.get("line")}
    lines |= {step.file.line(step.call) for step in program.steps}
    file = backward.file
    start = next(i for i, s in enumerate(block) if s is file.statement_of(backward.call))
    stepping = [file.statement_of(s.call) for s in program.steps if s.file is file]
    found: list[Statement] = []
    for one in block[start + 1 :]:
        if not isinstance(one, cst.SimpleStatementLine) or len(one.body) != 1 or file.line(one) not in lines:
            break
        found.append(one)
    if not any(one is step for one in found for step in stepping):
        raise NotApplicable("the step does not follow backward directly")
    if any(line.comment is not None for one in found[1:] for line in one.leading_lines):
        raise NotApplicable("comments stand between backward and the step")
    return found


def _zeroing(program: Program, backward: Site, block: list[Statement]) -> Site:
    """Where gradients are cleared, in the block of backward."""
    found = [s for s in events(program, "zero_grad") if called(s.call) == "zero_grad"]
    if len(found) != 1 or found[0].file is not backward.file:
        raise NotApplicable("the line that clears the gradients is not known")
    statement = alone(found[0].file, found[0].call)
    if not any(statement is one for one in block) or guards(
        backward.file, backward.call, loops(backward.file, backward.call)[0]
    ):
        raise NotApplicable("gradients are cleared elsewhere than in the loop over batches")
    return found[0]


def _last_of_group(editor: Editor, program: Program, backward: Site, times: int) -> str:
    """The condition of a step; the loop gets a counter where it has none."""
    file = backward.file
    around = loops(file, backward.call)
    loop = around[0] if around else None
    if not isinstance(loop, cst.For):
        raise NotApplicable("the loop over batches is no for loop")
    source = loop.iter
    if isinstance(source, cst.Call) and called(source) in ("range", "trange") and isinstance(loop.target, cst.Name):
        plain = [a.value for a in source.args if a.keyword is None]
        start = file.code(plain[0]) if len(plain) > 1 else "0"
        if len(plain) > 2 or start not in ("0", "1"):
            raise NotApplicable("the loop over batches does not count by one")
        return f"{_plus(loop.target.value, start)} % {times} == 0"
    enumerated = isinstance(source, cst.Call) and called(source) == "enumerate" and isinstance(loop.target, cst.Tuple)
    if enumerated:
        assert isinstance(source, cst.Call)
        assert isinstance(loop.target, cst.Tuple)
        given = argument(source, "start", 1)
        start, counter = file.code(given.value) if given is not None else "0", file.code(loop.target.elements[0].value)
        batches = source.args[0].value
        if start not in ("0", "1"):
            raise NotApplicable("the loop over batches does not count from 0 or 1")
    else:
        start, counter, batches = "1", _free("batch", visible(file, backward.call)), source
        target = file.code(loop.target)
        target = f"({target})" if isinstance(loop.target, cst.Tuple) and not loop.target.lpar else target
        wanted = cst.ensure_type(cst.parse_expression(f"({counter}, {target})"), cst.Tuple)
        editor.change(file, loop.target, lambda _: wanted.with_changes(lpar=[], rpar=[]))
        editor.replace(file, source, "enumerate({}, start=1)")
    count = _plus(counter, start)
    end = (
        f" or {count if start == '1' else count[1:-1]} == len({file.code(batches)})"
        if _sized(program, loop, batches, file)
        else ""
    )
    return f"{count} % {times} == 0{end}"


def _plus(counter: str, start: str) -> str:
    return counter if start == "1" else f"({counter} + 1)"


def _sized(program: Program, loop: cst.For, batches: cst.BaseExpression, file: SourceFile) -> bool:
    """The batches are those of a loader whose length is known."""
    records: Sequence[object] = [
        r
        for r in program.facts("loaders")
        if r.get("line") == file.line(loop) and r.get("batches") and not r.get("iterable")
    ]
    return bool(records) and isinstance(batches, (cst.Name, cst.Attribute))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_number"
    return name
