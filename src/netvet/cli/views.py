"""Report, recipe and page of a run, as commands show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvet.cli.options import Asked

if TYPE_CHECKING:
    from netvet.report.page_view import PageView
    from netvet.report.view import View
    from netvet.store import Run


def report_of(run: Run, asked: Asked) -> tuple[View, list[Mapping[str, Any]]]:
    """The report of a run, with what was acknowledged on its page, and the stages of its recipe.

    Raises:
        NetvetError: it cannot be read.
    """
    from netvet.cli import _view
    from netvet.store.allowed import allowed_of

    settings = replace(asked.settings, allow={**allowed_of(run.path), **asked.settings.allow})
    return _view(run, replace(asked, settings=settings)), []


def page_of(path: Path, asked: Asked) -> PageView:
    """The page of the run in a folder.

    Raises:
        NetvetError: it cannot be read.
    """
    from netvet.report import page_view
    from netvet.store import Run

    run = Run.open(path)
    try:
        view, stages = report_of(run, asked)
        return page_view.build(view, run, stages)
    finally:
        run.close()
