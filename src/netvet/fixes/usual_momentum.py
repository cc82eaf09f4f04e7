"""Momentum at its usual value."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Entrusted, Program, Record
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.trainers import held

# What practice and the defaults of Adam agree on: Sutskever et al. (2013) and Kingma and Ba (2015).
MOMENTUM, BETAS = "0.9", "(0.9, 0.999)"
# Position of the argument behind the parameters, by class.
POSITIONS = {"SGD": 2, "RMSprop": 5}


@fix(
    title="the usual momentum",
    mends=("wrong-momentum", "loss-spikes", "loss-diverges", "noisy-loss", "lr-too-low", "loss-flat", "lr-too-high"),
)
def usual_momentum(program: Program) -> Iterator[Editor]:
    """Momentum 0.9; of Adam and its kin, betas of 0.9 and 0.999.

    ## What it changes
    The argument where the optimizer is made.

    ## Known problems
    More momentum makes every step larger, by 1 / (1 - momentum): the rate may need to be lower.

    ## References
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning" (2013).
    """
    editor = program.editor(f"momentum {MOMENTUM}")
    try:
        sites = program.optimizers
    except Entrusted:
        _of_trainer(program, editor)
        sites = []
    for site in sites:
        kind = str(site.record.get("cls"))
        group: Record = next(iter(site.record.get("groups") or ()), {})
        if kind in POSITIONS and group.get("momentum") != float(MOMENTUM):
            set_argument(editor, site, "momentum", MOMENTUM, POSITIONS[kind])
        elif "adam" in kind.lower() and list(group.get("betas") or ()) != [0.9, 0.999]:
            set_argument(editor, site, "betas", BETAS, 2)
        else:
            raise NotApplicable(f"the momentum of {kind} is the usual one")
    yield editor


def _of_trainer(program: Program, editor: Editor) -> None:
    """The same where a trainer makes SGD."""
    for record in program.facts("optimizers"):
        group: Record = next(iter(record.get("groups") or ()), {})
        if record.get("cls") not in POSITIONS or group.get("momentum") == float(MOMENTUM):
            raise NotApplicable(f"the momentum of {record.get('cls')} is the usual one")
    for one in held(program, "momentum"):
        one.set(editor, MOMENTUM)
