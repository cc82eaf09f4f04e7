"""Weights that begin at random."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.inits import setting_lines
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# Of one number in float32, the spread that is computed is no zero: this share of the number at most.
ROUNDING = 1e-6
CONSTANT = ("constant_", "zeros_", "ones_", "fill_", "zero_", "zeros", "ones", "full")


@fix(title="weights begin at random", mends=("symmetric-init",))
def random_init(program: Program) -> Iterator[Editor]:
    """Draw the weights at random that are all set to one number.

    ## What it changes
    The call that sets or makes them: Glorot and Bengio's uniform distribution in its place.

    ## References
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 8.4: initial parameters must break symmetry.
    """
    editor = program.editor("weights begin at random")
    matrices = [p for p in program.facts("parameters") if len(p.get("shape") or ()) > 1 and _constant(p)]
    for file, line in setting_lines(program, matrices):
        shape = next(tuple(p["shape"]) for p in matrices if int(p.get("init_line") or 0) == line)
        _draw(editor, file, line, shape)
    yield editor


def _constant(parameter: Record) -> bool:
    spread = parameter.get("init_std")
    return spread is not None and float(spread) <= ROUNDING * abs(float(parameter.get("init_mean") or 0.0))


def _draw(editor: Editor, file: SourceFile, line: int, shape: tuple[int, ...]) -> None:
    calls = file.calls(line, *CONSTANT)
    if not calls:
        raise NotApplicable("the line that sets the weights sets no constant")
    call, name = calls[0], called(calls[0])
    if name in ("zeros", "ones", "full"):  # made as a tensor: of Glorot's spread
        spread = (2 / (shape[0] + shape[1])) ** 0.5
        size = [file.code(a.value) for a in call.args if a.keyword is None][: 1 if name == "full" else None]
        editor.replace(file, call, f"{spread:.3g} * torch.randn({', '.join(size)})")
    elif name in ("fill_", "zero_") and isinstance(call.func, cst.Attribute):
        editor.replace(file, call, f"torch.nn.init.xavier_uniform_({file.code(call.func.value)})")
    else:
        module = file.code(call.func).rpartition(".")[0]
        function = f"{module}.xavier_uniform_" if module else "torch.nn.init.xavier_uniform_"
        editor.replace(file, call, f"{function}({file.code(call.args[0].value)})")
        if module:
            return
    editor.require(file, "torch", "import torch")
