"""The report and the page of a stored run: the same for commands, notebooks and the live page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from netvet.core import Check, first_record
from netvet.diagnose import Settings, diagnose
from netvet.store import AnyRun
from netvet.store.allowed import allowed_of

if TYPE_CHECKING:
    from netvet.report.home import HomeView
    from netvet.report.page_view import PageView
    from netvet.report.view import View

Able = tuple[tuple[Check, ...], Settings]


@dataclass(frozen=True, slots=True)
class Reporter:
    """Makes reports with the same checks and settings.

    Attributes:
        checks: all of them. settings: which are asked, with which limits, and what was acknowledged; what was
            acknowledged on the page of a run counts for that run, too.
        root: paths of source files are relative to it.
    """

    checks: tuple[Check, ...]
    settings: Settings
    root: Path = Path()

    def view(self, run: AnyRun, problems: Sequence[str] = ()) -> View:
        """The report of a run.

        Args:
            problems: a line for each thing that netvet could not do.

        Raises:
            NetvetError: the run cannot be read, or no check that was asked for looks at such a run.
        """
        from netvet.report.view import build

        checks, settings = self._able(run)
        said = [*problems, *_trial(run)]
        found, names = diagnose(run, checks, settings), _names(checks, settings)
        return build(found, run, selected=names, name=run.path.name, problems=said, root=self.root)

    def home(self, run: AnyRun, view: View) -> HomeView:
        """The first panel of its page, with the stages of its recipe, or those that its checks belong to."""
        from netvet.report.page_view import home_of

        return home_of(view, run, self.checks, _names(*self._able(run)))

    def head(self, run: AnyRun) -> tuple[View, HomeView]:
        """Both: all of a page but its figures."""
        view = self.view(run)
        return view, self.home(run, view)

    def page(self, run: AnyRun, view: View | None = None) -> PageView:
        """The page of a run, of which the report may have been made already."""
        from netvet.report.page_view import page_of

        return page_of(view or self.view(run), run, self.checks, _names(*self._able(run)))

    def asked(self, run: AnyRun) -> list[Check]:
        """The checks that look at such a run and were asked to."""
        checks, settings = self._able(run)
        names = set(_names(checks, settings))
        return [one for one in checks if one.name in names]

    def _able(self, run: AnyRun) -> Able:
        from netvet.data.assessable import assessable

        allow = {**allowed_of(run.path), **self.settings.allow}
        return assessable(self.checks, replace(self.settings, allow=allow), run)


def _names(checks: Sequence[Check], settings: Settings) -> list[str]:
    from netvet.config import selected

    return selected(checks, settings)


def _trial(run: AnyRun) -> list[str]:
    """That a run is of a changed copy of a program, where it is."""
    trial = first_record(run.get("run")).get("trial")
    return [f"this is a trial of netvet fix: a copy of the program with {trial}"] if trial else []
