"""Mean, spread and class shares of the training targets, and the model that they are given to."""

from __future__ import annotations

from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import NotApplicable

# Fewer targets say too little of a mean or a share.
FEWEST = 50


def training_targets(program: Program) -> Record:
    """What the run says of the targets of the only training loss, or of that of the finding.

    Raises:
        NotApplicable: there is none, or there are several.
    """
    found = [t for t in program.facts("targets") if t.get("phase") == "train"]
    where = program.finding.where if program.finding is not None else None
    found = [t for t in found if t.get("site") == where] or found
    if len(found) != 1:
        raise NotApplicable(f"{len(found)} training losses have targets that were seen, and one is meant")
    if (found[0].get("samples") or 0) < FEWEST:
        raise NotApplicable(f"only {found[0].get('samples') or 0} targets were seen")
    return found[0]


def only_model(program: Program) -> tuple[str, Site]:
    """As it is written where its optimizer is made, and that place.

    Raises:
        NotApplicable: there are several.
    """
    if len(program.models) != 1 or len(program.optimizers) != 1:
        raise NotApplicable("the program has several models, and which is meant is not known")
    return program.models[0]


def share_counts(program: Program, site: object) -> list[float]:
    """Targets per class, of the losses at a site; empty where classes were not counted."""
    for name in ("targets", "losses"):
        for one in program.facts(name):
            counts = one.get("counts")
            if one.get("site") == site and one.get("phase") == "train" and counts and sum(counts) >= FEWEST:
                return [float(c or 0) for c in counts]
    return []
