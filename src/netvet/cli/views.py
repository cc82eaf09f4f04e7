"""The page of a run, as commands show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netvet.cli.options import Asked

if TYPE_CHECKING:
    from netvet.report.page_view import PageView


def page_of(path: Path, asked: Asked) -> PageView:
    """The page of the run in a folder.

    Raises:
        NetvetError: it cannot be read.
    """
    from netvet.cli import _view
    from netvet.report import page_view
    from netvet.store import Run

    run = Run.open(path)
    try:
        return page_view.build(_view(run, asked), run)
    finally:
        run.close()
