"""What trials measure at their end, beside the scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from netvet.experiments.problem import in_eval_mode
from netvet.experiments.task import Score, predictions, score_of
from netvet.experiments.trial import MAX_SCORED, Build, without_graph

# Two-sided 95 % of a normal distribution; sets drawn for the error bar of r2.
NORMAL_95, DRAWS = 1.96, 200

Pair = tuple[torch.Tensor, torch.Tensor]


def by_batch(build: Build, _: bool) -> None:
    """At the end, score each validation batch, and all of them as one."""

    def measure(made: Build) -> Mapping[str, Any]:
        learner, kind, pairs, losses = made.learner, made.problem.kind, list[Pair](), list[float]()
        with in_eval_mode(learner.model):
            for batch in made.val.batches:
                loss, output = without_graph(learner, batch)
                losses.append(float(loss))
                target = next((batch[n] for n in made.val.roles.targets), None)
                pair = predictions(kind, output, target) if output is not None and target is not None else None
                if pair is not None:
                    pairs.append(pair)
                if sum(len(p) for p, _ in pairs) >= MAX_SCORED:
                    break
        return {"batches": losses, **(_scores(kind, pairs) if pairs else {})}

    build.at_end.append(measure)


def _scores(kind: str, pairs: list[Pair]) -> dict[str, Any]:
    predicted, wanted = torch.cat([p for p, _ in pairs]), torch.cat([w for _, w in pairs])
    whole, each = score_of(kind, predicted, wanted), [score_of(kind, p, w) for p, w in pairs]
    if whole is None:
        return {}
    low, high = _error_bar(kind, whole, predicted, wanted)
    return {
        "name": whole.name, "whole": whole.value, "low": low, "high": high, "samples": len(wanted),
        "sizes": [len(w) for _, w in pairs], "each": [s.value if s is not None else None for s in each],
    }  # fmt: skip


def _error_bar(kind: str, whole: Score, predicted: torch.Tensor, wanted: torch.Tensor) -> tuple[float, float]:
    if whole.name == "accuracy":
        return wilson(whole.value, int((wanted >= 0).sum()))
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for _ in range(DRAWS):
        rows = torch.randint(len(wanted), (len(wanted),), generator=generator).to(wanted.device)
        one = score_of(kind, predicted[rows], wanted[rows])
        drawn += [one.value] if one is not None else []
    found = torch.tensor(drawn, dtype=torch.float64)
    return float(found.quantile(0.025)), float(found.quantile(0.975))


def wilson(share: float, count: int) -> tuple[float, float]:
    """95 % interval of a share that was counted on so many samples (Wilson's score interval)."""
    z = NORMAL_95
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - reach), min(1.0, middle + reach)
