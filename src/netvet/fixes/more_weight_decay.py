"""More weight decay."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.decays import DEFAULTS, group_decays, with_decay
from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Entrusted, Program, argument
from netvet.fixes.source import Editor
from netvet.fixes.trainers import held

# Usual where there is none: 5e-4 added to the gradient (He et al. 2016: 1e-4; WideResNet: 5e-4), 0.1 decoupled (GPT-3).
ADDED, DECOUPLED = (5e-4, 5e-3), (0.1, 1.0)


@fix(title="more weight decay", mends=("overfitting", "growing-weights", "noisy-first-layer", "too-few-samples"))
def more_weight_decay(program: Program) -> Iterator[Editor]:
    """Ten times the weight decay, then a hundred times; 5e-4 (decoupled: 0.1) and ten times that where there is none.

    ## What it changes
    `weight_decay` where the optimizers are made.

    ## References
    Krogh and Hertz, "A simple weight decay can improve generalization" (1991); D'Angelo et al., "Why do we need weight
    decay in modern deep learning?" (2024).
    """
    try:
        sites = program.optimizers
    except Entrusted:
        yield from _of_trainer(program)
        return
    bare = [s for s in sites if argument(s.call, "weight_decay") is None and not group_decays(s)]
    if not bare:
        yield with_decay(program, 10.0)
        yield with_decay(program, 100.0)
        return
    for added, decoupled in zip(ADDED, DECOUPLED, strict=True):
        editor = program.editor(f"weight decay {added:g} (decoupled: {decoupled:g})")
        for site in bare:
            value = decoupled if str(site.record.get("cls")) in DEFAULTS else added
            set_argument(editor, site, "weight_decay", f"{value:g}")
        yield editor


def _of_trainer(program: Program) -> Iterator[Editor]:
    """The same where a trainer makes the optimizers: a value ten times what the run saw."""
    records = program.facts("optimizers")
    decays = [float(g.get("weight_decay") or 0) for r in records for g in r.get("groups") or ()]
    decoupled = any(str(r.get("cls")) in DEFAULTS for r in records)
    first = 10 * max(decays, default=0.0) or (DECOUPLED if decoupled else ADDED)[0]
    for value in (first, 10 * first):
        editor = program.editor(f"weight decay {value:g}")
        for one in held(program, "weight_decay"):
            one.set(editor, f"{value:g}")
        yield editor
