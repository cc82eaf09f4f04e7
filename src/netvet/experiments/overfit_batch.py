"""Whether the network can learn a few samples by heart."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from netvet.experiments.data import Batch
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.floor import Floor, floor_of
from netvet.experiments.lab import Lab
from netvet.experiments.trial import Result, Trial

STEPS, LONGER = 300, 5
# Share of the way from the first loss to the lowest that counts as learned by heart; what the loss may keep of its
# start where its lowest value is not known.
WAY, LEFT = 0.95, 0.05
# A trial ends where the mean of five steps has this share of what may be kept.
ENOUGH = 0.8
# Samples of the last size; where a step is slow, an ordinary batch of half as many says as much.
MANY = 50
# Accuracy or r2 on the samples that counts as learned by heart.
LEARNED = {"accuracy": 0.999, "r2": 0.98}
# A loss that moved less than this share of its start (or of the way) has not moved; one that still falls by this share
# of what it has won in the last fifth of a trial is not at its end.
MOVED, FALLING = 0.02, 0.05
SHOWN = 16
# Learning rates as multiples of the program's own; then a safe start with another optimizer.
FACTORS = (1.0, 10.0, 0.1)
SAFE = {"name": "Adam", "lr": 1e-3}
LAST = 0.05
# A network cannot go this much further than the lowest loss.
BEYOND = 1.1


def _trials(steps: int, samples: int | None, until: float | None) -> list[Trial]:
    base = {"one-batch": samples, "unregularised": True, "constant-lr": True, "no-clipping": True, "shown": SHOWN}
    arms = [{**base, "lr-factor": factor} for factor in FACTORS] + [{**base, "optimizer": SAFE}]
    return [Trial(steps, 0, arm, until=until) for arm in arms]


def _is_learned(result: Result, floor: Floor) -> bool:
    train = result.train
    if train is not None and train.score is not None and train.score >= LEARNED[str(train.name)]:
        return True
    way = floor.way(result.tail(LAST))
    if floor.lowest is not None:
        if result.ended == "decided":
            return True
        return way is not None and way >= WAY
    return floor.start > 0.0 and result.tail(LAST) <= LEFT * floor.start


def _has_moved(result: Result, floor: Floor) -> bool:
    """The loss left its start, by more than its own noise."""
    if not math.isfinite(result.tail(LAST)):
        return False
    way = floor.way(result.tail(LAST))
    return (floor.start - result.tail(LAST)) / max(abs(floor.start), 1e-12) > MOVED if way is None else way > MOVED


def _is_falling(result: Result) -> bool:
    """The loss was still on its way down when its steps were used up."""
    losses, count = result.losses, max(1, len(result.losses) // 5)
    won = result.start - result.tail(0.2)
    before = sum(losses[-2 * count : -count]) / count
    return result.ended in ("steps", "time") and won > 0 and before - result.tail(0.2) > FALLING * won


def _batch(lab: Lab, samples: int | None) -> Batch:
    train = lab.problem.train
    return train.batches[0] if samples is None else train.samples(range(min(samples, train.size or samples)))


def _credible(floor: Floor) -> Floor:
    """Free outputs that do not lower the loss at all are not what the loss depends on."""
    if floor.lowest is None or floor.start - floor.lowest > MOVED * abs(floor.start):
        return floor
    return replace(floor, lowest=None, reason="free outputs do not lower it")


def _told(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "no number"


def _learn(lab: Lab, samples: int | None, steps: int) -> tuple[dict[str, Any], Result, Floor, list[Result]]:
    """Try until one trial has learned the samples; evidence, the best trial, the floor, all trials."""
    floor = _credible(floor_of(lab.problem, _batch(lab, samples)))
    # Learned for sure: no need to go on.
    until = None if floor.lowest is None else floor.lowest + ENOUGH * (1 - WAY) * (floor.start - floor.lowest)
    done: list[Result] = []
    for trial in _trials(steps, samples, until):
        result = lab.run([trial])[0]
        if (floor.way(result.tail(LAST)) or 0.0) > BEYOND:  # what was taken for the lowest loss is not
            floor = replace(floor, lowest=None, reason="the network went below what free outputs reach")
            result = lab.run([replace(trial, until=None)])[0]
        done.append(result)
        if result.ended == "failed" or _is_learned(result, floor):
            break
    number = min(range(len(done)), key=lambda i: done[i].tail(LAST))
    if not _is_learned(done[-1], floor) and _is_falling(done[number]):
        # The best one may go on for longer, before it is said that it cannot.
        longer = lab.steps(LONGER * steps, 2, least=steps)
        done.append(lab.run([_trials(longer, samples, until)[number]])[0])
    best = done[-1] if _is_learned(done[-1], floor) else min(done, key=lambda r: r.tail(LAST))
    score = best.train.score if best.train is not None else None
    batch, roles, every = _batch(lab, samples), lab.problem.train.roles, max(1, len(best.losses) // 100)
    record = {
        "weights": sum(p.numel() for p in lab.problem.learner(0).model.parameters() if p.requires_grad),
        "targets": max((batch[n].numel() for n in roles.targets), default=0),
        "samples": samples or lab.problem.train.batch_size, "learned": _is_learned(best, floor), "start": best.start,
        "loss": best.tail(LAST), "lowest": floor.lowest, "no_lowest": floor.reason, "score": score,
        "losses": list(best.losses[::every]), "every": every, **best.extra,
    }  # fmt: skip
    return record, best, floor, done


def _is_like(lab: Lab, size: int, took: float) -> bool:
    """An ordinary batch is nearly as much as many samples, and these would take most of the time that is left."""
    # Half as many samples more take nearly twice the steps (a convolutional net on 32 and 50 pictures: 29 and 49).
    return 2 * size >= MANY and 2 * MANY / size * took > lab.seconds_left / 2


def _not_learned(
    record: dict[str, Any], best: Result, floor: Floor, done: list[Result], reached: list[dict[str, Any]]
) -> Outcome:
    what = f"{record['samples']} samples" if record["samples"] else "one batch"
    path = f"the loss went from {floor.start:.3g} to {_told(best.tail(LAST))}"
    if floor.lowest is not None:
        path += f", where {floor.lowest:.3g} can be reached"
    if any(_has_moved(r, floor) for r in done):
        doubt = ""
        if record["weights"] < record["targets"]:
            doubt = f"{record['weights']:,} weights cannot be expected to hold {record['targets']:,} targets"
        elif floor.lowest is None:
            doubt = f"its lowest value is not known ({floor.reason})"
        elif floor.random:
            doubt = "the model draws random numbers, so that its lowest loss is not known"
        elif _is_falling(best):
            doubt = "it was still falling when its steps were used up"
        if doubt:
            return Outcome("undetermined", f"{what}: {path}; {doubt}", {"reached": reached})
    return Outcome(
        "failed",
        f"{what} could not be learned by heart in {len(best.losses)} steps, whatever the learning rate: {path}",
        {"reached": reached},
        "Look for a mistake in the model, the loss or the update before anything is tuned.",
        ("cannot-overfit-batch", "insufficient-capacity"),
    )


@experiment(stage="overfit", title="learns one batch by heart", seconds=25)
def overfit_batch(lab: Lab) -> Outcome:
    """Train on two samples, then on one batch, then on fifty samples, again and again, with regularisation off.

    ## Why it matters
    A network that cannot learn a few samples by heart will not learn many: something between input, loss and update is
    broken, and no tuning mends that. It is the cheapest test there is of a whole training step.

    ## How it is done
    Dropout, weight decay, clipping and schedule are off. Where a step is slow, fifty samples are left out after a batch
    of at least half as many. The program's own learning rate is tried, ten times and a
    tenth of it, and Adam at 1e-3: a wrong learning rate alone does not fail this. The lowest loss that the targets
    allow is measured: free numbers stand in the place of the model's outputs, equal where the inputs are equal, and the
    loss is minimised over them. Passed, if accuracy (or r2) on the samples reaches its maximum, or the loss goes 95 %
    of the way from its start to that lowest value.

    ## Known problems
    Where the lowest loss cannot be measured (a loss made within the model, one without a lowest value, a model that
    draws random numbers), a loss that moves decides nothing: the outcome is undetermined, and failed only if no trial
    moves it at all. So it is where a network has fewer weights than there are targets: a linear model is not made to
    learn by heart.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "overfit one batch".
    """
    sizes = [2, None, MANY] if lab.problem.train.size is not None else [None]
    # Most nets learn with the first rate, long before the last step, and two samples cost less than a batch.
    if "overfit" not in lab.kept:  # a second attempt goes on with the trials of the first
        lab.kept["overfit"] = lab.steps(STEPS, 1, least=60)
    steps = lab.kept["overfit"]
    reached: list[dict[str, Any]] = []
    took = 0.0
    for size in sizes:
        if size == MANY and _is_like(lab, int(reached[-1]["samples"] or 0), took):
            break
        record, best, floor, done = _learn(lab, size, steps)
        took = best.seconds
        if done[-1].ended == "failed":
            return Outcome("not assessed", f"a copy of the model could not be trained: {done[-1].error}")
        reached.append(record)
        if not record["learned"]:
            return _not_learned(record, best, floor, done, reached)
    last = reached[-1]
    what = f"{last['samples']} samples are" if last["samples"] else "one batch is"
    lowest = f", where {last['lowest']:.3g} can be reached" if last["lowest"] is not None else ""
    return Outcome(
        "passed",
        f"{what} learned by heart (loss {last['start']:.3g} to {last['loss']:.3g}{lowest})",
        {"reached": reached},
    )
