"""Figures that the tests of pages draw, and a page that shows nothing else."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from netvet.diagnose import diagnose
from netvet.report import html, page_view, view
from netvet.report.figures.spec import PANELS, heat, steps_axis
from netvet.testing import PlainSignals

HOSTILE = "<img src=x onerror=alert(1)>"


def base(name: str, **more: Any) -> dict[str, Any]:
    """What all figures have."""
    return {"id": name, "title": name, "about": "What is seen.", "signals": [], "panel": "training"} | more


def page_of(*figures: dict[str, Any]) -> dict[str, Any]:
    """A page with these figures and no report to speak of."""
    source = PlainSignals({})
    page = page_view.build(view.build(diagnose(source, []), source, selected=[], name="page"), source)
    return dict(page) | {"figures": list(figures), "panels": [{"id": "training", "title": PANELS["training"]}]}


def opened(tab: Any, folder: Any, *figures: dict[str, Any], hidden: Sequence[dict[str, Any]] = ()) -> Any:
    """The panel of these figures in the browser; those that are `hidden` are there and not seen at first."""
    file = folder / "report.html"
    file.write_text(html.document(page_of(*figures, *hidden)), encoding="utf-8")
    page = tab.open(f"{file.as_uri()}#training")
    for figure in figures:
        page.locator(f"#figure-{figure['id']}").scroll_into_view_if_needed()
        page.locator(f"#figure-{figure['id']} .drawing > *").first.wait_for(state="attached")
    return page


def table_of(page: Any, name: str) -> list[list[str]]:
    """The cells of the table that says the same as a figure, head first."""
    page.locator(f"#figure-{name} details.as-table > summary").click()
    page.locator(f"#figure-{name} details.as-table tr").first.wait_for()
    rows = page.locator(f"#figure-{name} details.as-table tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def heated(name, values, rows=None, *, low=1e-3, high=1e3, columns=None, log=True, **more):
    """A heat map of values [rows, columns] over steps."""
    scale = {"label": "norm", "unit": "1", "scale": "log" if log else "linear", "low": low, "high": high}
    names = rows or [f"layer{number}" for number in range(len(values))]
    steps = list(range(values.shape[1])) if columns is None else columns
    more.setdefault("family", name)
    return dict(
        heat(base(name), names, steps, np.asarray(values, float), scale, x=steps_axis(), **more), panel="training"
    )
