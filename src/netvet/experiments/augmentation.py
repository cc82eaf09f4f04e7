"""Whether the program's own augmentation is off in evaluation, leaves labels true, and is not too strong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from netvet.core import NetvetError
from netvet.experiments import paired
from netvet.experiments.confusion import Pair, accuracy, counts_of, distances_of, in_words, swapped
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.validated import length, measure_of, trained, unripe

# Share of its accuracy that a net may lose on augmented samples (catalogue of the checks); more is a lot even where
# strong augmentation is wanted (Cubuk et al. 2020, RandAugment: the best strength grows with the size of net and data).
MAY_LOSE = 0.3
# Half of fewer held-out samples teaches nothing and says nothing.
LEAST_HELD_OUT = 80
# A net that is not better than this multiple of the share of the largest class has not learned the clean samples.
LEARNED = 1.5
# Of what a net does not know by half, little can be lost.
KNOWS = 0.5
# A net that knows almost as much with strong augmentation may need more steps than a trial has.
HARMS = 0.05


@experiment(stage="regularise", title="augmentation leaves labels true and evaluation alone", seconds=30)
def augmentation(lab: Lab) -> Outcome:
    """Read samples again, and ask a net that was trained on clean samples about the augmented ones.

    ## Why it matters
    Augmentation that goes on in evaluation makes every score a guess. One that breaks labels (a left arrow that
    is flipped, a mask that stays where it was when its picture is) teaches what is wrong, and one that is too strong
    hides what is to be learned: all three look like a hard problem.

    ## How it is done
    Some samples of the training and the held-out data set are read three times, through the program's own DataLoader.
    What differs is drawn at random: failed, if held-out samples with unchanged labels do. Then the net is trained on
    one half of the held-out samples, which are clean, and asked about the other half and about the program's training
    samples; and trained as the program does, and asked about the same half. Labels are broken, if two classes are
    taken for each other on augmented samples, these lie among the clean ones of the other class, and the net that was
    trained with augmentation believes in the other class on clean samples too, by a paired t-test over the seeds. It is
    too strong, if more than 30 % of the accuracy is lost on augmented samples, and the few clean samples teach more
    than all the augmented ones, by five points of accuracy.

    ## Known problems
    Strong augmentation of which the net gets better is right (RandAugment, cutout, crops), whatever is lost on it.
    Mixed samples (mixup, CutMix) have mixed labels: only the held-out data are looked at. So it is with numbers, pairs
    and sequences. Noise in evaluation that is meant (robustness, test-time augmentation in the data set) fails this
    gate: allow it. A program without a DataLoader, or with augmentation within the model, is not assessed. Swapped
    labels hide behind a transform that most classes do not survive: it may be called too strong, or stay undetermined.

    ## References
    Simard et al., Best Practices for Convolutional Neural Networks, ICDAR 2003. Cubuk et al., RandAugment (2020).
    Karpathy, A Recipe for Training Neural Networks (2019): augment, but be sure that labels move along.
    """
    readings: Mapping[str, Any] = lab.problem.details.get("readings") or {}
    train, val = readings.get("train") or {}, readings.get("val") or {}
    _require_readings(train, val)
    evidence = {"readings": {"train": train, "val": val}}
    left = _unmoved(lab, train)
    if left is not None:
        return Outcome("failed", left, evidence, "Mirror the mask with its picture.", ("label-breaking-augmentation",))
    single = lab.problem.kind in ("classes", "binary") and len(lab.problem.train.roles.inputs) == 1
    if single and _is_random(val) and not val.get("relabelled") and val.get("inputs", 1) <= 1:
        return Outcome(
            "failed", f"the held-out samples are not the same each time: {_told(val)}", evidence,
            "Leave the augmentation out of the data set that evaluation reads.",
        )  # fmt: skip
    if not _is_random(train):
        held = ", and so are those of the evaluation" if "changed" in val and not _is_random(val) else ""
        return Outcome("passed", f"training samples are the same each time they are read{held}", evidence)
    _require_classes(lab, single, val, train)
    return _of_trials(lab, _trained(lab), evidence)


def _require_readings(train: Mapping[str, Any], val: Mapping[str, Any]) -> None:
    if not train and not val:
        raise NetvetError("no samples come from a DataLoader: what is done to them cannot be told")
    if not train.get("again") and "changed" not in train and "changed" not in val:
        raise NetvetError(f"the samples cannot be read again: {train.get('reason') or val.get('reason')}")


def _is_random(reading: Mapping[str, Any]) -> bool:
    return bool(reading.get("changed") or reading.get("differed"))


def _told(reading: Mapping[str, Any]) -> str:
    if reading.get("changed"):
        return f"{reading['changed']} of {reading['samples']} differ when they are read again"
    return f"{reading['differed']} of {reading['again']} enter the model with other values than the time before"


def _unmoved(lab: Lab, train: Mapping[str, Any]) -> str | None:
    """In words, that masks stay where they were when their pictures are mirrored."""
    problem = lab.problem
    first, roles = problem.train.batches[0], problem.train.roles
    if len(roles.inputs) != 1 or len(roles.targets) != 1 or "mirrored" not in train:
        return None
    picture, mask = first[roles.inputs[0]], first[roles.targets[0]]
    if mask.dim() < 3 or picture.shape[-2:] != mask.shape[-2:]:
        return None
    for name, left in train["left"].items():
        if left >= 3 and left == train["mirrored"][name]:
            return f"{left} pictures were {name} when they were read again, and the mask of none of them was"
    return None


def _require_classes(lab: Lab, single: bool, val: Mapping[str, Any], train: Mapping[str, Any]) -> None:
    """What only classes can tell, and only from clean samples that are held out."""
    problem = lab.problem
    why = ""
    target = next((problem.train.batches[0][n] for n in problem.train.roles.targets), None)
    if not single or train.get("inputs", 1) > 1 or target is None or target.numel() != len(target):
        why = "the samples have no single input and class"
    elif train.get("relabelled"):
        why = "the labels change with the samples"
    elif _is_random(val) or not problem.details.get("validated"):
        why = "there are no clean samples that are held out"
    elif problem.train.size is None or problem.val.size is None:
        why = "the step takes only whole batches of one form"
    elif problem.val.size < LEAST_HELD_OUT:
        why = f"there are only {problem.val.size} held-out samples"
    if why:
        raise NetvetError(f"training samples are augmented ({_told(train)}); whether they are too much so: {why}")


@dataclass(frozen=True)
class _Answers:
    """What nets know, at each seed, as shares of right answers; a class that is swapped for its partner is right.

    Args:
        clean: trained on clean samples, of other clean ones; `asked`: the same net, of augmented ones.
        other: trained as the program does, of the same clean samples as `clean`.
        pairs: classes that augmentation swaps; `told` in words.
        short: why the trials were too short to say what augmentation brings; empty where they were not.
    """

    clean: list[float]
    asked: list[float]
    other: list[float]
    pairs: list[Pair]
    told: str
    chance: float
    short: str
    matters: float
    steps: int
    counts: list[list[int]]


def _trained(lab: Lab) -> _Answers:
    """Train on clean and on augmented samples, and ask both nets."""
    steps = length(lab, 2 * len(lab.seeds))
    arms = {
        name: trained(lab, steps, {"held-out-half": clean, "confused": True})
        for name, clean in (("augmented", False), ("clean", True))
    }
    measure = measure_of(arms["augmented"])
    if any(r.ended in ("failed", "diverged") for r in arms["clean"]):
        raise NetvetError("the training on the held-out samples failed or diverged")
    clean, other = ([counts_of(r, "held_out") for r in arms[name]] for name in ("clean", "augmented"))
    asked = [counts_of(r, "train") for r in arms["clean"]]
    sure, unsure = ([counts_of(r, "believed") for r in arms[name]] for name in ("clean", "augmented"))
    pairs = swapped(asked, sure, unsure, distances_of(arms["clean"]))
    known = [[accuracy(c, pairs) for c in some] for some in (clean, asked, other)]
    chance = max((float(c.sum(axis=1).max()) / max(1, int(c.sum())) for c in clean), default=0.0)
    told = in_words(pairs[0], asked, unsure) if pairs else ""
    short = unripe(lab, measure, arms["augmented"])
    return _Answers(known[0], known[1], known[2], pairs, told, chance, short, measure.matters, steps, asked[0].tolist())


def _of_trials(lab: Lab, found: _Answers, evidence: dict[str, Any]) -> Outcome:
    """What the trials say."""
    kept = paired.compare(found.asked, [(1 - MAY_LOSE) * a for a in found.clean])
    helped = paired.compare(found.other, found.clean)
    if kept is None or helped is None:
        raise NetvetError("a comparison needs two seeds")
    mean, asked, other = (sum(some) / len(some) for some in (found.clean, found.asked, found.other))
    evidence |= asdict(found) | {"lost": 1 - asked / mean if mean else 0.0}
    evidence |= {"kept": kept.record(), "helped": helped.record()}
    if found.pairs:
        return Outcome(
            "failed", f"augmentation swaps labels: {found.told}", evidence,
            "Leave out what turns one class into the other (a flip, a rotation).", ("label-breaking-augmentation",),
        )  # fmt: skip
    held_out = lab.problem.val.size or 0
    told = (
        f"a net trained on {held_out - round(held_out / 2)} clean samples knows {mean:.0%} of others, and {asked:.0%} "
        f"of augmented ones; trained with augmentation it knows {other:.0%} of clean ones"
    )
    if mean < max(KNOWS, LEARNED * found.chance):
        return Outcome("undetermined", f"{told}: it has not learned the clean ones", evidence)
    harmful = helped.high < 0 and -helped.effect >= max(found.matters, HARMS)
    if kept.high < 0 and harmful and not found.short:
        return Outcome(
            "failed", f"augmentation is too strong: {told}", evidence, "Augment less.", ("excessive-augmentation",)
        )  # fmt: skip
    if kept.effect >= 0 or helped.effect >= 0:
        return Outcome("passed", told, evidence)
    return Outcome("undetermined", f"{told}: {found.short or 'too little to tell'}", evidence)
