"""What a page shows: the report, its words and all figures, as one plain dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from netvet.core import Check, Facts
from netvet.report.against_limits import with_limits
from netvet.report.blamed import blamed
from netvet.report.checklist import stages_of
from netvet.report.figures import Source, figures_of
from netvet.report.figures.spec import PANELS, STEPS, Figure
from netvet.report.home import HomeView, home
from netvet.report.log import in_unit_of
from netvet.report.plain import printable
from netvet.report.view import View

SCHEMA = "netvet.page/1"
# Facts of every run, which prove nothing by themselves.
GENERAL = ("run", "environment")
# What the outcome of an experiment weighs beside the first signal of a check.
PROOF = 100.0


class PanelView(TypedDict):
    """A panel that has figures."""

    id: str
    title: str


class MarkView(TypedDict):
    """Since which step a finding holds; drawn into every figure over steps."""

    step: int
    check: str
    severity: str


class PageView(TypedDict):
    """The page of one run.

    Attributes:
        title: of the page. view: the report. home: the same in words, with the stages of the recipe.
        figures: all of them, in order. pictures: by check, the ids of the figures that show its proof.
        marks: steps of findings. steps: unit of the axes on which they are drawn.
        problems: what could not be drawn.
    """

    schema: str
    title: str
    view: View
    home: HomeView
    panels: list[PanelView]
    figures: list[Figure]
    pictures: dict[str, list[str]]
    marks: list[MarkView]
    steps: str
    problems: list[str]


def build(view: View, source: Source, stages: Sequence[Mapping[str, Any]] = ()) -> PageView:
    """The page of a run.

    Args:
        view: its report.
        source: the run.
        stages: of the recipe (see `report.checklist`).
    """
    figures, problems = figures_of(source, named_in(view))
    return assembled(view, home(view, stages, _records(source)), figures, problems)


def assembled(view: View, first: HomeView, figures: list[Figure], problems: list[str]) -> PageView:
    """The page from its parts: report, home, figures, and what could not be drawn."""
    fired = {rule["name"] for rule in view["rules"]}
    figures = [one for one in figures if not one.get("proof") or fired.intersection(one.get("checks", ()))]
    figures = blamed(figures, view["findings"])
    figures = in_unit_of(view["log"], figures)
    figures, pictures = with_limits(view, figures, pictures_of(view, figures))
    used = {figure.get("panel") for figure in figures}
    page: PageView = {
        "schema": SCHEMA,
        "title": view["run"]["name"] or "netvet",
        "view": view,
        "home": first,
        "panels": [{"id": panel, "title": title} for panel, title in PANELS.items() if panel in used],
        "figures": figures,
        "pictures": pictures,
        "marks": marks_of(view),
        "steps": STEPS,
        "problems": problems,
    }
    # No text of a run may reorder or hide what stands beside it.
    shown: PageView = printable(page)
    return shown


def page_of(view: View, source: Source, checks: Sequence[Check], selected: Sequence[str]) -> PageView:
    """The page of a run with its stages: those of its recipe, or those that its checks belong to.

    Args:
        checks: all of them; `selected`: names of those that were asked to look.
    """
    figures, problems = figures_of(source, named_in(view))
    return assembled(view, home_of(view, source, checks, selected), figures, problems)


def named_in(view: View) -> set[str]:
    """What findings speak of: layers, parameters and others, by name."""
    found = {one["where"] for one in view["findings"] if one["where"]}
    listed = (own for one in view["findings"] for own in one["evidence"].values() if isinstance(own, list))
    return found | {name for own in listed for name in own if isinstance(name, str)}


def home_of(view: View, source: Source, checks: Sequence[Check], selected: Sequence[str]) -> HomeView:
    """The home of a run, with its stages."""
    records = _records(source)
    return home(view, stages_of(view, checks, selected, records), records)


def _records(source: Source) -> list[Mapping[str, Any]] | None:
    """Of the experiments of a recipe; None where there was none."""
    experiments = source.get("experiments")
    return list(experiments) if isinstance(experiments, Facts) else None


def pictures_of(view: View, figures: Sequence[Figure]) -> dict[str, list[str]]:
    """By check that fired, the figures that speak for it, then those that show the most of its signals.

    A check names the signal that it is about first, so that the first one weighs the most.
    """
    found = {}
    for rule in view["rules"]:
        weights = {name: 1 / place for place, name in enumerate(rule["signals"], 1) if name not in GENERAL}
        shown = {f["id"]: _shows(f, rule["name"], weights) for f in figures}
        size = {f["id"]: len(f["signals"]) for f in figures}  # of two that show as much, the one that shows little else
        order = sorted((name for name in shown if shown[name]), key=lambda name: (-shown[name], size[name]))
        found[rule["name"]] = order[:3]
    return {check: ids for check, ids in found.items() if ids}


def _shows(figure: Figure, check: str, weights: Mapping[str, float]) -> float:
    """How much a figure shows of what a check is made from; nothing of one that it does not speak for."""
    named = figure.get("checks")
    if named is None:
        return sum(weights.get(name, 0.0) for name in figure["signals"])
    # The outcome of an experiment proves what it suspects, the likeliest most, and more than any signal alone.
    return PROOF / (1 + named.index(check)) if check in named else 0.0


def marks_of(view: View) -> list[MarkView]:
    """The findings that hold since a step."""
    return [
        {"step": f["step"], "check": f["check"], "severity": f["severity"]}
        for f in view["findings"]
        if f["step"] is not None and f["step"] > 0 and f["allowed"] is None
    ]
