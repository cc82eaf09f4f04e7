"""A Keras model trained once more on copies: a few steps at other learning rates. Records `lr_probe`, `lr_trial`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from time import process_time
from typing import Any

import numpy as np

from netvet.capture.keras_backends import Array
from netvet.capture.keras_forward import quiet_generators
from netvet.capture.keras_training import Training
from netvet.capture.summaries import place

MULTIPLES = (0.1, 1.0, 10.0)
# A rate at which the loss falls by less than this share may be too low by more than one power of ten.
HARDLY, MOST = 0.1, 1e4
# Seconds of computing: what other programs take of the machine does not count.
LR_STEPS, LR_SECONDS = 10, 4.0
# The first steps are repeated in a trial, so many at most and no longer than this.
MAX_TRIAL, MIN_TRIAL, TRIAL_SECONDS = 200, 30, 6.0
# Mean of this share of the last steps is the result of a trial.
TAIL = 0.25
MAX_ELEMENTS = 10_000_000


class Copy:
    """The first weights of a model with an optimizer of the same kind, to be trained beside it.

    Args:
        multiple: of the learning rate.
    """

    def __init__(self, training: Training, multiple: float) -> None:
        plan = training.first
        if plan is None:
            raise ValueError("no first step was kept")
        self._training, self._backend = training, training.backend
        self.weights = [np.array(a) for a in plan.trainable]
        self.others, rate = plan.others, float(training.first_rate or 0.0) * multiple
        self._own = _Own(training, self.weights, rate) if self._backend.name == "tensorflow" else None
        if self._own is not None:
            return
        if "optimizer" not in training.trials:
            training.trials["optimizer"] = _remade(training)
        self._apply, state, at = training.trials["optimizer"]
        self._state = [np.array(a) for a in state]
        self._state[at] = np.asarray(rate, dtype=self._state[at].dtype)

    def step(self, batch: Any) -> float:
        """One step; gives the loss before it."""
        look = self._training.sandbox.step(self.weights, self.others, batch)
        pairs = zip(look.gradients, self.weights, strict=True)
        gradients = [np.zeros_like(w) if g is None else g.astype(w.dtype) for g, w in pairs]
        if self._own is not None:
            self.weights = self._own.step(gradients)
            return look.loss
        weights, state = self._backend.call(self._apply, (self._state, gradients, self.weights))
        self.weights = [self._backend.array(w) for w in weights]
        self._state = [self._backend.array(s) for s in state]
        return look.loss


def _remade(training: Training) -> tuple[Any, list[Array], int]:
    """An optimizer of the same kind as a function, its state before the first step, and the place of the rate in it."""
    from keras import ops

    made = _optimizer(training, float(training.first_rate or 0.0))
    made.build(training.variables[0])
    at = next(i for i, v in enumerate(made.variables) if v.name == "learning_rate")

    def apply(state: Any, gradients: Any, weights: Any) -> Any:
        tensors = ([ops.convert_to_tensor(one) for one in some] for some in (state, gradients, weights))
        weights, state = made.stateless_apply(*tensors)
        return list(weights), list(state)

    return apply, [training.backend.array(v.value) for v in made.variables], at


def _optimizer(training: Training, rate: float) -> Any:
    """A new optimizer, set as that of the model, with a rate that stays."""
    optimizer = getattr(training.model.optimizer, "inner_optimizer", training.model.optimizer)
    settings = dict(optimizer.get_config())
    settings |= {"learning_rate": rate, "gradient_accumulation_steps": None}
    return type(optimizer).from_config(settings)


class _Own:
    """Variables of their own with an optimizer: for TensorFlow, where Keras steps none on values alone."""

    def __init__(self, training: Training, weights: Sequence[Array], rate: float) -> None:
        import keras

        self._array, self._optimizer = training.backend.array, _optimizer(training, rate)
        self._variables = [keras.Variable(w, dtype=str(w.dtype)) for w in weights]
        self._optimizer.build(self._variables)

    def step(self, gradients: Sequence[Array]) -> list[Array]:
        """The weights after one step."""
        from keras import ops

        self._optimizer.apply([ops.convert_to_tensor(g) for g in gradients], self._variables)
        return [self._array(v.value) for v in self._variables]


def lr_probe(training: Training) -> None:
    """Record `lr_probe`: a few steps on the first batch at several multiples of the learning rate."""
    reason = _refused(training)
    if reason is not None or training.look is None or training.first is None:
        training.recorder.missing("lr_probe", reason or "no step was looked at")
        return
    start, losses = training.look.loss, dict[float, float | None]()
    waiting, until = list(MULTIPLES), process_time() + LR_SECONDS
    batch = training.first.batches[0]
    while waiting and math.isfinite(start):
        multiple = waiting.pop(0)
        with quiet_generators():
            found = _short(Copy(training, multiple), batch, until)
        if found is None:
            break
        losses[multiple] = found if math.isfinite(found) and found < 1e3 * (abs(start) + 1) else None
        # Dropout and the like let the loss of one batch rise a little as well.
        hardly = math.isfinite(found) and abs(start - found) < HARDLY * abs(start)
        if not waiting and hardly and multiple < MOST:
            waiting.append(multiple * 10)
    if not losses.keys() >= set(MULTIPLES):
        training.recorder.missing("lr_probe", "the machine is too slow to repeat the first steps in a few seconds")
        return
    reached = [(loss, m) for m, loss in losses.items() if loss is not None]
    training.recorder.facts("lr_probe", [{
        "optimizer": _name(training), "lr": training.first_rate, "multiples": list(losses), "start": start,
        "losses": list(losses.values()), "spread": None, "best": min(reached)[1] if reached else None,
        "steps": LR_STEPS, "batches": 1,
    }])  # fmt: skip


def _name(training: Training) -> str:
    return type(getattr(training.model.optimizer, "inner_optimizer", training.model.optimizer)).__name__


def _refused(training: Training) -> str | None:
    plan = training.first
    if plan is None or not plan.batches or not training.first_rate:
        return "the first step was not seen, or has no learning rate"
    if sum(a.size for a in plan.trainable) > MAX_ELEMENTS:
        return "the model is too large to be trained again"
    return None


def _short(copy: Copy, batch: Any, until: float) -> float | None:
    """The loss after a few steps; None where there was no time."""
    for _ in range(LR_STEPS):
        if process_time() > until:
            return None
        if not math.isfinite(copy.step(batch)):
            return math.inf
    return copy.step(batch)


def lr_trial(training: Training, course: Sequence[float]) -> None:
    """Record `lr_trial`, where the loss shows harm: the first steps again, at lower rates.

    Args:
        course: losses of the run, in order.
    """
    kept, reason = training.kept[:MAX_TRIAL], _refused(training)
    if reason is None and (len(kept) < MIN_TRIAL or training.fits > 1):
        reason = "too few steps of one form were seen"
    if reason is None and not harmed(course):
        reason = "the loss showed no sign of a wrong learning rate"
    if reason is not None:
        training.recorder.missing("lr_trial", reason)
        return
    until = process_time() + TRIAL_SECONDS
    with quiet_generators():
        first = _course(Copy(training, 1.0), kept, until)
        count = len(first)
        slower = _course(Copy(training, 0.1), kept[:count], until + TRIAL_SECONDS)
    if count < MIN_TRIAL or len(slower) < count:
        training.recorder.missing("lr_trial", "its time was used up")
        return
    own = list(course[:count])
    training.recorder.facts("lr_trial", [{
        "optimizer": _name(training), "lr": training.first_rate, "steps": count, "start": own[0],
        "own": _tail(own), "end": _tail(course), "peak": max(course), "multiples": [1.0, 0.1],
        "losses": [_tail(first), _tail(slower)], "warmup": None, "warmup_steps": 0,
        "spread": _spread(own, slower), **place(training.fit_site),
    }])  # fmt: skip


def harmed(course: Sequence[float]) -> bool:
    """Whether a loss looks as if the steps were too long: it jumped, swings, or stayed high."""
    if not course or not all(map(math.isfinite, course)):
        return bool(course)
    start, end = course[0], course[-max(4, len(course) // 4) :]
    level = statistics.median(end)
    if start <= 0 or min(course) < 0:
        return False
    early = course[len(course) // 4 : len(course) // 2]
    stuck = bool(early) and level > max(0.6 * statistics.median(early), 0.02 * start)
    return level > 0.3 * start or max(course) > 1.5 * start or statistics.pstdev(end) > 0.6 * level or stuck


def _course(copy: Copy, batches: Sequence[Any], until: float) -> list[float]:
    losses: list[float] = []
    for batch in batches:
        if process_time() > until:
            break
        losses.append(copy.step(batch))
    return losses


def _tail(losses: Sequence[float]) -> float | None:
    """Mean of the last part; None where it is not finite."""
    mean = statistics.fmean(losses[-max(1, round(TAIL * len(losses))) :])
    return mean if math.isfinite(mean) else None


def _spread(own: Sequence[float], other: Sequence[float]) -> float | None:
    """Standard error of the difference between two paths over the same batches."""
    size = max(2, round(TAIL * len(own)))
    gaps = [a - b for a, b in zip(own[-size:], other[-size:], strict=False)]
    if len(gaps) < 2 or not all(map(math.isfinite, gaps)):
        return None
    return statistics.stdev(gaps) / math.sqrt(len(gaps))


def input_ablation(training: Training, arrays: list[Array], target: Array, split: str, site: str) -> None:
    """Record `input_ablation`: the loss of the trained model with real, shuffled and zeroed inputs.

    Args:
        arrays: inputs of the kept samples, [samples, ...] each, in the structure's order; `target`: of the same.
    """
    trainable, others = training.now()
    generator = np.random.default_rng(3)
    order = generator.permutation(len(target))
    found: dict[str, float] = {}
    for name, chosen in (("real", None), ("shuffled", order), ("zeroed", "zero")):
        given = [np.zeros_like(a) if isinstance(chosen, str) else a if chosen is None else a[chosen] for a in arrays]
        found[name] = training.sandbox.loss(trainable, others, (training.structured(given), target, None))
    if not math.isfinite(found["real"]):
        training.recorder.missing("input_ablation", "the loss at the end of the run is not finite")
        return
    record = {**found, "site": site, "split": split, "spread": None, "blocked_by": None, "step": training.steps}
    training.recorder.facts("input_ablation", [record | {"accuracy_real": None, "accuracy_shuffled": None}])
