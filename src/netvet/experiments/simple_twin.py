"""Whether a plain network learns the data, where the program's own does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netvet.experiments import paired
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.trial import Result

STEPS = 150
# One hidden layer, then two.
TWINS = ({"layers": 1, "hidden": 64}, {"layers": 2, "hidden": 128})
SAFE = {"name": "Adam", "lr": 1e-3}
# What scores (or losses, as a share) must differ by.
MATTERS = 0.02


def _measured(results: Sequence[Result]) -> list[float] | None:
    """More is better: the scores on validation data, or the losses with a minus."""
    scored = [r.val for r in results]
    if any(s is None for s in scored):
        return None
    found = [s.score for s in scored if s is not None]
    return [-s.loss for s in scored if s is not None] if None in found else [s for s in found if s is not None]


def _learns(seeing: Sequence[Result], blind: Sequence[Result]) -> tuple[str, dict[str, Any]]:
    """`better`, `worse`, `no difference` or `undecided`: with inputs against without."""
    one, two = _measured(seeing), _measured(blind)
    found = paired.compare(one, two) if one is not None and two is not None and len(one) == len(two) else None
    if found is None or one is None or two is None:
        return "undecided", {}
    scale = 1.0 if any(r.val is not None and r.val.score is not None for r in seeing) else abs(sum(two) / len(two))
    verdict = found.verdict(less_is_better=False, matters=MATTERS * max(scale, 1e-12))
    return verdict, {"with_inputs": one, "without": two, **found.record()}


@experiment(stage="overfit", title="a plain network beside the program's own", seconds=20, gate=False)
def simple_twin(lab: Lab) -> Outcome:
    """Train a plain network with one or two hidden layers on the same batches, and see which of the two learns.

    ## Why it matters
    If the plain network learns and the program's own does not, the architecture (or what it does to the inputs) is at
    fault. If neither learns, look at the data and the labels first: no architecture mends them.

    ## How it is done
    The twin is made of the shapes of inputs and outputs, with the program's loss and Adam at 1e-3. Whether a network
    learns is told by a comparison with the same network whose inputs are zero: on validation data, paired over seeds.
    The program's own is tried with its optimizer, then with Adam at 1e-3.

    ## Known problems
    Both have few steps: a deep network may start more slowly than a plain one. The outcome is a hint and closes no
    gate. Networks with several inputs or outputs, graphs and sparse inputs are left out.

    ## References
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), 11.5 "Debugging strategies".
    """
    steps = lab.steps(STEPS, 6 * len(lab.seeds), least=30)
    blind = {"zeroed-inputs": True}
    arms = lab.twins(steps, blind=blind)
    failed = next((r for results in arms.values() for r in results if r.ended == "failed"), None)
    if failed is not None:
        return Outcome("not assessed", f"a copy of the model could not be trained: {failed.error}")
    own, own_record = _learns(arms["plain"], arms["blind"])
    if own != "better":
        safe = {"optimizer": SAFE, "constant-lr": True}
        arms |= lab.twins(steps, plain=safe, blind={**blind, **safe})
        own, own_record = _learns(arms["plain"], arms["blind"])
    twin, twin_record, error = "undecided", dict[str, Any](), None
    for form in TWINS:
        made = lab.twins(steps, plain={"twin-instead": form}, blind={**blind, "twin-instead": form})
        error = next((r.error for results in made.values() for r in results if r.ended == "failed"), None)
        if error is not None:
            return Outcome("not assessed", f"no plain network could be trained: {error}")
        twin, twin_record = _learns(made["plain"], made["blind"])
        if twin == "better":
            break
    return _outcome(own, twin, {"own": own_record, "twin": twin_record, "steps": steps})


def _outcome(own: str, twin: str, evidence: dict[str, Any]) -> Outcome:
    steps = evidence["steps"]
    if own == "better":
        other = "a plain one learns too" if twin == "better" else "a plain one does not"
        return Outcome("passed", f"the network learns from its inputs within {steps} steps; {other}", evidence)
    if twin == "better" and own in ("no difference", "worse"):
        return Outcome(
            "advice",
            f"a plain network learns from the inputs within {steps} steps, and the program's own does not",
            evidence,
            "Begin with the plain network, and add the parts of the architecture one at a time.",
            ("unsuitable-architecture",),
        )
    if twin == "better":
        return Outcome(
            "undetermined", f"a plain network learns within {steps} steps; the own one is not decided", evidence
        )
    told = f"neither the network nor a plain one learns from the inputs within {steps} steps"
    return Outcome("undetermined", f"{told}: look at data and labels first", evidence, "", ("random-labels",))
