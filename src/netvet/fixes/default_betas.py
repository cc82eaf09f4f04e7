"""Adam with its defaults."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable


@fix(title="Adam's own betas and epsilon", mends=("wrong-momentum", "tiny-updates", "loss-spikes", "huge-updates"))
def default_betas(program: Program) -> Iterator[Editor]:
    """Drop the betas and the epsilon that Adam is given: its defaults are 0.9, 0.999 and 1e-8.

    ## What it changes
    The arguments `betas` and `eps`.

    ## Known problems
    An epsilon of 1e-3 and a second beta of 0.95 are usual for some nets (Inception, language models).

    ## References
    Kingma and Ba, "Adam" (2015), algorithm 1.
    """
    editor = program.editor("betas and epsilon as Adam has them")
    given = [s for s in program.optimizers if argument(s.call, "betas") or argument(s.call, "eps")]
    if not given:
        raise NotApplicable("no optimizer is given betas or eps by name")
    for site in given:
        drop_argument(editor, site, "betas", "eps")
    yield editor
