"""What came of a study of fixes, as plain data: the JSON, and all that its report is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netvet.diagnose import Verdict
from netvet.fixes.choose import Candidate
from netvet.fixes.conduct import Fixed, Round
from netvet.fixes.measured import ERROR, SCORE, Measured
from netvet.fixes.study import Arm, Study, runs_of, score

SCHEMA = "netvet.fix/1"


def as_record(found: Fixed) -> dict[str, Any]:
    """JSON types only."""
    return {
        "schema": SCHEMA,
        "rounds": [_round(one, found.folder) for one in found.rounds],
        "patch": found.patch.diff(found.folder) if found.patch is not None else None,
        "trials": found.trials,
        "reused": found.reused,
        "seconds": round(found.seconds, 1),
    }


def of_setup(name: str, study: Study, seconds: float) -> dict[str, Any]:
    """The same of a setup, which has no run, no diagnosis and no source text."""
    best = study.best()
    return {
        "schema": SCHEMA,
        "rounds": [{
            "run": name, "diagnosis": [], "unchanged": runs_of(study.twin),
            "fixes": [_arm(study, arm) for arm in study.arms],
            "refused": [], "best": _names(best), "recommended": _recommended(best[0].candidate if best else None),
            "corrected": None, "gone": [], "left": [],
        }],
        "patch": None, "trials": study.trials, "reused": 0, "seconds": round(seconds, 1),
    }  # fmt: skip


def _round(one: Round, folder: Path) -> dict[str, Any]:
    return {
        "run": one.run.name,
        "diagnosis": [_verdict(v, one, folder) for v in one.diagnosis.verdicts],
        "unchanged": runs_of(one.study.twin),
        "fixes": [_arm(one.study, arm) for arm in one.study.arms],
        "refused": [{"fix": r.fix, "check": r.check, "reason": r.reason} for r in one.choice.refused],
        "best": _names(one.best),
        "recommended": _recommended(one.recommended),
        "corrected": _names([one.corrected])[0] if one.corrected is not None else None,
        "gone": list(one.gone),
        "left": list(one.left),
    }


def _verdict(verdict: Verdict, one: Round, folder: Path) -> dict[str, Any]:
    place = verdict.findings[0].finding.location if verdict.findings else None
    return {
        "check": verdict.check, "because": verdict.because, "undetermined": verdict.undetermined,
        "standing": one.standing.get(verdict.check, "open"), "named": _named(verdict, one),
        "location": {"file": _shown(place.file, folder), "line": place.line} if place is not None else None,
    }  # fmt: skip


def _named(verdict: Verdict, one: Round) -> str | None:
    """The cause of an open verdict that its mend has shown: what the change mends among those that it may have."""
    chosen = one.recommended
    if not verdict.undetermined or chosen is None or one.standing.get(verdict.check) != "proven":
        return None
    return next((name for name in chosen.fix.mends if name in verdict.candidates), None)


def _shown(file: str, folder: Path) -> str:
    return str(Path(file).relative_to(folder)) if Path(file).is_relative_to(folder) else file


def _recommended(one: Candidate | None) -> dict[str, str] | None:
    return None if one is None else {"fix": one.fix.name, "what": one.what}


def _names(arms: Sequence[Arm]) -> list[str]:
    return list(dict.fromkeys(arm.candidate.fix.name for arm in arms if arm.candidate is not None))


def _arm(study: Study, arm: Arm) -> dict[str, Any]:
    """A change, with the means of both over the seeds that were compared."""
    twins = [study.twin.runs[seed] for seed in arm.runs if seed in study.twin.runs]
    before, after = (_mean([_value(run, arm.metric) for run in some]) for some in (twins, list(arm.runs.values())))
    return {**arm.record(), "before": before, "after": after}


def _value(run: Measured, metric: str) -> float:
    """As it was compared: a loss as it is, a score that a failure has not and below zero none has."""
    found = run.scores.get(metric)
    if metric in ("loss", SCORE, ERROR):
        return found.value if found is not None else math.nan
    return score(run, metric)


def _mean(values: Sequence[float]) -> float | None:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite and len(finite) == len(values) else None
