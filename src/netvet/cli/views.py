"""Report, home and page of a run, as commands show them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netvet.cli.options import Asked

if TYPE_CHECKING:
    from netvet.report.home import HomeView
    from netvet.report.page_view import PageView
    from netvet.report.view import View
    from netvet.store import Run


def report_of(run: Run, asked: Asked) -> tuple[View, HomeView]:
    """The report of a run, with what was acknowledged on its page, and its home.

    Raises:
        NetvetError: it cannot be read.
    """
    from netvet.cli import _view
    from netvet.config import selected
    from netvet.data.assessable import assessable
    from netvet.report.page_view import home_of
    from netvet.store.allowed import allowed_of

    settings = replace(asked.settings, allow={**allowed_of(run.path), **asked.settings.allow})
    view = _view(run, replace(asked, settings=settings))
    able, chosen = assessable(asked.checks, settings, run)
    return view, home_of(view, run, asked.checks, selected(able, chosen))


def page_of(path: Path, asked: Asked) -> PageView:
    """The page of the run in a folder.

    Raises:
        NetvetError: it cannot be read.
    """
    from netvet.report.figures import figures_of
    from netvet.report.page_view import assembled
    from netvet.store import Run

    run = Run.open(path)
    try:
        return assembled(*report_of(run, asked), *figures_of(run))
    finally:
        run.close()
