"""Whether a training has learned anything: short trials scored on held-out data, and how they are compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from netvet.experiments.lab import Lab
from netvet.experiments.paired import ALPHA, Comparison, compare
from netvet.experiments.problem import Problem
from netvet.experiments.simple import SIGMAS, SURE, best_constant, standard_error
from netvet.experiments.trial import Result, Trial

# Experiments that compare whole trainings ask for the same steps, so that they share their unchanged twins.
STEPS, LEAST = 150, 20
# Of the seeds, so many come first; and what the trainings that are shared may take, beside their fewest steps.
FEWEST, SECONDS = 2, 8.0
# A tenth of all that there is to be learned is the least that a difference must be.
MATTERS = 0.1
# Held-out losses of a few hundred samples with random labels lie this far apart by luck (digits, 400 samples: 0.02).
LITTLE = 0.02
# Validation samples that a trial is scored on: the standard error of an accuracy is then below 2 %.
SCORED = 1_000
# Adam at the rate at which a small net learns a batch by heart (the same that overfit_batch falls back on).
SAFE: dict[str, Any] = {"name": "Adam", "lr": 1e-3}
ONE_BATCH_STEPS, BY_HEART = 60, 300


@dataclass(frozen=True)
class Twins:
    """Results of each arm by name, in the order of the seeds; `missing` says why an arm could not be trained.

    `far`: arms that the plain training is far better than (see `is_far_better`).
    """

    arms: Mapping[str, Sequence[Result]]
    missing: Mapping[str, str]
    steps: int
    far: frozenset[str] = frozenset()

    def values(self, arm: str, what: str) -> list[float]:
        """Of each seed: `loss` or `score` on held-out data, or `tail`, the mean of the last training losses."""
        results = self.arms[arm]
        if what == "tail":
            return [r.tail() for r in results]
        found = [(r.extra.get("held_out") or {}).get(what) for r in results]
        return [math.nan if v is None else float(v) for v in found]

    def mean(self, arm: str, what: str) -> float | None:
        """Over the seeds that gave a finite value."""
        finite = [v for v in self.values(arm, what) if math.isfinite(v)]
        return sum(finite) / len(finite) if finite else None

    @property
    def held_out(self) -> Mapping[str, Any]:
        """Of the first plain trial: `name` of the score, `samples`, ..."""
        return next((found for r in self.arms["plain"] if (found := r.extra.get("held_out"))), {})

    def record(self) -> dict[str, Any]:
        """JSON types; what a picture is drawn of."""
        return {
            "steps": self.steps,
            "arms": {
                name: {
                    **{what: self.values(name, what) for what in ("loss", "score", "tail")},
                    "losses": [list(r.losses[:: max(1, len(r.losses) // 100)]) for r in results],
                }
                for name, results in self.arms.items()
            },
        }


def affordable(lab: Lab, arms: int, seconds: float, *, wanted: int = STEPS, seeds: int | None = None) -> int:
    """Steps of each trial of so many arms (at so many seeds, or all), so that all take about `seconds`."""
    share = min(0.8, seconds / max(lab.seconds_left, 1e-9))
    return lab.steps(wanted, arms * (seeds or len(lab.seeds)), least=LEAST, share=share)


def twin_steps(lab: Lab) -> int:
    """Steps of the trainings that several experiments compare; settled once, so that they share their twins.

    Raises:
        OutOfTime: there is no time for the shortest.
    """
    if "learning" not in lab.kept:
        lab.kept["learning"] = affordable(lab, 3, SECONDS, seeds=min(FEWEST, len(lab.seeds)))
    return lab.kept["learning"]


def twin(lab: Lab, steps: int, seed: int, **changes: Any) -> Trial:
    """One training of a twin; the unchanged one of the first seed tells of its batches too."""
    all_scored = (lab.problem.val.size or math.inf) <= SCORED
    more = {} if changes else {"sensitivity": True}
    if not changes and seed == lab.seeds[0] and all_scored:
        more["by-batch"] = True
    return Trial(steps, seed, {**changes, "scored": SCORED, **more}, scores=False)


def other_pairs(problem: Problem) -> dict[str, Any]:
    """The change that pairs inputs with the targets of other samples.

    Where a batch holds nothing but inputs and targets, it is the same to move either: one training serves both.
    """
    train, roles = problem.train, problem.train.roles
    own = {name for batch in train.batches for name in batch} - set(roles.shared)
    apart = not set(roles.inputs) & set(roles.targets) and own == set(roles.inputs) | set(roles.targets)
    return {"shuffled-targets" if roles.targets and apart and train.size is not None else "shuffled-inputs": True}


def train_twins(lab: Lab, steps: int, **changes: Mapping[str, Any]) -> Twins:
    """Train every arm at every seed, scored on held-out data at the end.

    Two seeds are enough where the difference is large beside the luck of the held-out samples as well (one of an arm
    without inputs: what it learns is one answer for all); where luck leaves it open, twice the seeds are taken.
    """
    if len(lab.seeds) > FEWEST:
        once = [arm for arm, change in changes.items() if "zeroed-inputs" in change]
        twins = _trained(lab, steps, lab.seeds[:FEWEST], changes, once)
        far = frozenset(arm for arm in twins.arms if arm != "plain" and is_far_better(lab.problem, twins, arm))
        if not twins.missing and far == set(changes):
            return replace(twins, far=far)
    twins = _trained(lab, steps, lab.seeds, changes)
    open_ = [a for a in changes if a in twins.arms and not is_better(twins, a) and not is_no_better(twins, a)]
    cost = len(lab.seeds) * (1 + len(changes)) * steps * lab.step_seconds
    if "plain" in twins.missing or not open_ or cost > lab.seconds_left:
        return twins
    more = range(max(lab.seeds) + 1, max(lab.seeds) + 1 + len(lab.seeds))
    return _trained(lab, steps, (*lab.seeds, *more), changes)


def _trained(
    lab: Lab, steps: int, seeds: Sequence[int], changes: Mapping[str, Mapping[str, Any]], once: Sequence[str] = ()
) -> Twins:
    """Every arm at every seed; those in `once` at the first."""
    arms: dict[str, dict[str, Any]] = {"plain": {}, **{name: dict(change) for name, change in changes.items()}}
    wanted = [
        (name, twin(lab, steps, s, **a)) for name, a in arms.items() for s in seeds[: 1 if name in once else None]
    ]
    done = lab.run([trial for _, trial in wanted])
    by_arm = {name: [r for (n, _), r in zip(wanted, done, strict=True) if n == name] for name in arms}
    missing = {
        name: next((str(r.error) for r in results if r.error), "it ran out of time")
        for name, results in by_arm.items()
        if all(r.ended == "failed" for r in results) or any(r.ended == "time" for r in results)
    }
    return Twins({n: r for n, r in by_arm.items() if n not in missing}, missing, steps)


def gain(twins: Twins, arm: str) -> dict[str, Comparison]:
    """How much better the plain training is than an arm on held-out data; more is better.

    Returns:
        By `score` and `loss`, those that could be compared.
    """
    found = {}
    for what, sign in (("score", 1.0), ("loss", -1.0)):
        other, plain = ([sign * v for v in twins.values(name, what)] for name in (arm, "plain"))
        pair = compare(plain[: len(other)], other)
        if pair is not None:
            found[what] = pair
    return found


def is_better(twins: Twins, arm: str, by: str | None = None) -> bool:
    """The plain training is better than an arm on held-out data, beyond luck; by `score` or `loss`, or any of them.

    Seeds share their held-out samples, so that a paired test over seeds says nothing of the luck of these: a score
    must gain two standard errors of its own as well, and a loss (whose error is not known) a few per cent.
    """
    if arm in twins.far:
        return by in (None, "score")
    for what, pair in gain(twins, arm).items():
        level, held = twins.mean(arm, what) or 0.0, twins.held_out
        luck = LITTLE * abs(level)
        if what == "score":
            luck = SIGMAS * standard_error(str(held.get("name")), level, int(held.get("samples", 1)))
        if by in (None, what) and pair.low > 0 and pair.p < ALPHA and pair.effect > luck:
            return True
    return False


def is_far_better(problem: Problem, twins: Twins, arm: str) -> bool:
    """At every seed the score is beyond that of the arm and of any constant answer, each by three standard errors.

    What does not use its inputs gives a constant answer, and what was learned from other pairs is right by chance: the
    number of held-out samples says how far chance goes, and no further seeds are needed to know it.
    """
    name, samples = str(twins.held_out.get("name")), int(twins.held_out.get("samples", 1))
    constant = best_constant(problem)
    scores, others = twins.values("plain", "score"), twins.values(arm, "score")
    if constant is None or not all(map(math.isfinite, (*scores, *others))):
        return False
    for score, other in zip(scores, others, strict=False):  # an arm may have been trained once
        error, own = (standard_error(name, value, samples) for value in (other, score))
        if score - other <= SURE * math.hypot(error, own) or score - constant <= SURE * own:
            return False
    return True


def is_no_better(twins: Twins, arm: str) -> bool:
    """What the plain training gains is surely less than a tenth of what there is, by all that was measured."""
    found = gain(twins, arm)
    for what, pair in found.items():
        level = twins.mean(arm, what) or 0.0
        room = max(1.0 - level, 0.0) if what == "score" else abs(level)
        if pair.high >= MATTERS * room and pair.high > 0:
            return False
    return bool(found)


def one_batch(lab: Lab, **change: Any) -> list[Result]:
    """Train on one batch alone, without regularisation: at the program's own rate and with Adam."""
    base = {**change, "one-batch": None, "unregularised": True, "constant-lr": True, "no-clipping": True}
    steps = affordable(lab, 2, 4.0, wanted=ONE_BATCH_STEPS)
    arms = [base, {**base, "optimizer": SAFE}]
    return lab.run([Trial(steps, seed, arm, scores=False) for arm in arms for seed in lab.seeds])


def memorises(lab: Lab) -> bool:
    """One batch is learned by heart to half of its loss at least, at the program's own rate or with Adam."""
    base = {"one-batch": None, "unregularised": True, "constant-lr": True, "no-clipping": True}
    faster = {**SAFE, "lr": 10 * SAFE["lr"]}
    arms: list[dict[str, Any]] = [base, {**base, "optimizer": SAFE}, {**base, "optimizer": faster}]
    steps = lab.steps(BY_HEART, len(arms), least=ONE_BATCH_STEPS, share=min(0.8, 15 / max(lab.seconds_left, 1e-9)))
    start = lab.run([Trial(1, 0, base, scores=False)])[0].start
    for arm in arms:  # the first that does it is enough
        result = lab.run([Trial(steps, 0, arm, until=0.5 * start, scores=False)])[0]
        if result.ended == "decided" or result.tail(0.1) < 0.5 * start:
            return True
    return False


def told(twins: Twins, arms: Sequence[str]) -> str:
    """What came of the arms, in words: by what decides, the score where nothing does."""
    arms = [arm for arm in arms if arm in twins.arms]
    known = [what for what in ("score", "loss") if twins.mean("plain", what) is not None]
    what = next((w for w in known if all(is_better(twins, arm, w) for arm in arms)), known[0])
    name = twins.held_out.get("name") if what == "score" else what
    others = [f"{mean:.3g} {arm}" for arm in arms if (mean := twins.mean(arm, what)) is not None]
    real = f"{twins.mean('plain', what):.3g}"
    return f"held-out {name} after {twins.steps} steps: {real} as it is, {', '.join(others)}"


def trained_score(problem: Problem) -> tuple[float, float, int] | None:
    """Score of the model as the run left it on held-out samples, that of a constant answer, and how many samples."""
    for record in problem.details.get("trained", ()):
        constant = record.get("majority") if record.get("score") == "accuracy" else record.get("mean")
        if record.get("split") == "val" and record.get("model") is not None and constant is not None:
            return float(record["model"]), float(constant), int(record.get("samples") or 0)
    return None


def is_trained(problem: Problem) -> bool:
    """The model as the run left it is better on held-out samples than a constant answer, by three standard errors."""
    found = trained_score(problem)
    if found is None or found[2] < 2:
        return False
    model, constant, count = found
    name = "r2" if problem.kind == "numbers" else "accuracy"
    best = max(constant, best_constant(problem) or constant)  # with hindsight: no luck in the choice of the class
    return model > best + SURE * standard_error(name, model, count)
