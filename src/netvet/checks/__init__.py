"""The table of checks: one module each, loaded when first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from netvet.core import Check

NAMES: tuple[str, ...] = (
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
