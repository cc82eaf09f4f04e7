"""The table of fixes: one module each, loaded when first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from netvet.capture.frameworks import FRAMEWORKS, Framework
from netvet.fixes.fix import Intervention, Make

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
    "straight-through",
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
    "output-activation",
    "from-logits",
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
    "last-state",
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
    "fewer-layers",
    "zero-init-residual",
    "qk-norm",
    "pool",
    "maxout",
    # data
    "shuffle",
    "standardise",
    "centre",
    "scale-pixels",
    "pretrained-normalisation",
    "input-norm",
    "same-transform",
    "worker-seed",
    "copy-first",
    "drop-duplicates",
    "split-first",
    "drop-shared",
    "drop-column",
    "clean-data",
    "drop-suspects",
    "drop-label-errors",
    "balanced-sampler",
    "under-sampling",
    "stratify",
    "vocabulary",
    "pair-samples",
    "drop-transform",
    "augment-less",
    "mild-augmentation",
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
    "pure-evaluation",
    "pass-training",
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
    "same-rate",
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
    "early-stopping",
    "accumulate",
    "weigh-batches",
    "baseline",
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


def all_fixes(framework: Framework | None = None) -> list[Intervention]:
    """In the order of the table: the cheapest and surest first; of a framework, those that can be made there."""
    return [one for one in map(load, NAMES) if framework is None or framework in frameworks_of(one)]


def edits_of(one: Intervention, framework: Framework) -> Make | None:
    """What makes a fix in programs of a framework; None where nobody has written that."""
    if framework == one.framework:
        return one.make
    table = _edits(framework)
    if one.name not in table:
        return None
    module = import_module(f"netvet.fixes.{framework}_edits.{table[one.name]}")
    made: Make = getattr(module, one.name.replace("-", "_"))
    return made


def frameworks_of(one: Intervention) -> tuple[Framework, ...]:
    """Where a fix can be made."""
    return tuple(f for f in FRAMEWORKS if f == one.framework or one.name in _edits(f))


@cache
def _edits(framework: Framework) -> dict[str, str]:
    """Fix -> module, of the package `FRAMEWORK_edits`."""
    package = f"netvet.fixes.{framework}_edits"
    found: Any = import_module(package) if find_spec(package) is not None else None
    return dict(found.EDITS) if found is not None else {}
