"""An experiment: a function of a lab that gives an outcome. One file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from netvet.experiments.lab import Lab

Stage = Literal["data", "skeleton", "overfit", "regularise", "tune", "squeeze"]
STAGES: tuple[Stage, ...] = ("data", "skeleton", "overfit", "regularise", "tune", "squeeze")

# `passed` and `failed` are of gates; `advice` is a measured suggestion, which closes no gate.
Verdict = Literal["passed", "failed", "advice", "undetermined", "not assessed"]


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Args:
        verdict: see `Verdict`.
        message: in one sentence, with the numbers.
        evidence: JSON types; what a picture is drawn of.
        next: the one thing to do, where there is one.
        suspects: names of checks (causes) that this outcome speaks for, the likeliest first.
    """

    verdict: Verdict
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    next: str = ""
    suspects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """An experiment with its place in the recipe.

    Args:
        name: in kebab-case; `title`: what the checklist says.
        seconds: its share of a recipe's time, beside those of the others.
        gate: the next stage should wait for it.
    """

    name: str
    stage: Stage
    title: str
    run: Callable[[Lab], Outcome]
    seconds: float
    gate: bool

    @property
    def doc(self) -> str:
        """The text of its page."""
        return self.run.__doc__ or ""


def experiment(
    *, stage: Stage, title: str, seconds: float = 10.0, gate: bool = True
) -> Callable[[Callable[[Lab], Outcome]], Experiment]:
    """Declare an experiment; its name is that of the function, its page the docstring."""

    def declare(function: Callable[[Lab], Outcome]) -> Experiment:
        return Experiment(function.__name__.replace("_", "-"), stage, title, function, seconds, gate)

    return declare
