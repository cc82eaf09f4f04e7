"""Try changes one at a time beside the unchanged program, on the same seeds, for as long as it takes to decide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

from netvet.fixes.choose import Candidate
from netvet.fixes.measured import Measured, common_metric
from netvet.fixes.sequential import ALPHA, Evidence, evidence

Verdict = Literal["helped", "no difference", "made worse", "undecided", "not comparable", "could not be applied"]

# Smaller differences are of no use to anybody, however sure they are: half a percent of samples, or of variance.
LEAST_SCORE = 0.005
# Of a loss that is all there is: this share of it.
LEAST_SHARE = 0.02
# Of a variant that comes after one that helped.
NO_BETTER = "no better than the variant before it"
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
        while wanted := self._wanted():
            if monotonic() + self._longest() > self._end and self.twin.runs:
                break
            self._tell(f"trial {self.trials + 1} to {self.trials + len(wanted)}: {_names(wanted)}")
            for asked, measured in self._measure(wanted):
                self._arm(asked).runs[asked.seed] = measured
                self.trials += 1
            for arm in self.arms:
                self._judge(arm)

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

    def _longest(self) -> float:
        return max((run.seconds for run in self.twin.runs.values()), default=0.0)

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
        for arm in variants:
            if arm.verdict == "undecided" and not arm.reason:
                return arm
            if arm.reason == NO_BETTER:
                return None
        return None

    def _before(self, arm: Arm) -> float | None:
        """What the variant of the same fix brought that was tried before; None if it did not help."""
        variants = next(v for v in self._fixes if any(a is arm for a in v))
        number = next(n for n, a in enumerate(variants) if a is arm)
        seen = variants[number - 1].evidence if number and variants[number - 1].verdict == "helped" else None
        return seen.effect if seen is not None else None

    def _judge(self, arm: Arm) -> None:
        if arm.verdict != "undecided" or arm.candidate is None:
            return
        first, twin = arm.runs[0], self.twin.runs[0]
        if first.error and not twin.error:
            arm.verdict, arm.reason = "could not be applied", f"the changed program fails: {first.error}"
        elif arm.candidate.fix.corrects_score:
            arm.verdict, arm.reason = "not comparable", "the score of the unchanged program is not what it seems"
        elif first.metric is None:
            arm.reason = first.unmeasured or "nothing could be measured"
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
        if metric != "loss" and len(arm.runs) == 1 and self._shows_in_loss(arm, metric):
            metric = "loss"
        elif arm.metric:
            metric = arm.metric
        arm.metric, least = metric, self.matters(metric)
        gaps = [score(run, metric) - score(self.twin.runs[seed], metric) for seed, run in sorted(arm.runs.items())]
        found = arm.evidence = evidence(gaps)
        before = self._before(arm)
        if found.pairs == 1 and before is not None and found.effect <= before + least:
            arm.reason = NO_BETTER  # whether it helps too is not worth a trial
            return
        if found.pairs == 1 and found.effect <= least:  # nothing to prove
            arm.verdict = "made worse" if found.effect < -least else "no difference"
        elif found.pairs < self._seeds:
            return
        elif found.p < ALPHA and abs(found.effect) > least:
            arm.verdict = "helped" if found.effect > 0 else "made worse"
        elif max(abs(found.low), abs(found.high)) <= least or found.pairs >= MOST:
            arm.verdict = "no difference" if abs(found.effect) <= least else "undecided"
            arm.reason = "" if arm.verdict == "no difference" else f"{found.pairs} pairs do not agree"


def score(run: Measured, metric: str) -> float:
    """What a run has reached, so that larger is better and a failure is the worst there is."""
    found = run.scores.get(metric)
    value = math.nan if found is None or run.error else found.value
    if metric != "loss":  # a net that explains less than the mean does has learned nothing
        return max(0.0, value) if math.isfinite(value) else 0.0
    worst = run.train_curve[0][1] if run.train_curve else math.inf
    return -min(value, worst) if math.isfinite(value) else -worst


def matters(run: Measured, metric: str) -> float:
    """The smallest difference of scores that is more than the luck of the scored samples, or of use."""
    found = run.scores.get(metric)
    if found is None or not math.isfinite(found.value):
        return LEAST_SCORE
    if metric == "loss":
        return LEAST_SHARE * abs(found.value)
    if metric == "accuracy" and run.samples:
        return max(LEAST_SCORE, math.sqrt(max(0.0, found.value * (1 - found.value)) / run.samples))
    return LEAST_SCORE


def _names(wanted: Sequence[Asked]) -> str:
    names: Mapping[str, None] = dict.fromkeys(a.candidate.fix.name if a.candidate else "unchanged" for a in wanted)
    return ", ".join(names)
