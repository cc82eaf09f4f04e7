"""The stages of the recipe with what is known of each: from its experiments, and from the checks of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from netvet.core import Check
from netvet.report.recipe import TITLES
from netvet.report.view import View

Record = Mapping[str, Any]

# Checks of a fit that tell of a later stage than that a network can learn at all.
_LATER = {
    "regularise": ("overfitting", "oversized-dropout", "oversized-regularisation", "too-few-samples"),
    "tune": ("lr-too-low", "lr-decays-early", "too-large-batch", "too-small-batch", "missing-warmup", "stopped-early"),
}


def stages_of(
    view: View, checks: Sequence[Check], selected: Sequence[str], records: Sequence[Record] | None = None
) -> list[dict[str, Any]]:
    """The stages of a run: the six of its recipe, else those that its checks belong to.

    Args:
        view: the report. checks: all of them; `selected`: names of those that were asked to look.
        records: of its experiments; None where there was no recipe.
    """
    own = {one.name: one.stage for one in checks}
    findings = [f for f in view["findings"] if f["allowed"] is None and f["severity"] in ("error", "warning")]
    counted: list[Record] = [{**f, "stage": own[f["check"]]} for f in findings]
    spoke = {f["check"] for f in findings} | {one["check"] for one in view["not_assessed"]}
    # Without a training that was watched, or data that were read, there was nothing to look at.
    seen = bool(view["run"]["steps"] or view["run"]["samples"])
    looked = [name for name in selected if name not in spoke] if seen else []
    stages = checklist(records or (), counted, Counter(stage_of(name, own[name]) for name in looked))
    return stages if records is not None else [stage for stage in stages if stage["items"]]


def checklist(
    records: Sequence[Record], findings: Sequence[Record], silent: Mapping[str, int] | None = None
) -> list[dict[str, Any]]:
    """The six stages with their gates.

    Args:
        records: of experiments (`experiments.recipe.Done.record`).
        findings: of checks: `check`, `stage`, `severity`, `message`; those that the diagnosis counts.
        silent: how many checks looked and found nothing, by the stage of the recipe (see `stage_of`).

    Returns:
        For each stage `stage`, `gate` (`passed`, `failed`, `not yet`, `not assessed`), `items`.
    """
    stages: list[dict[str, Any]] = []
    # What a check says in the words of an experiment is told once.
    words = tuple(r["message"] for r in records if r["verdict"] == "failed")
    own = [f for f in findings if not f["message"].startswith(words)]
    open_ = True
    for stage in TITLES:
        items = [_of_finding(f) for f in own if stage_of(f["check"], f["stage"]) == stage]
        count = (silent or {}).get(stage, 0)
        if count:
            told = "1 check sees" if count == 1 else f"{count} checks see"
            items.append(_item("checks", "checks", "passed", f"{told} nothing wrong"))
        items += [
            {"name": r["experiment"], **{k: r[k] for k in ("title", "verdict", "message", "next", "gate")}}
            for r in records
            if r["stage"] == stage
        ]
        gate = _gate(items) if open_ else "not yet"
        stages.append({"stage": stage, "gate": gate, "items": items})
        open_ = open_ and gate != "failed"
    return stages


def _item(name: str, title: str, verdict: str, message: str) -> dict[str, Any]:
    return {"name": name, "title": title, "verdict": verdict, "message": message, "next": "", "gate": True}


def _of_finding(finding: Record) -> dict[str, Any]:
    return _item(finding["check"], finding["check"], "failed", finding["message"])


def stage_of(check: str, stage: str) -> str:
    """The stage of the recipe that a check belongs to, from its own stage (`data`, `skeleton`, `fit`)."""
    if stage != "fit":
        return stage
    return next((later for later, checks in _LATER.items() if check in checks), "overfit")


def _gate(items: Sequence[Record]) -> str:
    verdicts = [item["verdict"] for item in items if item["gate"]]
    if "failed" in verdicts:
        return "failed"
    return "passed" if "passed" in verdicts else "not assessed"
