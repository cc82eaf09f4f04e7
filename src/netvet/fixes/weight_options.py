"""Options of losses that weigh classes or samples."""

from __future__ import annotations

from netvet.fixes.loss_calls import LossCall, beside, holders, loss_at
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import NotApplicable

WEIGHED = ("cross_entropy", "nll_loss", "binary_cross_entropy_with_logits")
# Where the option stands if it is given without its name: of the class, and of the function.
POSITIONS = {"weight": (0, 2), "pos_weight": (4, 6)}


def weighed(program: Program) -> LossCall:
    """The loss of the finding.

    Raises:
        NotApplicable: it cannot weigh classes.
    """
    return loss_at(program, *WEIGHED)


def given_weights(program: Program, call: LossCall, name: str) -> list[Site]:
    """Where the loss is given its weights.

    Raises:
        NotApplicable: nowhere by name.
    """
    found = [s for s in holders(beside(program, call)) if position(s, name, call) is not None]
    if not found:
        raise NotApplicable(f"{name} is not given where the loss is made")
    return found


def position(site: Site, name: str, call: LossCall) -> int | None:
    """At which position this option is given; None where it is not."""
    at = POSITIONS[name][0 if call.made is not None else 1]
    return at if argument(site.call, name, at) is not None else None


def device(program: Program) -> str:
    """The argument that puts a tensor where the model is; empty on a CPU."""
    kinds = {str(r.get("device")) for r in program.facts("environment")} - {"None", "cpu"}
    return f', device="{sorted(kinds)[0]}"' if kinds else ""
