"""`netvet fix`: run a program, try what its diagnosis speaks for beside it, and tell what is proven."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from netvet.core import Check, NetvetError
from netvet.diagnose import Diagnosis, Settings, diagnose
from netvet.fixes.choose import Candidate, Choice, choose
from netvet.fixes.kept import mark_trial
from netvet.fixes.measured import Measured
from netvet.fixes.program import Program
from netvet.fixes.rerun import Rerun, rerun_apart
from netvet.fixes.source import Patch, Sources
from netvet.fixes.study import Arm, Asked, Study
from netvet.fixes.trials import Trials
from netvet.store import Run

# Fixes that are tried: the diagnosis puts the likeliest first, and each costs a run of the program at least.
MAX_FIXES = 8
# Faults that are mended one after the other: a program with more is another program.
MAX_ROUNDS = 5
# Of the budget for the trials; the rest is for looking whether findings are gone.
SHARE = 0.8
# Of the budget, for the first run of the program: one that goes on for longer is ended there, and so are its trials.
FIRST = 0.2
# A trial shorter than this says little; one that takes so many times as long as the first run hangs.
LEAST_STEPS, HANGS, GRACE = 50, 10.0, 60.0
# A trial takes no more than this share of the time that is left, but so many times the first run (and the start of a
# process) are always granted: machines are busy at times.
OF_THE_REST, GRANTED, START = 0.25, 3.0, 30.0

Standing = Literal["proven", "mended", "refuted", "open"]


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Args:
        names: fixes to try, in the place of those that the diagnosis speaks for.
        seeds: pairs before anything is proven; `steps`: of each trial (None: to the program's own end).
        metric: `accuracy`, `r2` or `loss`; None: the best that both of a pair have.
        budget: seconds for all trials; `jobs`: at a time; `on`: where, as for the recipe.
        fresh: forget what an earlier start has measured.
        greedy: keep the best and look for the next, until nothing helps any more.
        checks, settings: for the diagnosis.
        tell: called with a line of progress.
    """

    checks: Sequence[Check]
    settings: Settings
    store: Path
    names: tuple[str, ...] = ()
    seeds: int = 3
    steps: int | None = None
    metric: str | None = None
    budget: float = 600.0
    jobs: int = 2
    on: str | None = None
    fresh: bool = False
    greedy: bool = False
    tell: Callable[[str], object] = lambda line: None


@dataclass(frozen=True)
class Round:
    """What came of one program: the one given, or (greedy) one that an earlier round has changed.

    Args:
        run: the stored run that the diagnosis is of.
        best: the changes that helped most, equivalent ones together.
        corrected: where none helped, the change that ends the first finding, which the score does not show.
        standing: check -> what the trials say of it as a cause: `proven` (its change helped and the finding is gone),
            `mended` (the finding is gone, the score does not show it), `refuted` (no change of it made a difference).
        gone: findings that the recommended change has ended; `left`: those that it has not.
    """

    run: Path
    diagnosis: Diagnosis
    choice: Choice
    study: Study
    best: tuple[Arm, ...]
    standing: Mapping[str, Standing] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    corrected: Arm | None = None

    @property
    def recommended(self) -> Candidate | None:
        """The change to make."""
        arm = self.best[0] if self.best else self.corrected
        return arm.candidate if arm is not None else None


@dataclass(frozen=True)
class Fixed:
    """All of it.

    Args:
        rounds: one, or several where `greedy`.
        patch: all changes that are recommended together; None where none is.
        folder: where the program ran; `seconds`: in all; `trials`: runs of the program; `reused`: of an earlier start.
    """

    rounds: tuple[Round, ...]
    patch: Patch | None
    folder: Path
    seconds: float
    trials: int
    reused: int = 0


def conduct(program: Rerun, options: Options) -> Fixed:
    """Run, choose, try and confirm.

    Raises:
        NetvetError: the program cannot be run, or an option cannot be used.
    """
    began = monotonic()
    folder = Path(program.folder)
    sources, rounds = Sources(folder), list[Round]()
    with Trials(
        program, options.store.parent / "fixes", jobs=options.jobs, on=options.on, fresh=options.fresh
    ) as trials:
        while True:
            left = options.budget - (monotonic() - began)
            one = _round(replace(program, sources=sources.texts), sources, trials, options, left)
            rounds.append(one)
            if one.recommended is not None:
                sources = sources.with_patch(one.recommended.patch)
            more = options.greedy and one.recommended is not None and bool(one.diagnosis.verdicts)
            if one.study.stopped or not more or len(rounds) == MAX_ROUNDS:
                break
        patch = _whole(sources) if sources.texts else None
        return Fixed(tuple(rounds), patch, folder, monotonic() - began, trials.count, trials.reused)


def _round(program: Rerun, sources: Sources, trials: Trials, options: Options, seconds: float) -> Round:
    options.tell("running the program once, with all checks")
    seen = _examined(program, options)
    if not seen.run:
        raise NetvetError(f"the program could not be run: {seen.error or seen.unmeasured}")
    if program.printed is not None and program.printed.metric not in seen.scores:
        text = program.printed.text
        raise NetvetError(f"the program printed no number after {text!r}; expected a line such as '{text} 0.93'")
    run = Run.open(Path(seen.run))
    found = diagnose(run, options.checks, options.settings)
    _require_training(seen, found)
    facts: Callable[[str], Any] = run.get
    choice = choose(found, Program(sources, facts, framework=program.framework), options.names)
    chosen = choice.fixes if options.names else choice.fixes[:MAX_FIXES]

    steps = _affordable(seen, len(chosen), options, SHARE * seconds)
    end = monotonic() + SHARE * seconds

    def measured(wanted: Sequence[Asked]) -> Iterable[tuple[Asked, Measured]]:
        return trials.run(wanted, replace(program, steps=steps, seconds=_limit(seen, end - monotonic())))

    study = Study(
        chosen,
        measured,
        seeds=options.seeds,
        seconds=SHARE * seconds,
        metric=options.metric,
        tell=options.tell,
    )
    study.run()
    best = tuple(study.best())
    return _confirmed(Round(Path(seen.run), found, choice, study, best), program, sources, options)


def _require_training(seen: Measured, found: Diagnosis) -> None:
    """A program that fails before its first step, for no reason that is known here, has nothing to be mended.

    Raises:
        NetvetError: with the last line of its error.
    """
    if seen.ended in ("exception", "exit") and not seen.steps and not found.verdicts:
        last = (seen.error.strip().splitlines() or ["no message"])[-1]
        raise NetvetError(f"the program ended before its first training step: {last}")


def _examined(program: Rerun, options: Options) -> Measured:
    """Run it once with all checks, for no longer than a part of the budget; the run is kept."""
    patience = FIRST * options.budget
    return rerun_apart(replace(program, store=str(options.store), steps=options.steps, patience=patience))


def _affordable(seen: Measured, fixes: int, options: Options, seconds: float) -> int | None:
    """Steps of each trial, so that all of them fit; None: to the program's own end."""
    if options.steps is not None:
        return options.steps
    # Each fix and the unchanged program once, and one of them and the program with the other seeds.
    trials = fixes + 1 + 2 * (options.seeds - 1)
    wanted = trials * seen.seconds / options.jobs
    if wanted <= seconds and seen.ended != "stopped":
        return None
    return max(LEAST_STEPS, int(seen.steps * min(1.0, seconds / max(wanted, 1e-9))))


def _limit(seen: Measured, left: float) -> float:
    """Seconds after which a trial is ended."""
    granted = max(START + GRANTED * seen.seconds, OF_THE_REST * left)
    return min(GRACE + HANGS * seen.seconds, granted)


def _confirmed(one: Round, program: Rerun, sources: Sources, options: Options) -> Round:
    """Look whether the best change ends the finding that it was made for, or one that no score can show."""
    standing: dict[str, Standing] = _refuted(one)
    arm = one.best[0] if one.best else _silent(one)
    if arm is None or arm.candidate is None or one.study.stopped:
        return replace(one, standing=standing)
    options.tell(f"looking whether {arm.candidate.fix.name} ends the finding")
    after = _examined(replace(program, sources=sources.with_patch(arm.candidate.patch).texts), options)
    if not after.run:
        return replace(one, standing=standing)
    mark_trial(Path(after.run), arm.candidate.fix.name)
    left = _named(diagnose(Run.open(Path(after.run)), options.checks, options.settings))
    gone = tuple(name for name in _named(one.diagnosis) if name not in left)
    check = arm.candidate.check
    if not one.best and check not in gone:
        return replace(one, standing=standing)
    if check in gone:
        standing[check] = "proven" if one.best else "mended"
    return replace(one, standing=standing, gone=gone, left=left, corrected=None if one.best else arm)


def _silent(one: Round) -> Arm | None:
    """A change for the first of the diagnosis that the score says nothing against."""
    check = one.diagnosis.verdicts[0].check if one.diagnosis.verdicts else None
    arms = [a for a in one.study.arms if a.candidate is not None and a.candidate.check == check]
    return next((a for a in arms if a.verdict in ("not comparable", "no difference")), None)


def _refuted(one: Round) -> dict[str, Standing]:
    """Causes of which every change was tried to the end, and none made a difference."""
    found: dict[str, Standing] = {}
    for verdict in one.diagnosis.verdicts:
        arms = [a for a in one.study.arms if a.candidate is not None and a.candidate.check == verdict.check]
        if arms and all(arm.verdict in ("no difference", "made worse") for arm in arms):
            found[verdict.check] = "refuted"
    return found


def _named(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Findings that are more than notes."""
    return tuple(dict.fromkeys(r.check.name for r in diagnosis.findings if r.severity != "note"))


def _whole(sources: Sources) -> Patch:
    """All changes against the files as they are."""
    before = {path: Sources(sources.root).file(path).text for path in sources.texts}
    return Patch(sources.texts, before)
