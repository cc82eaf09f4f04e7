"""The picture of a finding that no figure shows: what was measured, beside the limit that it broke."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from netvet.report.figures.spec import Axis, Bar, Bars, Figure, axis
from netvet.report.view import FindingView, RuleView, View

# Findings of one check that have bars of their own.
FINDINGS = 12
# Letters of a word of the evidence that tells findings apart.
KIND = 30
# Percent by which a share may have been rounded in a sentence.
ROUNDED = 0.5
# Positive numbers that span more than this are drawn over logarithms.
WIDE = 100.0
_MEASURED = re.compile(r"(.+) \[(.+)\]")
PANELS = {"data": "data", "skeleton": "training", "fit": "training"}


def with_limits(
    view: View, figures: Sequence[Figure], pictures: Mapping[str, Sequence[str]]
) -> tuple[list[Figure], dict[str, list[str]]]:
    """Figures and pictures, with one of the limit first where no other shows what a check is about.

    Args:
        pictures: by check, the ids of the figures that show its proof, the best first.
    """
    by_id: dict[str, Mapping[str, Any]] = {figure["id"]: figure for figure in figures}
    every, found = list(figures), {check: list(ids) for check, ids in pictures.items()}
    for rule in view["rules"]:
        check, ids = rule["name"], found.get(rule["name"], [])
        findings = [one for one in view["findings"] if one["check"] == check and _numbers(one)]
        if findings and not any(_is_about(by_id[one], rule) for one in ids[:1]):
            figure = _figure(rule, PANELS.get(rule["stage"], "training"), findings)
            every.append(figure)
            found[check] = [figure["id"], *ids]
    return every, found


def _is_about(figure: Mapping[str, Any], rule: RuleView) -> bool:
    """Whether a figure shows the signal that a check is about, which it names first, or speaks for it by name."""
    return rule["signals"][0] in figure["signals"] or rule["name"] in figure.get("checks", ())


def _numbers(finding: FindingView) -> tuple[float, float] | None:
    """What was measured and its limit, where both are numbers."""
    value, limit = finding["value"], finding["limit"]
    if isinstance(value, int | float) and isinstance(limit, int | float) and isfinite(value) and isfinite(limit):
        return float(value), float(limit)
    return None


def _figure(rule: RuleView, panel: str, findings: Sequence[FindingView]) -> Bars:
    check = rule["name"]
    pairs = [pair for one in findings[:FINDINGS] if (pair := _numbers(one))]
    if len(pairs) == 1:
        categories, series = ["measured", "limit"], [_bar("value", list(pairs[0]), "other")]
    else:
        measured, limits = map(list, zip(*pairs, strict=True))
        categories = _names(findings[:FINDINGS])
        series = [_bar("measured", measured, "other"), _bar("limit", limits, "reference")]
    more = f" The first {FINDINGS} of {len(findings)} places." if len(findings) > FINDINGS else ""
    return {
        "kind": "bars", "id": f"limit-{check}", "title": f"{check.replace('-', ' ').capitalize()}: against its limit",
        "about": f"{findings[0]['message'].rstrip('.')}.{more}", "signals": [], "panel": panel,
        "x": axis("what was found" if len(pairs) == 1 else "place"), "y": _axis(rule, pairs, findings[0]["message"]),
        "categories": categories, "edges": [], "series": series,
    }  # fmt: skip


def _bar(name: str, values: list[float], role: str) -> Bar:
    return {"name": name, "values": list(values), "role": role}  # type: ignore[typeddict-item]


def _names(findings: Sequence[FindingView]) -> list[str]:
    """Where each is, and what it is called in its evidence; what is still the same is told apart by number."""
    found: list[str] = []
    several = len({one["where"] for one in findings}) < len(findings)
    for number, one in enumerate(findings, 1):
        kind = next((text for text in one["evidence"].values() if isinstance(text, str)), "")[:KIND] if several else ""
        name = ", ".join(part for part in (one["where"], kind) if part) or f"finding {number}"
        found.append(name if name not in found else f"{name} ({number})")
    return found


def _axis(rule: RuleView, pairs: Sequence[tuple[float, float]], message: str) -> Axis:
    """What the check says that it measures; of one that does not say it, a share is told in percent."""
    numbers = [number for pair in pairs for number in pair]
    wide = min(numbers) > 0 and max(numbers) > WIDE * min(numbers)
    if told := _MEASURED.fullmatch(rule["measures"]):
        return axis(told[1], told[2], log=wide and told[2] != "share")
    if any(_is_told_in_percent(value, message) for value, _ in pairs[:1]):
        return axis("share", "share")
    return axis("number in the finding", log=wide)


def _is_told_in_percent(value: float, message: str) -> bool:
    told = [float(text) for text in re.findall(r"(\d+(?:\.\d+)?) ?%", message)]
    return any(abs(percent - 100 * value) <= ROUNDED for percent in told)
