"""What came of a study of fixes, as plain data: the JSON, and all that its report is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netvet.diagnose import Verdict
from netvet.fixes.choose import Candidate
from netvet.fixes.conduct import Fixed, Round
from netvet.fixes.study import Arm, Study, runs_of

SCHEMA = "netvet.fix/1"


def as_record(found: Fixed) -> dict[str, Any]:
    """JSON types only."""
    return {
        "schema": SCHEMA,
        "rounds": [_round(one, found.folder) for one in found.rounds],
        "patch": found.patch.diff(found.folder) if found.patch is not None else None,
        "trials": found.trials,
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
        "patch": None, "trials": study.trials, "seconds": round(seconds, 1),
    }  # fmt: skip


def _round(one: Round, folder: Path) -> dict[str, Any]:
    return {
        "run": one.run.name,
        "diagnosis": [_verdict(v, one.standing.get(v.check, "open"), folder) for v in one.diagnosis.verdicts],
        "unchanged": runs_of(one.study.twin),
        "fixes": [_arm(one.study, arm) for arm in one.study.arms],
        "refused": [{"fix": r.fix, "check": r.check, "reason": r.reason} for r in one.choice.refused],
        "best": _names(one.best),
        "recommended": _recommended(one.recommended),
        "corrected": _names([one.corrected])[0] if one.corrected is not None else None,
        "gone": list(one.gone),
        "left": list(one.left),
    }


def _verdict(verdict: Verdict, standing: str, folder: Path) -> dict[str, Any]:
    place = verdict.findings[0].finding.location if verdict.findings else None
    return {
        "check": verdict.check, "because": verdict.because, "undetermined": verdict.undetermined,
        "standing": standing,
        "location": {"file": _shown(place.file, folder), "line": place.line} if place is not None else None,
    }  # fmt: skip


def _shown(file: str, folder: Path) -> str:
    return str(Path(file).relative_to(folder)) if Path(file).is_relative_to(folder) else file


def _recommended(one: Candidate | None) -> dict[str, str] | None:
    return None if one is None else {"fix": one.fix.name, "what": one.what}


def _names(arms: Sequence[Arm]) -> list[str]:
    return list(dict.fromkeys(arm.candidate.fix.name for arm in arms if arm.candidate is not None))


def _arm(study: Study, arm: Arm) -> dict[str, Any]:
    """A change, with the means of both over the seeds that were compared."""
    twins = [study.twin.runs[seed] for seed in arm.runs if seed in study.twin.runs]
    before = _mean([t.scores[arm.metric].value for t in twins if arm.metric in t.scores])
    after = _mean([r.scores[arm.metric].value for r in arm.runs.values() if arm.metric in r.scores])
    return {**arm.record(), "before": before, "after": after}


def _mean(values: Sequence[float]) -> float | None:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite and len(finite) == len(values) else None
