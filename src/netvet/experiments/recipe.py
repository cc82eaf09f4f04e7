"""Run the experiments in the order of the recipe, and say where on the road a project stands."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import torch

from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.experiment import STAGES, Experiment, Outcome
from netvet.experiments.lab import Lab, OutOfTime
from netvet.experiments.trial import is_memory

# A budget that lets most experiments on a small network come to an answer.
FULL_SECONDS = 600.0
Record = Mapping[str, Any]

# Checks of a fit that tell of a later stage than that a network can learn at all.
_LATER = {
    "regularise": ("overfitting", "oversized-dropout", "oversized-regularisation", "too-few-samples"),
    "tune": ("lr-too-low", "lr-decays-early", "too-large-batch", "too-small-batch", "missing-warmup", "stopped-early"),
}


@dataclass(frozen=True)
class Done:
    """An experiment with its outcome and the seconds it took."""

    experiment: Experiment
    outcome: Outcome
    seconds: float

    def record(self) -> dict[str, Any]:
        """JSON types, for the store."""
        one = self.experiment
        return {
            "experiment": one.name, "stage": one.stage, "title": one.title, "gate": one.gate, "seconds": self.seconds,
            **asdict(self.outcome),
        }  # fmt: skip


def select(experiments: Sequence[Experiment], only: Iterable[str], skip: Iterable[str]) -> list[Experiment]:
    """The experiments that are asked for, by name or stage.

    Raises:
        NetvetError: there is none of that name.
    """
    known = {e.name for e in experiments} | set(STAGES)  # the first stage is the checks alone
    only, skip = list(only), list(skip)
    for name in (*only, *skip):
        if name not in known:
            raise NetvetError(f"no experiment or stage is called {name!r}; known: {', '.join(sorted(known))}")
    return [
        e
        for e in experiments
        if (not only or e.name in only or e.stage in only) and e.name not in skip and e.stage not in skip
    ]


def perform(
    experiments: Sequence[Experiment],
    lab: Lab | None,
    reason: str = "",
    *,
    done: Callable[[Done], None] = lambda one: None,
) -> list[Done]:
    """Do experiments one after the other; one that cannot be done does not keep the others from it.

    Each may take its share of the time that is left; those for which that is too little come once more at the end,
    gates first, with all that the others have left.

    Args:
        lab: None where there is nothing to experiment with; `reason` says why.
        done: called after each.
    """
    found: list[Done] = []

    def end(one: Experiment, outcome: Outcome, began: float) -> None:
        found.append(Done(one, outcome, perf_counter() - began))
        done(found[-1])

    late: list[Experiment] = []
    for number, one in enumerate(experiments):
        began = perf_counter()
        if lab is None:
            end(one, Outcome("not assessed", reason), began)
            continue
        lab.allow(lab.budget_left * one.seconds / sum(e.seconds for e in experiments[number:]))
        try:
            end(one, _outcome(one, lab), began)
        except OutOfTime:
            late.append(one)
    for one in sorted(late, key=lambda e: not e.gate):
        began = perf_counter()
        if lab is not None:
            lab.allow(lab.budget_left)
            try:
                end(one, _outcome(one, lab), began)
            except OutOfTime as error:
                end(one, Outcome("not assessed", str(error)), began)
    return found


def _outcome(one: Experiment, lab: Lab) -> Outcome:
    """What an experiment says.

    Raises:
        OutOfTime: it needs more time.
    """
    if lab.seconds_left <= 0:
        raise OutOfTime("the budget was used up before it (--budget gives more)")
    try:
        with forked_rng(), torch.enable_grad():
            return one.run(lab)
    except OutOfTime:
        raise
    except NetvetError as error:
        return Outcome("not assessed", str(error))
    except Exception as error:  # an error of ours is no verdict, and the rest goes on
        if is_memory(error):
            return Outcome("not assessed", "out of memory")
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Outcome("not assessed", f"internal error: {type(error).__name__}: {error} ({where.name}, please report)")


def checklist(
    records: Sequence[Record], findings: Sequence[Record], silent: Mapping[str, int] | None = None
) -> list[dict[str, Any]]:
    """The six stages with their gates.

    Args:
        records: of experiments (`Done.record`).
        findings: of checks: `check`, `stage`, `severity`, `message`; those that the diagnosis counts.
        silent: how many checks looked and found nothing, by the stage of the recipe (see `stage_of`).

    Returns:
        For each stage `stage`, `gate` (`passed`, `failed`, `not yet`, `not assessed`), `items`.
    """
    stages: list[dict[str, Any]] = []
    # What a check says in the words of an experiment is told once.
    words = tuple(r["message"] for r in records if r["verdict"] == "failed")
    own = [f for f in findings if not f["message"].startswith(words)]
    open_ = True
    for stage in STAGES:
        items = [_of_finding(f) for f in own if stage_of(f["check"], f["stage"]) == stage]
        count = (silent or {}).get(stage, 0)
        if count:
            told = "1 check sees" if count == 1 else f"{count} checks see"
            items.append(_item("checks", "checks", "passed", f"{told} nothing wrong"))
        items += [
            {"name": r["experiment"], **{k: r[k] for k in ("title", "verdict", "message", "next", "gate")}}
            for r in records
            if r["stage"] == stage
        ]
        gate = _gate(items) if open_ else "not yet"
        stages.append({"stage": stage, "gate": gate, "items": items})
        open_ = open_ and gate != "failed"
    return stages


def _item(name: str, title: str, verdict: str, message: str) -> dict[str, Any]:
    return {"name": name, "title": title, "verdict": verdict, "message": message, "next": "", "gate": True}


def _of_finding(finding: Record) -> dict[str, Any]:
    return _item(finding["check"], finding["check"], "failed", finding["message"])


def stage_of(check: str, stage: str) -> str:
    """The stage of the recipe that a check belongs to, from its own stage (`data`, `skeleton`, `fit`)."""
    if stage != "fit":
        return stage
    return next((later for later, checks in _LATER.items() if check in checks), "overfit")


def _gate(items: Sequence[Record]) -> str:
    verdicts = [item["verdict"] for item in items if item["gate"]]
    if "failed" in verdicts:
        return "failed"
    return "passed" if "passed" in verdicts else "not assessed"
