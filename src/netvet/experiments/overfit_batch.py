"""Whether the network can learn a few samples by heart."""

from __future__ import annotations

import math

from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.trial import Result, Trial

STEPS = 300
# What the loss may keep of its start where nothing else tells that the samples are learned.
LEFT = 0.05
# Accuracy or r2 on the samples that counts as learned by heart.
LEARNED = {"accuracy": 0.999, "r2": 0.98}
SHOWN = 16
# Learning rates as multiples of the program's own; then a safe start with another optimizer.
FACTORS = (1.0, 10.0, 0.1)
SAFE = {"name": "Adam", "lr": 1e-3}


def _trials(steps: int, samples: int | None) -> list[Trial]:
    base = {"one-batch": samples, "unregularised": True, "constant-lr": True, "no-clipping": True, "shown": SHOWN}
    arms = [{**base, "lr-factor": factor} for factor in FACTORS] + [{**base, "optimizer": SAFE}]
    return [Trial(steps, 0, arm) for arm in arms]


def _is_learned(result: Result) -> bool:
    train = result.train
    if train is not None and train.score is not None:
        return train.score >= LEARNED[str(train.name)]
    return result.tail(0.05) <= LEFT * result.start


def _failed(best: Result, samples: int | None, reached: list[dict[str, object]]) -> Outcome:
    told = f"{best.tail(0.05):.3g}" if math.isfinite(best.tail(0.05)) else "no number"
    what = f"{samples} samples" if samples is not None else "one batch"
    return Outcome(
        "failed",
        f"{what} could not be learned by heart in {len(best.losses)} steps, whatever the learning rate: the "
        f"loss went from {best.start:.3g} to {told}",
        {"reached": reached},
        "Look for a mistake in the model, the loss or the update before anything is tuned.",
        ("cannot-overfit-batch", "insufficient-capacity"),
    )


@experiment(stage="overfit", title="learns one batch by heart", seconds=30)
def overfit_batch(lab: Lab) -> Outcome:
    """Train on two samples, then on one batch, then on fifty samples, again and again, with regularisation off.

    ## Why it matters
    A network that cannot learn a few samples by heart will not learn many: something between input, loss and update is
    broken, and no tuning mends that. It is the cheapest test there is of a whole training step.

    ## How it is done
    Dropout, weight decay, clipping and schedule are off. The program's own learning rate is tried, ten times and a
    tenth of it, and Adam at 1e-3: a wrong learning rate alone does not fail this. Passed, if accuracy (or r2) on the
    samples reaches its maximum, or the loss falls below a twentieth of its start where outputs are not known.

    ## Known problems
    A batch that holds the same input with two labels cannot be learned. A network that is far too narrow cannot learn
    fifty samples, and is told of as such.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "overfit one batch".
    """
    sizes = [2, None, 50] if lab.problem.train.size is not None else [None]
    steps = lab.steps(STEPS, len(sizes) * (len(FACTORS) + 1), least=60)
    reached: list[dict[str, object]] = []
    for size in sizes:
        best: Result | None = None
        for trial in _trials(steps, size):
            result = lab.run([trial])[0]
            if result.ended == "failed":
                return Outcome("not assessed", f"a copy of the model could not be trained: {result.error}")
            if best is None or result.tail(0.05) < best.tail(0.05):
                best = result
            if _is_learned(result):
                best = result
                break
        assert best is not None
        samples = size or lab.problem.train.batch_size
        learned = _is_learned(best)
        score = best.train.score if best.train is not None else None
        reached.append(
            {"samples": samples, "learned": learned, "start": best.start, "loss": best.tail(0.05), "score": score,
             "losses": list(best.losses[:: max(1, len(best.losses) // 100)]), **best.extra}
        )  # fmt: skip
        if not learned:
            return _failed(best, samples, reached)
    last = reached[-1]
    what = f"{last['samples']} samples are" if last["samples"] else "one batch is"
    return Outcome(
        "passed",
        f"{what} learned by heart (loss {last['start']:.3g} to {last['loss']:.3g})",
        {"reached": reached},
    )
