"""Whether mild augmentation generalises better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netvet.core import NetvetError
from netvet.experiments.advice import advice
from netvet.experiments.data import Data
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.regularisers import images_in, numbers_in
from netvet.experiments.validated import screen

# A pixel of a small picture, an eighth of a large one: the shifts that are usual for CIFAR (4 of 32 pixels).
SHARE_OF_SIDE = 8
# Of the standard deviation of each feature: below and above it (Bishop 1995: small noise is weight decay).
NOISE = (0.05, 0.2)


def _arms(train: Data) -> dict[str, Mapping[str, Any]]:
    pictures, numbers = images_in(train), numbers_in(train)
    first = train.batches[0]
    if pictures:
        sides = first[pictures[0]].shape[2:]
        if any(first[n].dim() > 2 and first[n].shape[-2:] == sides for n in train.roles.targets):
            raise NetvetError("the targets are pictures too: they would have to move with the inputs")
        far = max(2, min(sides) // SHARE_OF_SIDE)
        return {
            "shifts by up to 1 pixel": {"shifted-images": 1},
            f"shifts by up to {far} pixels": {"shifted-images": far},
            "flips from left to right": {"flipped-images": 0.5},
        }
    if numbers:
        return {f"noise of {share:g} standard deviations": {"noisy-inputs": share} for share in NOISE}
    raise NetvetError("the inputs are neither pictures nor rows of numbers")


@experiment(stage="regularise", title="augmentation as it should be", seconds=30, gate=False)
def augmentation_trial(lab: Lab) -> Outcome:
    """Train on pictures that are shifted a little or flipped, or on numbers with some noise.

    ## Why it matters
    Augmentation is the next best thing to more data, as long as it leaves the labels true: a digit may be moved, but
    not mirrored.

    ## How it is done
    Pictures [N, C, H, W] are shifted by a pixel or by an eighth of their side, or flipped; rows of numbers get noise of
    a twentieth or a fifth of each feature's standard deviation. Nobody is asked whether that breaks labels: a trial in
    which it does is worse. Each is judged by its best validation score (or loss); the one that looks best is compared
    once more, on five fresh seeds: advice only, if it is better there by a paired t-test and by more than the scatter
    of the validation samples.

    ## Known problems
    What the program augments already is in the captured samples. Augmentation makes training slower: as long as
    validation still gets better, nothing is said. Pictures that are flattened to rows are taken for rows of numbers.

    ## References
    Simard et al., Best Practices for Convolutional Neural Networks, ICDAR 2003. Bishop, Training with Noise is
    Equivalent to Tikhonov Regularization (1995).
    """
    found = screen(lab, _arms(lab.problem.train))
    kept = "the samples are best as they are"
    return advice(found, lambda name: f"augment with {name}", kept=kept, suspects=("overfitting", "too-few-samples"))
