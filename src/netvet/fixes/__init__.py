"""The table of fixes: one module each, loaded when first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from netvet.fixes.fix import Intervention

NAMES: tuple[str, ...] = (
    "zero-grad",
    "remove-softmax",
    "lower-lr",
    "raise-lr",
    "clip-gradients",
    "adam",
    # loss
    "remove-sigmoid",
    "sigmoid",
    "remove-activation",
    "same-shape",
    "class-axis",
    "logit-threshold",
    "signed-targets",
    "clip-gradient",
    "huber",
    "lower-penalty",
    "decay-sign",
    "final-bias",
    "standardise-target",
    "class-weights",
    "invert-weights",
    "reorder-weights",
    "other-ignore-index",
    "fused-loss",
    "clamp-operand",
    "guard-division",
    "ignore-index",
    "start-at-zero",
    "more-outputs",
    "shift-target",
    "float-inputs",
    "long-labels",
    "cross-entropy",
    "bce-with-logits",
    "label-smoothing",
    "with-logits",
    "log-softmax",
    # model
    "add-activation",
    "he-init",
    "default-init",
    "relu",
    "leaky-relu",
    "gelu",
    "xavier-init",
    "positive-bias",
    "batch-norm",
    "layer-norm",
    "group-norm",
    "no-bias",
    "module-list",
    "random-init",
    "permute",
    "batch-first",
    "apply-mask",
    "causal-mask",
    "call",
    "scale-scores",
    "residual",
    "smaller-init",
    "less-dropout",
    "no-dropout",
    "more-dropout",
    "dropout-2d",
    "dropout-last",
    "wider",
    "narrower",
    # data
    "shuffle",
    "standardise",
    "centre",
    "scale-pixels",
    "same-transform",
    "worker-seed",
    "copy-first",
    "drop-duplicates",
    "split-first",
    "drop-shared",
    "drop-column",
    "clean-data",
    "balanced-sampler",
    "stratify",
    "vocabulary",
    "pair-samples",
    "drop-transform",
    "augment-less",
    "call-wrapper",
    "set-epoch",
    "drop-last",
    # loop
    "add-step",
    "remove-minus",
    "remove-maximize",
    "mean",
    "divide-accumulated",
    "call-train",
    "call-eval",
    "usual-order",
    "clip-last",
    "clip-all",
    "unfreeze",
    "add-parameters",
    "create-later",
    "step-per-epoch",
    "step-per-batch",
    "call-step",
    "slower-decay",
    "constant-lr",
    "warmup",
    "usual-momentum",
    "default-betas",
    "sgd",
    "less-weight-decay",
    "more-weight-decay",
    "no-decay-on-norms",
    "raise-max-norm",
    "bfloat16",
    "grad-scaler",
    "keep-graph",
    "enable-grad",
    "detach-kept",
    "detach-hidden",
    "drop-retain-graph",
    "whole-set",
    "keep-last",
    "set-seed",
    "larger-batch",
    "smaller-batch",
    "train-longer",
)


@cache
def load(name: str) -> Intervention:
    """The fix of this name.

    Raises:
        KeyError: there is none.
    """
    if name not in NAMES:
        raise KeyError(name)
    found = getattr(import_module(f"netvet.fixes.{name.replace('-', '_')}"), name.replace("-", "_"))
    assert isinstance(found, Intervention)
    return found


def all_fixes() -> list[Intervention]:
    """In the order of the table: the cheapest and surest first."""
    return [load(name) for name in NAMES]
