"""Whether pretrained weights arrived, and whether the inputs are as these expect them."""

from __future__ import annotations

from typing import Any

from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.problem import Problem

# Mean and std of the colours of ImageNet's training images, which its networks expect as 0 and 1.
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
SHOWN = 5
# Images whose numbers go above this were not scaled at all: they are bytes.
BYTES = 16.0


def _inputs(problem: Problem) -> dict[str, Any]:
    """Mean, std and ends of the inputs of numbers in the first batch; by channel for images."""
    batch = problem.train.batches[0]
    found = next((batch[n] for n in problem.train.roles.inputs if batch[n].is_floating_point()), None)
    if found is None or not found.numel():
        return {}
    x = found.detach().double()
    by_channel = x.dim() == 4 and x.shape[1] in (1, 3)
    flat = x.transpose(0, 1).flatten(1) if by_channel else x.reshape(1, -1)
    return {
        "mean": flat.mean(1).tolist(), "std": flat.std(1, correction=0).tolist(), "least": float(x.min()),
        "most": float(x.max()), "image": by_channel and x.shape[1] == 3,
    }  # fmt: skip


@experiment(stage="skeleton", title="pretrained weights", seconds=1, gate=False)
def pretrained(lab: Lab) -> Outcome:
    """Look at what was loaded into the model before training: missing and unexpected keys, and the scale of the inputs.

    ## Why it matters
    `strict=False` loads what fits and leaves the rest at random numbers without a word. And pretrained weights expect
    inputs scaled as those that they were trained on.

    ## How it is done
    Keys are those that each load_state_dict before the first step reported. Mean and standard deviation of the first
    batch are told, for colour images beside those of ImageNet.

    ## Known problems
    A new head is missing from a checkpoint, which is right: keys are told, and decide nothing as long as most arrived.
    A checkpoint of this program itself (resumed training) is no pretrained network, and is looked at alike.

    ## References
    torchvision, "Models and pre-trained weights"; Karpathy, "A Recipe for Training Neural Networks" (2019).
    """
    loaded: list[dict[str, Any]] = list(lab.problem.details.get("loaded", ()))
    if not loaded:
        return Outcome("not assessed", "no checkpoint was loaded into the model before the first step")
    last, inputs = loaded[-1], _inputs(lab.problem)
    missing, unexpected, count = last["missing"], last["unexpected"], last["tensors"]
    told = f"{count - len(missing)} of {count} tensors were loaded"
    for name, keys in (("missing", missing), ("unexpected", unexpected)):
        told += f"; {name}: {', '.join(keys[:SHOWN])}{' ...' if len(keys) > SHOWN else ''}" if keys else ""
    if inputs:
        means, stds = (", ".join(f"{v:.3g}" for v in inputs[k]) for k in ("mean", "std"))
        told += f"; inputs have mean {means} and std {stds}"
    evidence = {"loaded": loaded, "inputs": inputs, "imagenet": IMAGENET}
    if count and len(missing) > count / 2:
        return Outcome(
            "advice", told, evidence,
            "Make the names in the checkpoint those of the model: a prefix (`module.`, `model.`) is the usual reason.",
            ("incomplete-checkpoint",),
        )  # fmt: skip
    if inputs.get("image") and inputs["most"] > BYTES:
        action = "Scale images to 0 to 1, then normalise them with the mean and std that the weights were trained with."
        return Outcome("advice", told, evidence, action, ("unscaled-input", "mismatched-normalisation"))
    return Outcome("passed", told, evidence)
