"""Try changes one at a time beside the unchanged program, on the same seeds, for as long as it takes to decide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

from netvet.fixes.choose import Candidate
from netvet.fixes.measured import ERROR, SCORE, Measured, Score, common_metric
from netvet.fixes.sequential import ALPHA, Evidence, evidence, hopeful, is_futile

Verdict = Literal[
    "helped", "no difference", "made worse", "undecided", "not assessed", "not comparable", "could not be applied"
]

# Smaller differences are of no use to anybody, however sure they are: half a percent of samples, or of variance.
LEAST_SCORE = 0.005
# Of a loss that is all there is: this share of it.
LEAST_SHARE = 0.02
# Of a variant that comes after one that helped.
NO_BETTER = "no better than the variant before it"
# A change that has gained is not tried the other way.
OPPOSITES = (
    {"lower-lr", "raise-lr"}, {"larger-batch", "smaller-batch"}, {"less-weight-decay", "more-weight-decay"},
    {"less-dropout", "more-dropout"}, {"no-dropout", "more-dropout"}, {"wider", "narrower"},
)  # fmt: skip
# Pairs at most: ten find a difference of 1.7 times the scatter of seeds.
MOST = 10


@dataclass(frozen=True)
class Asked:
    """One run that is wanted: of a candidate (None: of the unchanged program) with a seed."""

    candidate: Candidate | None
    seed: int


@dataclass
class Arm:
    """A change and what came of it.

    Args:
        runs: seed -> what was measured; `evidence`: of the pairs; `metric`: by which they were compared.
        reason: why it could not be applied, or was left undecided.
    """

    candidate: Candidate | None
    runs: dict[int, Measured] = field(default_factory=dict)
    verdict: Verdict = "undecided"
    evidence: Evidence | None = None
    metric: str = ""
    reason: str = ""

    def record(self) -> dict[str, Any]:
        """JSON types."""
        one = self.candidate
        assert one is not None
        return {
            "fix": one.fix.name, "what": one.what, "check": one.check, "verdict": self.verdict, "reason": self.reason,
            "metric": self.metric, "evidence": self.evidence.record() if self.evidence is not None else None,
            "cost": one.fix.cost, "runs": runs_of(self),
        }  # fmt: skip


def runs_of(arm: Arm) -> dict[str, Any]:
    """What was measured, by seed. JSON types."""
    return {str(seed): run.record() for seed, run in sorted(arm.runs.items())}


Measure = Callable[[Sequence[Asked]], Iterable[tuple[Asked, Measured]]]


class Study:
    """All trials of a program.

    Args:
        fixes: candidates, those of one fix together; a later variant is tried where the earlier ones are not enough.
        measure: runs the program, several times at once where it can.
        seeds: pairs before anything is called proven.
        seconds: for all trials; those that are left then stay undecided.
        metric: by which pairs are compared; None: the best that both have.
        tell: called with a line of progress.
    """

    def __init__(
        self,
        fixes: Sequence[Sequence[Candidate]],
        measure: Measure,
        *,
        seeds: int = 3,
        seconds: float = math.inf,
        metric: str | None = None,
        tell: Callable[[str], object] = lambda line: None,
    ) -> None:
        self.twin = Arm(None)
        self._fixes = [[Arm(one) for one in variants] for variants in fixes]
        self._measure, self._seeds, self._tell = measure, seeds, tell
        self._metric = metric
        self._end = monotonic() + seconds
        self.trials = 0
        self.stopped = False

    @property
    def arms(self) -> list[Arm]:
        """Changes that were tried, in order."""
        return [arm for variants in self._fixes for arm in variants if arm.runs]

    def run(self) -> None:
        """Try all of them until each is decided, the time is over, or Ctrl-C ends it: what was measured stays."""
        try:
            self._run()
        except KeyboardInterrupt:
            self.stopped = True
        why = "stopped" if self.stopped else "the time was over (--budget gives more)"
        for arm in self.arms:
            if arm.verdict == "undecided" and not arm.reason:
                arm.reason = why

    def _run(self) -> None:
        while wanted := self._affordable(self._wanted()):
            left = self._end - monotonic()
            limit = f" ({left / 60:.0f} min left at most)" if math.isfinite(left) else ""
            self._tell(f"trial {self.trials + 1} to {self.trials + len(wanted)}: {_names(wanted)}{limit}")
            for asked, measured in self._measure(wanted):
                self._arm(asked).runs[asked.seed] = measured
                self.trials += 1
            for arm in self.arms:
                self._judge(arm)
            for arm in self.arms:
                self._give_up_behind(arm)

    def best(self) -> list[Arm]:
        """Changes that helped most, those that differ by no more than what matters in the order in which they came.

        The order is that of the diagnosis: of changes that are equally good, the one for the first cause is the mend.
        """
        helped = sorted((arm for arm in self.arms if arm.verdict == "helped"), key=lambda arm: -self.score(arm))
        least = self.matters(helped[0].metric) if helped else 0.0
        alike = [a for a in helped if a.metric == helped[0].metric and self.score(helped[0]) - self.score(a) <= least]
        return [arm for arm in self.arms if any(arm is one for one in alike)]

    def score(self, arm: Arm) -> float:
        """Mean over its seeds; larger is better."""
        values = [score(run, arm.metric) for run in arm.runs.values()]
        return math.fsum(values) / len(values) if values else -math.inf

    def matters(self, metric: str) -> float:
        """The smallest difference of scores that means anything."""
        return max((matters(run, metric) for run in self.twin.runs.values()), default=LEAST_SCORE)

    def _arm(self, asked: Asked) -> Arm:
        if asked.candidate is None:
            return self.twin
        return next(arm for variants in self._fixes for arm in variants if arm.candidate is asked.candidate)

    def _affordable(self, wanted: list[Asked]) -> list[Asked]:
        """Those that the time is enough for, if each takes as long as it did before; none without its twin."""
        left = self._end - monotonic()
        if not self.twin.runs:
            return wanted
        usual = max(run.seconds for run in self.twin.runs.values())
        if usual > left:
            return []
        found = [one for one in wanted if max([usual, *(r.seconds for r in self._arm(one).runs.values())]) <= left]
        seeds = {one.seed for one in found if one.candidate is not None}
        return [one for one in found if one.seed in seeds]

    def _wanted(self) -> list[Asked]:
        """Runs that would decide something, the unchanged program's first."""
        seeds: set[int] = set()
        found: list[Asked] = []
        for variants in self._fixes:
            arm = self._open(variants)
            if arm is None:
                continue
            done = len(arm.runs)
            wanted = [0] if not done else list(range(done, max(self._seeds, done + 1)))
            seeds.update(wanted)
            found += [Asked(arm.candidate, seed) for seed in wanted]
        return [Asked(None, seed) for seed in sorted(seeds) if seed not in self.twin.runs] + found

    def _open(self, variants: Sequence[Arm]) -> Arm | None:
        """The variant that is to be tried next; None where all is known."""
        if self.twin.runs and self.twin.runs[0].metric is None and not self.twin.runs[0].error:
            return None  # there is nothing to compare with
        for arm in variants:
            if arm.verdict == "undecided" and not arm.reason:
                return arm if arm.runs or not self._gains_the_other_way(arm) else None
            if arm.reason == NO_BETTER:
                return None
        return None

    def _gains_the_other_way(self, arm: Arm) -> bool:
        """A change that is the opposite of this one has helped, or is about to."""
        return any(
            {_name(arm), _name(other)} in OPPOSITES
            and (other.verdict == "helped" or (other.verdict == "undecided" and not other.reason))
            and _effect(other) > self.matters(other.metric)
            for other in self.arms
        )

    def _gain(self, arm: Arm) -> float | None:
        """On the first seed, over the variant of the same fix that was tried before; None if that did not help."""
        variants = next(v for v in self._fixes if any(a is arm for a in v))
        number = next(n for n, a in enumerate(variants) if a is arm)
        before = variants[number - 1] if number else None
        if before is None or before.verdict != "helped" or arm.metric not in before.runs[0].scores:
            return None
        return score(arm.runs[0], arm.metric) - score(before.runs[0], arm.metric)

    def _judge(self, arm: Arm) -> None:
        if arm.verdict != "undecided" or arm.candidate is None:
            return
        first, twin = arm.runs[0], self.twin.runs[0]
        if first.error and not twin.error:
            arm.verdict, arm.reason = "could not be applied", f"the changed program fails: {first.error}"
        elif arm.candidate.fix.corrects_score:
            arm.verdict, arm.reason = "not comparable", "the score of the unchanged program is not what it seems"
        elif first.metric is None:
            arm.verdict, arm.reason = "not assessed", first.unmeasured or "nothing could be measured"
        else:
            metric = self._metric or self._common(arm.candidate, first)
            if metric is None or (metric == "loss" and arm.candidate.fix.changes_loss):
                arm.verdict, arm.reason = (
                    "not comparable",
                    "the program has no score but its loss, which is another one",
                )
            else:
                self._compare(arm, metric)

    def _common(self, candidate: Candidate, first: Measured) -> str | None:
        twin = self.twin.runs[0]
        for printed in (SCORE, ERROR):
            if printed in twin.scores and printed in first.scores:
                return printed
        wanted = candidate.fix.metric
        if wanted and wanted in first.scores and (wanted in twin.scores or twin.metric is None):
            return wanted
        return first.metric if twin.metric is None else common_metric(twin, first)

    def _shows_in_loss(self, arm: Arm, metric: str) -> bool:
        """The scores are alike, and the losses on held-out samples, which are finer, are of the same kind."""
        first, twin = arm.runs[0], self.twin.runs[0]
        alike = abs(score(first, metric) - score(twin, metric)) <= self.matters(metric)
        same = "loss" in first.scores and "loss" in twin.scores and first.loss_function == twin.loss_function
        fixed = arm.candidate is not None and arm.candidate.fix.changes_loss
        return alike and same and first.split == twin.split == "val" and not fixed and self._metric is None

    def _compare(self, arm: Arm, metric: str) -> None:
        if metric not in ("loss", SCORE, ERROR) and len(arm.runs) == 1 and self._shows_in_loss(arm, metric):
            metric = "loss"
        elif arm.metric:
            metric = arm.metric
        arm.metric, least = metric, self.matters(metric)
        gaps = self._gaps(arm)
        found = arm.evidence = evidence(gaps)
        gain = self._gain(arm)
        if found.pairs == 1 and gain is not None and gain <= least:
            arm.reason = NO_BETTER  # whether it helps too is not worth a trial
            return
        if found.pairs == 1 and found.effect <= least:  # nothing to prove
            arm.verdict = "made worse" if found.effect < -least else "no difference"
        elif found.pairs < self._seeds:
            return
        elif found.p < ALPHA and abs(found.effect) > least:
            arm.verdict = "helped" if found.effect > 0 else "made worse"
        elif found.pairs >= MOST or is_futile(gaps, least, MOST):
            arm.verdict = "no difference" if abs(found.effect) <= least else "undecided"
            arm.reason = "" if arm.verdict == "no difference" else f"{found.pairs} pairs do not agree"

    def _give_up_behind(self, arm: Arm) -> None:
        """A change that may help, but less than one that has helped, gets no further pairs."""
        if arm.verdict != "undecided" or arm.reason or len(arm.runs) < self._seeds:
            return
        hope = hopeful(self._gaps(arm)) + self.matters(arm.metric)
        for other in self.arms:
            if other.verdict == "helped" and other.metric == arm.metric and _effect(other) > hope:
                arm.reason = f"{_name(other)} helps more, whatever further pairs show"

    def _gaps(self, arm: Arm) -> list[float]:
        """Changed minus unchanged, by seed."""
        twin = self.twin.runs
        return [score(run, arm.metric) - score(twin[seed], arm.metric) for seed, run in sorted(arm.runs.items())]


def score(run: Measured, metric: str) -> float:
    """What a run has reached, so that larger is better and a failure is the worst there is."""
    found = run.scores.get(metric)
    value = math.nan if found is None or run.error else found.value
    if metric in (SCORE, ERROR):
        return _printed(found, value, -1.0 if metric == ERROR else 1.0)
    if metric != "loss":  # a net that explains less than the mean does has learned nothing
        return max(0.0, value) if math.isfinite(value) else 0.0
    worst = run.train_curve[0][1] if run.train_curve else math.inf
    return -min(value, worst) if math.isfinite(value) else -worst


def _printed(found: Score | None, value: float, sign: float) -> float:
    """As it was printed; of a run that ended without a number, the worst that it has printed before."""
    if math.isfinite(value):
        return sign * value
    return min((sign * v for _, v in found.curve if math.isfinite(v)), default=0.0) if found is not None else 0.0


def matters(run: Measured, metric: str) -> float:
    """The smallest difference of scores that is more than the luck of the scored samples, or of use."""
    found = run.scores.get(metric)
    if found is None or not math.isfinite(found.value):
        return LEAST_SCORE
    if metric == "loss" or (metric in (SCORE, ERROR) and not 0 <= found.value <= 1):
        return LEAST_SHARE * abs(found.value)
    if metric == "accuracy" and run.samples:
        return max(LEAST_SCORE, math.sqrt(max(0.0, found.value * (1 - found.value)) / run.samples))
    return LEAST_SCORE


def _effect(arm: Arm) -> float:
    return arm.evidence.effect if arm.evidence is not None else 0.0


def _name(arm: Arm) -> str:
    return arm.candidate.fix.name if arm.candidate is not None else ""


def _names(wanted: Sequence[Asked]) -> str:
    names: Mapping[str, None] = dict.fromkeys(a.candidate.fix.name if a.candidate else "unchanged" for a in wanted)
    return ", ".join(names)
