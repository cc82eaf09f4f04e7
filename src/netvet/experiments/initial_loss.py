"""Whether an untrained network begins with the loss that it should."""

from __future__ import annotations

import math

from netvet.experiments.constants import BATCHES, blind_losses, first_losses, mean_of
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab

# Default initialisations of PyTorch stay within 1.3 of log(classes); raw pixels and N(0, 1) weights begin 7 to 90
# times too high. A sigmoid autoencoder of dark images begins healthily at 2.3 times the variance. (The check
# unexpected-initial-loss has the same limits.)
NOTED, FAILED = 2.0, {"classes": 3.0, "binary": 3.0, "numbers": 10.0}
SUSPECTS = (
    "unexpected-initial-loss", "badly-scaled-init", "unscaled-input", "wrong-final-bias", "unreduced-loss",
    "broadcast-loss",
)  # fmt: skip


def _judged(kind: str, measured: list[float], expected: dict[str, float], pretrained: bool) -> Outcome:
    high, low = max(expected.values()), min(expected.values())
    evidence = {"measured": measured, "expected": expected, "kind": kind}
    what = "an even guess" if kind != "numbers" else "always answering zero or the mean"
    told = f"the loss begins at {_span(measured)} over {len(measured)} seeds; {what} gives {_span([low, high])}"
    ratio = min(m / high for m in measured)
    if not math.isfinite(measured[0]):  # the program's own weights
        return Outcome(
            "failed", "the loss before the first update is not finite",
            evidence, "Look for infinite or missing inputs, and for a logarithm or division in the loss.",
            ("non-finite-input", "unsafe-loss-arithmetic"),
        )  # fmt: skip
    if ratio > FAILED[kind]:
        return Outcome(
            "failed", f"{told}: at least {ratio:.2g} times too high", evidence,
            "Standardise the inputs and begin with small weights in the last layer, so that the net starts undecided.",
            SUSPECTS,
        )  # fmt: skip
    if max(measured) / high > (FAILED[kind] if kind == "numbers" else NOTED):
        return Outcome("undetermined", f"{told}: high, but not in every seed or not by much", evidence)
    if max(measured) < low / NOTED and kind != "numbers":
        why = "its weights were loaded" if pretrained else "known weights, or targets that enter the net, do that"
        return Outcome("undetermined", f"{told}: lower than an untrained net can have ({why})", evidence)
    return Outcome("passed", told, evidence)


def _span(values: list[float]) -> str:
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"


@experiment(stage="skeleton", title="begins with the loss that it should", seconds=4)
def initial_loss(lab: Lab) -> Outcome:
    """Measure the loss before the first update over several initialisations, against that of a blind guess.

    ## Why it matters
    An untrained net knows nothing, so its loss should be near that of an answer which does not look at the input: the
    logarithm of the number of classes, the mean square of the targets. A loss far above it says that the net begins
    confidently wrong (raw inputs, too large weights), or that loss and outputs do not go together.

    ## How it is done
    What is expected does not come from the name of the loss: the outputs of the model are replaced by an even guess,
    and then by the shares of the classes (the mean of the targets for numbers), and the program's own loss is asked
    what these cost. The first four batches are used, in training mode. Failed, if every seed is above three times (ten
    times for numbers) the worse of the two.

    ## Known problems
    Undetermined, where the loss of a guess is not known: outputs without targets (autoencoders, GANs), a loss that can
    be negative, a step that calls the model several times. Loaded weights begin lower.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "verify loss @ init".
    """
    problem = lab.problem
    expected = blind_losses(problem, problem.train)
    if expected is None:
        return Outcome("undetermined", "what the loss should begin with is not known for these outputs and targets")
    if min(expected.values()) <= 0:
        return Outcome("undetermined", "a blind guess has a loss of zero or less: there is nothing to compare with")
    batches = problem.train.batches[:BATCHES]
    measured = [mean_of(first_losses(problem.learner(seed), batches, seed)) for seed in lab.seeds]
    return _judged(problem.kind, measured, expected, problem.pretrained)
