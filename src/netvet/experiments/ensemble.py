"""What the mean of several nets' outputs brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from netvet.core import NetvetError
from netvet.experiments import paired
from netvet.experiments.ensembles import KINDS, mean_of, outputs_of, qualities, spread_of
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.paired import Comparison
from netvet.experiments.trial import Result, Trial
from netvet.experiments.validated import (
    CONFIRMED_ON,
    LEAST_SCORE,
    POINTS,
    fresh_seeds,
    learns,
    length,
    measure_of,
    require_validation,
    unripe,
)

# Where snapshots of one training are taken, beside its end.
SNAPSHOTS = (0.7, 0.8, 0.9)


def _outputs(result: Result) -> dict[int, list[torch.Tensor]]:
    kept = result.extra["outputs"]
    return {int(step): [torch.tensor(one) for one in batches] for step, batches in kept.items()}


def _gain(lab: Lab, single: Sequence[list[torch.Tensor]], members: Sequence[list[torch.Tensor]]) -> Comparison | None:
    """Quality of the mean of the members, against the mean quality of the single ones, sample by sample."""
    kind, val = lab.problem.kind, lab.problem.val
    together = qualities(kind, mean_of(members), val)
    alone = [qualities(kind, one, val) for one in single]
    unit = spread_of(val) if kind == "numbers" else 1.0
    each = [sum(values) / len(values) / unit for values in zip(*alone, strict=True)]
    return paired.compare([value / unit for value in together], each)


def _words(name: str, found: Comparison) -> str:
    return f"{found.effect:+.3g} [{found.low:+.3g}, {found.high:+.3g}] {name}"


def require_outputs(lab: Lab) -> None:
    """Outputs can be averaged, and compared with targets.

    Raises:
        NetvetError: they cannot.
    """
    require_validation(lab)
    problem = lab.problem
    if problem.kind not in KINDS or not problem.train.roles.targets:
        raise NetvetError("outputs and targets of the model are not known: nothing can be averaged")
    outputs_of(problem.learner(0), problem, problem.val)


@experiment(stage="squeeze", title="ensemble", seconds=20, gate=False)
def ensemble(lab: Lab) -> Outcome:
    """Average the outputs of five nets of different seeds, and of snapshots of one training.

    ## Why it matters
    An ensemble is a sure way to gain a little accuracy on almost anything, at several times the cost of a prediction.

    ## How it is done
    Five nets are trained as the program does it; their probabilities (or numbers) on validation data are averaged. The
    gain is the difference to the mean quality of the single nets, tested over the validation samples: accuracy, or
    squared error as a share of the variance of the targets. Snapshots are weights of one training at 70, 80, 90 and
    100 % of its steps.

    ## Known problems
    In short trials the nets differ more than after a full training, and an ensemble gains more: as long as validation
    still gets better nothing is said, unless the program itself takes no more steps.

    ## References
    Lakshminarayanan et al., Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles, NeurIPS 2017.
    Huang et al., Snapshot Ensembles, ICLR 2017.
    """
    require_outputs(lab)
    seeds = [*lab.seeds, *fresh_seeds(lab)][: max(CONFIRMED_ON, len(lab.seeds))]
    steps = length(lab, len(seeds) * 1.2)  # outputs cost a little
    places = [*(round(share * steps) for share in SNAPSHOTS), steps]
    change: dict[str, Any] = {"outputs-kept": places, "validate-every": max(1, steps // POINTS)}
    results = lab.run([Trial(steps, seed, change, scores=False) for seed in seeds])
    measure = measure_of(results)
    if not learns(measure, results):
        raise NetvetError(f"validation {measure.name} does not improve in {steps} steps")
    outputs = [_outputs(r) for r in results]
    ends = [one[steps] for one in outputs]
    gain, snapshots = _gain(lab, ends, ends), _gain(lab, ends[:1], list(outputs[0].values()))
    if gain is None:
        raise NetvetError("there are too few validation samples")
    name = "accuracy" if lab.problem.kind != "numbers" else "r2"
    evidence = {
        "seeds": gain.record(), "snapshots": snapshots.record() if snapshots else None, "steps": steps,
        "members": len(seeds), "measure": name,
    }  # fmt: skip
    said = f"the mean of {len(seeds)} nets brings {_words(name, gain)} over single ones"
    if snapshots is not None:
        said += f", that of {len(SNAPSHOTS) + 1} snapshots of one training {_words(name, snapshots)}"
    short = unripe(lab, measure, results)
    if short:
        return Outcome("undetermined", f"{said}, but the trials are too short: {short}", evidence)
    if gain.low > 0 and gain.effect >= LEAST_SCORE:
        return Outcome("advice", said, evidence, f"If that is worth the time, average {len(seeds)} nets.")
    if gain.effect < LEAST_SCORE:
        return Outcome("passed", f"{said}: one net is as good", evidence)
    return Outcome("undetermined", f"{said}: the validation samples do not decide", evidence)
