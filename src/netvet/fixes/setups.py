"""Fixes of a setup that a user has given: changes of trials stand for them, and are judged in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netvet.core import NetvetError
from netvet.executors import workers
from netvet.experiments.lab import Lab
from netvet.experiments.setup import Setup, problem_of
from netvet.experiments.trial import Result
from netvet.experiments.validated import length, require_validation, trained
from netvet.fixes import NAMES, load
from netvet.fixes.choose import Candidate
from netvet.fixes.measured import Measured, Score, thinned
from netvet.fixes.source import Patch
from netvet.fixes.study import Asked, Study

# Fixes that are changes of a trial too: what is changed, and how.
CHANGES: dict[str, dict[str, Mapping[str, Any]]] = {
    "lower-lr": {f"learning rate times {f:g}": {"lr-factor": f} for f in (0.1, 0.01, 0.001)},
    "raise-lr": {f"learning rate times {f:g}": {"lr-factor": f} for f in (10.0, 100.0, 1000.0)},
    "adam": {
        f"Adam with learning rate {rate:g}": {"optimizer": {"name": "Adam", "lr": rate}, "constant-lr": True}
        for rate in (1e-3, 3e-4)
    },
    "clip-gradients": {"gradients clipped to norm 1": {"clipping": 1.0}},
    "constant-lr": {"no schedule": {"constant-lr": True}},
    "warmup": {"warm-up over 100 steps": {"warmup": 100}},
    "he-init": {"weights drawn as He et al. do": {"he-weights": True}},
    "relu": {"ReLU between the layers": {"relu-instead": {}}},
    "less-weight-decay": {"no weight decay": {"weight-decay": 0.0}},
    "no-dropout": {"no dropout": {"dropout": 0.0}},
    "residual": {"shortcuts around equal shapes": {"shortcuts": True}},
    "usual-momentum": {"momentum 0.9": {"usual-momentum": True}},
    "final-bias": {"final bias from the data": {"final-bias": True}},
}


@dataclass(frozen=True)
class SetupCandidate:
    """A candidate, and the change of a trial that stands for it."""

    candidate: Candidate
    changes: Mapping[str, Any]


def candidates(names: Sequence[str]) -> list[list[SetupCandidate]]:
    """All fixes that a trial can make, or those of these names.

    Raises:
        NetvetError: a trial cannot make one of them.
    """
    for name in names:
        if name not in CHANGES:
            raise NetvetError(f"the fix {name!r} changes source text; of a setup, expected one of {', '.join(CHANGES)}")
    nothing = Patch({}, {})
    return [
        [SetupCandidate(Candidate(load(name), what, "", nothing), changes) for what, changes in CHANGES[name].items()]
        for name in (names or [n for n in CHANGES if n in NAMES])
        if name in NAMES
    ]


def conduct_setup(
    setup: Setup, name: str, names: Sequence[str], *, seconds: float, seeds: int, tell: Callable[[str], object],
    on: str | None = None, jobs: int = 1,
) -> Study:  # fmt: skip
    """Try fixes of a setup, each alone, on held-out samples.

    Args:
        names: of fixes; all that a trial can make without them.
        seconds: for all trials; `seeds`: pairs before anything is proven.
        on: another place for the trials (see `Workers`), with so many `jobs` at a time.

    Raises:
        NetvetError: the setup cannot be used, there is no validation data, or no time.
    """
    problem = problem_of(setup, name)
    with workers(on, jobs if on else 1) as made:
        lab = Lab(problem, seconds=seconds, seeds=range(seeds), workers=made)
        try:
            return study_of(lab, names, seeds=seeds, tell=tell)
        finally:
            lab.close()


def study_of(lab: Lab, names: Sequence[str], *, seeds: int, tell: Callable[[str], object]) -> Study:
    """The study of a problem in its laboratory.

    Raises:
        NetvetError: there is no validation data, or no time.
    """
    require_validation(lab)
    chosen = candidates(names)
    by_candidate = {id(one.candidate): one.changes for variants in chosen for one in variants}
    steps = length(lab, seeds * (1 + len(chosen)))

    def measured(wanted: Sequence[Asked]) -> Iterator[tuple[Asked, Measured]]:
        for asked in wanted:
            changes = by_candidate[id(asked.candidate)] if asked.candidate is not None else {}
            yield asked, _measured(trained(lab, steps, changes, [asked.seed])[0])

    study = Study(
        [[one.candidate for one in variants] for variants in chosen], measured, seeds=seeds,
        seconds=lab.seconds_left, tell=tell,
    )  # fmt: skip
    study.run()
    return study


def _measured(result: Result) -> Measured:
    """The validation curve of a trial; one that diverged has learned nothing."""
    found = result.extra.get("validation") or {}
    named, losses = str(found.get("name") or ""), list(found.get("loss") or ())
    values = [float(v) for v in found.get("score") or () if v is not None]
    scores = {named: Score(values[-1], max(values))} if named and values else {}
    if losses and losses[-1] is not None:
        scores["loss"] = Score(float(losses[-1]), min(float(v) for v in losses if v is not None))
    metric = next((m for m in (named, "loss") if m in scores), None)
    curve = zip(found.get("steps") or (), found.get("score" if named else "loss") or (), strict=False)
    return Measured(
        metric=metric, higher_is_better=metric != "loss", value=scores[metric].value if metric else None,
        best=scores[metric].best if metric else None, curve=[[float(s), float(v)] for s, v in curve if v is not None],
        scores={} if result.ended in ("diverged", "failed") else scores, samples=int(found.get("samples") or 0),
        train_curve=thinned([(n, float(v)) for n, v in enumerate(result.losses)]), steps=len(result.losses),
        seconds=result.seconds, ended=result.ended, error=result.error or "" if result.ended == "failed" else "",
    )  # fmt: skip
