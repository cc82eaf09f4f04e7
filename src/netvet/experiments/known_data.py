"""Whether the network learns data that is known to be learnable."""

from __future__ import annotations

from netvet.experiments.corpus import DIGITS, corpus
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.measures import wilson
from netvet.experiments.trial import Trial

STEPS = 200
# A network that knows half of the digits has learned what they look like; photographs take longer, and there a score of
# so many times chance tells that it learns. Below the other share of chance it does not.
KNOWS, LEARNS, LUCK = 0.5, 2.0, 1.3


@experiment(stage="overfit", title="learns data that is known to be learnable", seconds=15, gate=False)
def known_data(lab: Lab) -> Outcome:
    """Train the network, with plain layers at its ends, on the handwritten digits of scikit-learn, or other images.

    ## Why it matters
    A network that learns the digits and not your data has a fault in the data, the labels or the loss. One that does
    not learn the digits either has a fault of its own.

    ## How it is done
    Images of 8 by 8 are resized to the size of the inputs (projected by a linear layer, where these are single
    numbers; cut into ids, where these are tokens), and the outputs go through a linear layer to ten classes. Adam at
    1e-3, cross entropy, and accuracy on 360 digits that are held out. `--known-data` takes other images: `cifar10` or
    another data set of the Hugging Face hub, or a folder with one subfolder of images for each class, up to 4,000 of
    them at 32 by 32.

    ## Known problems
    A network for sequences or with very few outputs gets less of an image through. Networks with several inputs or
    outputs, graphs and sparse inputs are left out. The linear layers at the ends may learn around a weak network.

    ## References
    Alpaydin and Kaynak (1998), "Optical Recognition of Handwritten Digits", UCI; Karpathy, "A Recipe for Training
    Neural Networks" (2019).
    """
    name = lab.problem.details.get("known_data", DIGITS)
    chance = corpus(name).chance
    trial = Trial(lab.steps(STEPS, 1, least=60), 0, {"corpus-instead": name})
    result = lab.run([trial])[0]
    if result.ended == "failed":
        return Outcome("not assessed", f"the network takes no images: {result.error}")
    scored = result.val
    if scored is None or scored.score is None:
        return Outcome("undetermined", f"the training on {name} diverged")
    low, high = wilson(scored.score, scored.samples)
    evidence = {
        "data": name,
        "chance": chance,
        "accuracy": scored.score,
        "low": low,
        "high": high,
        "losses": list(result.losses),
    }
    told = (
        f"after {len(result.losses)} steps on {name} the network is right on {scored.score:.0%} of {scored.samples} "
        f"others (95 %: {low:.0%} to {high:.0%})"
    )
    if scored.score >= KNOWS or (name != DIGITS and low > LEARNS * chance):
        return Outcome("passed", f"{told}: it can learn", evidence)
    if low > LUCK * chance:
        return Outcome("undetermined", f"{told}: not much, but more than chance", evidence)
    return Outcome(
        "advice", f"{told}: no better than chance", evidence,
        "Look for the fault in the network, not in the data: nothing of the images gets through it.",
        ("unsuitable-architecture",),
    )  # fmt: skip
