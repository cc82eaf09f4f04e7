"""Pages that the tests open: of small runs, with as many figures as a test asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netvet.config import selected
from netvet.diagnose import Settings
from netvet.report import html, page_view
from netvet.report.figures.spec import PANELS, axis, steps_axis
from netvet.testing import PlainSignals
from tests.report.samples import CHECKS, view_of


def page_of(source: PlainSignals, root: Path | None = None, problems: tuple[str, ...] = ()) -> dict[str, Any]:
    """The page of signals, by the checks of the samples."""
    view = view_of(source, root=root, problems=problems)
    return dict(page_view.page_of(view, source, CHECKS, selected(CHECKS, Settings())))


def figure(name: str, panel: str, *curves: str, signals: tuple[str, ...] = ()) -> dict[str, Any]:
    """Curves over ten steps."""
    made = [
        {"name": one, "x": list(range(10)), "y": list(range(10)), "role": "train", "style": "line"} for one in curves
    ]
    return {
        "kind": "lines", "id": name, "title": name.replace("-", " "), "about": "What is seen.", "panel": panel,
        "signals": list(signals), "x": steps_axis(), "y": axis("number"), "curves": made, "marks": [],
    }  # fmt: skip


def with_figures(page: dict[str, Any], *figures: dict[str, Any]) -> dict[str, Any]:
    """The page with these figures in place of its own."""
    used = {one["panel"] for one in figures}
    panels = [{"id": panel, "title": title} for panel, title in PANELS.items() if panel in used]
    pictures = page_view.pictures_of(page["view"], list(figures))
    return page | {"figures": list(figures), "panels": panels, "pictures": pictures}


def opened(tab: Any, folder: Path, page: dict[str, Any], address: str = "") -> Any:
    """The page in the browser, at an address of its own such as `#training/loss`."""
    file = folder / "report.html"
    file.write_text(html.document(page), encoding="utf-8")
    return tab.open(file.as_uri() + address)
