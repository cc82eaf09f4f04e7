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
    if (why := lab.problem.details.get("unassessed", {}).get(one.name)) is not None:
        return Outcome("not assessed", why)
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
