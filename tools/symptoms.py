"""From what people say to what it may be: the page docs/symptoms.md.

The headings are written by hand, in the words in which people search; so are the causes to look at first. Everything
else comes from the checks: which symptom that is, what explains it, and which command can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netvet.core import Check
from netvet.signals import SIGNALS

# The commands that can tell, from the cheapest test to the dearest; then the costs of signals that each can pay.
WAYS = {
    "netvet run train.py": ("free", "step", "deep", "probe"),
    "netvet data train.py": ("audit",),
    "netvet recipe train.py": ("experiment",),
}
COSTS = [cost for costs in WAYS.values() for cost in costs]


@dataclass(frozen=True)
class Said:
    """One thing that people say.

    Args:
        words: the heading.
        also: other words for the same.
        symptoms: what netvet calls it; empty where it names the cause at once.
        first: causes to look at first; the page puts them in the order of the cheapest test.
        note: what else is worth knowing.
        command: what is typed.
    """

    words: str
    also: str
    symptoms: tuple[str, ...]
    first: tuple[str, ...]
    note: str = ""
    command: str = "netvet run train.py"


def _said(words: str, also: str, symptoms: str, first: str, note: str = "", command: str = "") -> Said:
    return Said(words, also, tuple(symptoms.split()), tuple(first.split()), note, command or "netvet run train.py")


TABLE: dict[str, tuple[Said, ...]] = {
    "The training loss": (
        _said(
            "Loss is not decreasing",
            "loss does not go down, loss stuck, the network does not learn, loss constant from the first epoch",
            "loss-flat underfitting",
            "missing-step parameters-not-in-optimizer detached-loss missing-zero-grad lr-too-low lr-too-high "
            "unscaled-input",
            "Does it learn one batch by heart? `netvet recipe --only overfit-batch train.py` tells.",
        ),
        _said(
            "Loss is NaN",
            "loss becomes nan or inf, nan after a few iterations, RuntimeError: function returned nan values",
            "loss-not-finite",
            "lr-too-high unsafe-loss-arithmetic non-finite-input unscaled-half-precision unscaled-input",
            "`netvet replay` repeats the step that broke and names the [operation, line and sample](replay.md).",
        ),
        _said(
            "Loss goes up instead of down",
            "loss increases, loss explodes, training diverges, loss gets larger every epoch",
            "loss-diverges",
            "negated-loss missing-zero-grad lr-too-high unscaled-input missing-warmup",
        ),
        _said(
            "Loss suddenly jumps",
            "spikes in the training loss, loss was fine and then exploded",
            "loss-spikes exploding-gradient",
            "lr-too-high missing-warmup ineffective-clip outlier-samples corrupt-samples",
        ),
        _said(
            "Loss is noisy",
            "loss fluctuates, oscillates, jumps up and down, zigzag",
            "noisy-loss noisy-gradient jittery-predictions",
            "too-small-batch lr-too-high unshuffled-data label-errors",
        ),
        _said(
            "Training loss does not go below 1.46",
            "loss stuck at 1.46 with 10 classes, at 0.55 with 3, at 0.31 with 2, softmax before CrossEntropyLoss",
            "",
            "double-softmax double-sigmoid",
            "Probabilities that enter a loss which applies softmax itself cannot make it smaller than "
            "log(e + C - 1) - 1 for C classes: 0.31 for 2, 0.55 for 3, 1.46 for 10, 3.62 for 100.",
        ),
        _said(
            "Loss stays at 2.30 or 0.69",
            "cross entropy stuck at ln(10), at log(number of classes), at 0.693, at ln 2",
            "loss-flat collapsed-prediction",
            "missing-step detached-loss symmetric-init lr-too-high label-out-of-range dead-relu",
            "That is the loss of a net that gives every class the same probability: log of their number.",
        ),
        _said(
            "Loss is very large at the start",
            "initial loss is huge, loss of the first step is in the thousands, initial loss is not -log(1/classes)",
            "unexpected-initial-loss",
            "unscaled-input unscaled-target unreduced-loss badly-scaled-init mismatched-loss",
        ),
        _said(
            "Loss falls at once, and then nothing more",
            "hockey stick, loss drops in the first steps and then plateaus",
            "hockey-stick-loss",
            "wrong-final-bias unscaled-target lr-decays-early misstepped-scheduler",
        ),
        _said(
            "Loss levels off too early",
            "loss plateaus, training accuracy stuck at 70 %, the model underfits, cannot even fit the training set",
            "underfitting tiny-updates",
            "double-softmax lr-decays-early misstepped-scheduler regularisation-dominates oversized-dropout "
            "insufficient-capacity",
        ),
        _said(
            "Cannot overfit a single batch",
            "the network cannot memorise a few samples, the overfit test fails",
            "cannot-overfit-batch",
            "detached-parameters batch-mixing wrong-output-activation mismatched-loss insufficient-capacity",
            command="netvet recipe --only overfit-batch train.py",
        ),
        _said(
            "Loss is negative",
            "negative loss, loss below zero, NLLLoss is negative",
            "",
            "logits-as-probabilities negated-loss mismatched-loss",
        ),
    ),
    "What the model answers": (
        _said(
            "Always predicts the same class",
            "the model gives the same output for every input, predicts all zeros, only one class, constant prediction",
            "collapsed-prediction ignores-input",
            "class-imbalance wrong-output-activation unshuffled-data lr-too-high dead-relu wrong-softmax-dim",
        ),
        _said(
            "Accuracy is no better than guessing",
            "accuracy stuck at 10 %, at chance, as good as random, below the baseline",
            "below-baseline",
            "unshuffled-data missing-step mismatched-normalisation label-out-of-range random-labels",
        ),
        _said(
            "Accuracy stuck at chance with Keras",
            "Keras model does not learn, categorical_crossentropy, sparse_categorical_crossentropy, from_logits, "
            "val_accuracy constant",
            "below-baseline collapsed-prediction",
            "double-softmax mismatched-loss wrong-output-activation unscaled-input label-out-of-range lr-too-high",
            "In Keras: `from_logits=True` beside a softmax, integer labels given to `categorical_crossentropy`, one "
            "output with a softmax, pixels from 0 to 255.",
        ),
        _said(
            "Worse than people are",
            "the model makes mistakes that no human makes, accuracy below human level",
            "below-human",
            "label-errors mismatched-normalisation split-drift insufficient-capacity too-few-samples",
            "[How good people are](people.md) can be measured: `netvet data --annotate`.",
        ),
        _said(
            "The score is too good to be true",
            "99 % accuracy after one epoch, suspiciously high accuracy, perfect validation score, data leakage",
            "",
            "target-in-input split-overlap leaking-feature group-overlap future-in-train future-leak misread-metric",
            command="netvet data train.py",
        ),
    ),
    "Training and validation": (
        _said(
            "Works on train, fails on test",
            "overfitting, large gap between training and validation, model does not generalise, good in training and "
            "bad in production",
            "overfitting",
            "evaluation-in-train-mode mismatched-normalisation too-few-samples split-drift spurious-feature "
            "leaking-feature",
        ),
        _said(
            "Validation accuracy is stuck at 50%",
            "validation accuracy does not change, val_acc constant while training accuracy rises",
            "below-baseline overfitting",
            "evaluation-in-train-mode mismatched-normalisation misread-metric random-labels unshuffled-data",
        ),
        _said(
            "Validation loss goes up while training loss goes down",
            "validation loss increases after some epochs, val_loss rises but accuracy too",
            "overfitting",
            "too-few-samples duplicate-samples label-errors",
        ),
        _said(
            "Validation loss lower than training loss",
            "validation accuracy higher than training accuracy, test better than train",
            "validation-below-train",
            "oversized-dropout training-in-eval-mode partial-evaluation split-overlap excessive-augmentation",
            "Some of this is usual with dropout or augmentation, or where the training loss is a mean over the epoch.",
        ),
        _said(
            "Results differ between train() and eval()",
            "good in train mode and bad in eval mode, batch norm in evaluation, model.eval() gives garbage",
            "",
            "evaluation-in-train-mode tiny-batch-norm batch-mixing evaluation-changes-state training-in-eval-mode",
        ),
        _said(
            "Results get worse after loading the checkpoint",
            "loss jumps when training is resumed, the loaded model performs badly, pretrained weights do not help",
            "",
            "incomplete-checkpoint overwritten-pretraining frozen-parameters mismatched-normalisation",
        ),
    ),
    "Inside the network": (
        _said(
            "Gradients vanish",
            "gradients are almost zero in the first layers, early layers do not learn, deep network does not train",
            "vanishing-gradient",
            "saturating-activation badly-scaled-init double-softmax repeated-activation unstable-depth",
        ),
        _said(
            "Gradients explode",
            "gradient norm is huge, gradient norm grows, clipping does not help",
            "exploding-gradient always-clipped huge-updates",
            "lr-too-high unscaled-input unreduced-loss missing-zero-grad ineffective-clip missing-warmup",
        ),
        _said(
            "Gradients are zero or None",
            "param.grad is None, grad is always 0, weights do not change, parameters are not updated",
            "zero-gradient tiny-updates",
            "detached-loss detached-parameters frozen-parameters parameters-not-in-optimizer wrong-call-order "
            "missing-step",
        ),
        _said(
            "Dead ReLUs",
            "most activations are zero, dying ReLU",
            "dead-relu",
            "lr-too-high unscaled-input badly-scaled-init repeated-activation",
        ),
        _said(
            "Sigmoid or tanh saturates",
            "activations are all 0 or 1, or all -1 or 1",
            "saturated-activation",
            "unscaled-input badly-scaled-init saturating-activation repeated-activation",
        ),
        _said(
            "Weights grow, shrink or explode",
            "weight norm keeps growing, weights go to zero, histograms of the weights spread",
            "growing-weights shrinking-weights skewed-weight-variance",
            "lr-too-high regularisation-dominates missing-zero-grad negated-loss",
        ),
        _said(
            "Attention looks at one token only",
            "attention collapses, attention entropy is zero, attention logits grow",
            "collapsed-attention growing-attention-logits",
            "missing-warmup lr-too-high ignored-mask unscaled-half-precision",
        ),
        _said(
            "First-layer filters look like noise",
            "the filters of the first convolution are noise, the kernels are not smooth",
            "noisy-first-layer",
            "frozen-parameters lr-too-low random-labels wrong-layout",
        ),
    ),
    "The run": (
        _said(
            "Every run gives another result",
            "not reproducible, different results with the same seed, non-deterministic training",
            "nondeterministic-step",
            "unseeded-run repeated-worker-rng mutated-data batch-mixing",
        ),
        _said(
            "Memory grows with every step",
            "CUDA out of memory after some epochs, memory leak in the training loop",
            "",
            "retained-graph",
        ),
        _said(
            "Training on several GPUs is worse than on one",
            "DDP does not converge, ranks differ, one rank is slow, training hangs",
            "",
            "unsynchronised-replicas lost-rank straggling-rank repeated-worker-rng tiny-batch-norm",
            command="torchrun --nproc-per-node 4 -m netvet run train.py",
        ),
    ),
    "The data": (
        _said(
            "Some samples look wrong",
            "outliers in the data, broken or blurred pictures, bad images in the data set",
            "outlier-samples low-quality-images",
            "corrupt-samples non-finite-input label-errors duplicate-samples",
            command="netvet data photos/",
        ),
    ),
}


def said() -> Iterator[Said]:
    """All that people say, in the order of the page."""
    for group in TABLE.values():
        yield from group


def asked_as(name: str) -> list[str]:
    """Links from the page of a check to the entries that it may be the answer to."""
    entries = [one.words for one in said() if name in (*one.symptoms, *one.first)]
    return [f"[{words}](../symptoms.md#{_anchor(words)})" for words in entries]


def _anchor(words: str) -> str:
    """As code hosts and the site make it of a heading."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def cost(one: Check) -> str:
    """What the dearest signal costs that a check cannot do without; of those that are enough each, the cheapest."""
    if one.required == ("experiments",):
        return "experiment"
    costs = [SIGNALS[name].cost for name in one.required or one.optional]
    return (max if one.required else min)(costs, key=COSTS.index)


def way(one: Check) -> str:
    """The command that can tell whether it is this."""
    return next(command for command, costs in WAYS.items() if cost(one) in costs)


def symptoms_page(checks: Sequence[Check]) -> str:
    """The whole page."""
    known = {one.name: one for one in checks}
    lines = ["# From symptom to cause", "", _HEAD.strip(), ""]
    for title, group in TABLE.items():
        lines += [f"## {title}", ""]
        for one in group:
            lines += [*_section(one, known), ""]
    return "\n".join(lines)


_HEAD = """
Find what you see, in the words in which it is usually asked. Each entry has the causes to look at first, in the order
of the cheapest test, then all others that are known for it, by the command that tells. You need not go through them by
hand: the command looks for all of them at once, and says which one it is, with the proof and the line.
"""


def _section(one: Said, known: Mapping[str, Check]) -> Iterator[str]:
    yield from (f"### {one.words}", "", f"*Also: {one.also}.*", "")
    yield from (f"- netvet calls it {_link(name)}: {known[name].summary}" for name in one.symptoms)
    yield from ([""] if one.symptoms else [])
    yield from ("```", one.command, "```", "", "Look first at:", "")
    for place, name in enumerate(_cheapest_first(one.first, known), 1):
        yield f"{place}. {_link(name)}: {known[name].summary}"
    yield from ("", one.note) if one.note else ()
    further = _further(one, known)
    if further:
        yield from ("", '<details markdown="1">', f"<summary>{len(further)} more that explain it</summary>", "")
        for command in WAYS:
            names = [name for name in further if way(known[name]) == command]
            if names:
                yield f"- `{command}` tells: {', '.join(map(_link, names))}"
        yield from ("", "</details>")


def _further(one: Said, known: Mapping[str, Check]) -> list[str]:
    """All that explains it, but for what is named already."""
    explaining = {name for symptom in one.symptoms for name in known[symptom].explained_by if name in known}
    return _cheapest_first(sorted(explaining - {*one.first, *one.symptoms}), known)


def _cheapest_first(names: Sequence[str], known: Mapping[str, Check]) -> list[str]:
    return sorted(names, key=lambda name: COSTS.index(cost(known[name])))


def _link(name: str) -> str:
    return f"[{name}](checks/{name}.md)"
