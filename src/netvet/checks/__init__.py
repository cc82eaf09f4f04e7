"""The table of checks: one module each, loaded when first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from netvet.core import Check

NAMES: tuple[str, ...] = (
    "duplicate-samples",
    "split-overlap",
    "class-imbalance",
    "missing-class",
    "random-labels",
    "label-out-of-range",
    "constant-target",
    "corrupt-samples",
    "low-quality-images",
    "non-finite-input",
    "constant-feature",
    "unscaled-input",
    "unscaled-target",
    "uncentred-input",
    "mismatched-normalisation",
    "wrong-dtype",
    "unshuffled-data",
    "repeated-worker-rng",
    "padding-in-loss",
    "token-out-of-range",
    "target-in-input",
    "mutated-data",
    "excessive-augmentation",
    "label-breaking-augmentation",
    "missing-nonlinearity",
    "repeated-activation",
    "wrong-output-activation",
    "double-softmax",
    "double-sigmoid",
    "logits-as-probabilities",
    "wrong-softmax-dim",
    "unregistered-parameters",
    "detached-parameters",
    "unused-parameters",
    "frozen-parameters",
    "batch-mixing",
    "future-leak",
    "ignored-mask",
    "tiny-batch-norm",
    "bias-before-norm",
    "dropout-before-norm",
    "oversized-dropout",
    "oversized-regularisation",
    "elementwise-dropout-in-conv",
    "oversized-head",
    "symmetric-init",
    "badly-scaled-init",
    "wrong-final-bias",
    "overwritten-pretraining",
    "unexpected-initial-loss",
    "mismatched-loss",
    "broadcast-loss",
    "clipped-loss",
    "negated-loss",
    "unreduced-loss",
    "regularisation-dominates",
    "wrong-class-weights",
    "unsafe-loss-arithmetic",
    "missing-zero-grad",
    "missing-step",
    "wrong-call-order",
    "detached-loss",
    "parameters-not-in-optimizer",
    "stale-optimizer",
    "ineffective-clip",
    "always-clipped",
    "evaluation-in-train-mode",
    "training-in-eval-mode",
    "evaluation-changes-state",
    "partial-evaluation",
    "misread-metric",
    "misstepped-scheduler",
    "unseeded-run",
    "nondeterministic-step",
    "unscaled-half-precision",
    "retained-graph",
    "incomplete-checkpoint",
    "unsynchronised-replicas",
    "straggling-rank",
    "lost-rank",
    "unused-recurrence",
    "ignores-input",
    "below-baseline",
    "batched-differs",
    "lr-too-high",
    "lr-too-low",
    "lr-decays-early",
    "missing-warmup",
    "loss-flat",
    "loss-diverges",
    "loss-spikes",
    "loss-not-finite",
    "noisy-loss",
    "too-small-batch",
    "too-large-batch",
    "hockey-stick-loss",
    "overfitting",
    "underfitting",
    "cannot-overfit-batch",
    "insufficient-capacity",
    "saturating-activation",
    "unstable-depth",
    "unsuitable-architecture",
    "unsuitable-optimizer",
    "wrong-momentum",
    "too-few-samples",
    "validation-below-train",
    "stopped-early",
    "vanishing-gradient",
    "exploding-gradient",
    "zero-gradient",
    "noisy-gradient",
    "dead-relu",
    "saturated-activation",
    "collapsed-attention",
    "growing-attention-logits",
    "tiny-updates",
    "huge-updates",
    "shrinking-weights",
    "growing-weights",
    "skewed-weight-variance",
    "collapsed-prediction",
    "jittery-predictions",
    "noisy-first-layer",
)


@cache
def load(name: str) -> Check:
    """The check of this name (kebab-case).

    Raises:
        KeyError: there is no such check.
    """
    if name not in NAMES:
        raise KeyError(name)
    snake = name.replace("-", "_")
    found = getattr(import_module(f"netvet.checks.{snake}"), snake)
    assert isinstance(found, Check)
    return found


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of the table: data, skeleton, fit."""
    return tuple(load(name) for name in NAMES)
