"""A gradient past a rounding."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, expression

# Functions whose derivative is zero wherever it is defined.
ROUNDINGS = ("sign", "round", "floor", "ceil", "trunc", "sgn")


@fix(title="a gradient past the rounding", mends=("zero-gradient", "detached-parameters"))
def straight_through(program: Program) -> Iterator[Editor]:
    """Let the gradient pass a rounding as if it were not there.

    ## What it changes
    `torch.sign(x)` becomes `x + (torch.sign(x) - x).detach()` (`round`, `floor`, `ceil` and `trunc` likewise): the
    value is the same, and its gradient is that of x.

    ## Known problems
    The gradient is not that of the rounded function, and gets worse the farther x is from its rounded value.

    ## References
    Bengio, Léonard and Courville, "Estimating or propagating gradients through stochastic neurons" (2013), section 4.
    """
    site = program.site(program.place, *ROUNDINGS)
    rounded = _rounded(site)
    if not isinstance(rounded, (cst.Name, cst.Attribute)):
        raise NotApplicable("what is rounded has no name, and would be computed twice")
    name, code = site.code(rounded), site.code(site.call)
    inner = f"{name} + ({code} - {name}).detach()"
    parent = site.file.parent(site.call)
    alone = isinstance(parent, (cst.Assign, cst.Arg, cst.Return, cst.AnnAssign))
    editor = program.editor("the gradient passed through the rounding")
    editor.change(site.file, site.call, lambda _: expression(inner if alone else f"({inner})"))
    yield editor


def _rounded(site: Site) -> cst.BaseExpression | None:
    """`x` of `torch.sign(x)` and of `x.sign()`."""
    if site.call.args:
        return site.call.args[0].value if len(site.call.args) == 1 else None
    return site.call.func.value if isinstance(site.call.func, cst.Attribute) else None
