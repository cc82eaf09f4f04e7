"""One run as a page follows it: its report and figures are made anew when it has changed, as seldom as they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic, time
from typing import Any

from netvet.core import NetvetError
from netvet.report.figures import FIGURES, Remembered, Source, group_of
from netvet.report.figures.spec import Figure
from netvet.report.home import HomeView
from netvet.report.page_view import PageView, assembled, named_in
from netvet.report.view import View
from netvet.store import Run

# Seconds between two looks at a run, at least; and of each part, so many times what it took: 5 % of one core.
EVERY, TIMES = 1.0, 20.0
HEAD = "(report)"

# The report of a run and its home.
Report = Callable[[Run], tuple[View, HomeView]]


@dataclass
class _Part:
    """What was made of a run at a state of its files: a report, or a group of figures."""

    made: Any = None
    stamp: object = None
    at: float = float("-inf")
    cost: float = 0.0

    def due(self, stamp: object) -> bool:
        return self.stamp != stamp and monotonic() - self.at >= max(EVERY, TIMES * self.cost)


class Followed:
    """A run and what has been made of it; used by several threads, one at a time."""

    def __init__(self, path: Path, report: Report) -> None:
        self.path = path
        self._report = report
        self._parts = {name: _Part() for name in (HEAD, *FIGURES)}
        self._problems: dict[str, str] = {}
        self._page: PageView | None = None
        self._lock = Lock()

    def page(self, shown: Iterable[str] | None = None) -> PageView:
        """The page as it is now.

        Args:
            shown: ids of figures that are looked at: others may be older. None: all are.

        Raises:
            NetvetError: the run is gone or cannot be read.
        """
        with self._lock:
            stamp = stamp_of(self.path)
            wanted = None if shown is None else set(shown)
            due = [name for name, part in self._parts.items() if part.due(stamp) and self._seen(name, wanted)]
            if due:
                self._page, run = None, Run.open(self.path)
                head = self._parts[HEAD].made
                source = Remembered(run, named_in(head[0]) if head else ())
                try:
                    for name in due:
                        self._make(name, run, source, stamp)
                finally:
                    run.close()
            if self._page is None:
                view, home = self._parts[HEAD].made
                figures: list[Figure] = [f for name in FIGURES for f in self._parts[name].made or ()]
                self._page = assembled(view, home, figures, list(self._problems.values()))
            return self._page

    def _seen(self, name: str, wanted: set[str] | None) -> bool:
        """Whether somebody looks at a part, or has to, as it was never made."""
        made = self._parts[name].made
        return made is None or wanted is None or name == HEAD or any(figure["id"] in wanted for figure in made)

    def _make(self, name: str, run: Run, source: Source, stamp: object) -> None:
        part, began = self._parts[name], monotonic()
        if name == HEAD:
            part.made = self._report(run)
        else:
            part.made, problem = group_of(name, source)
            self._problems.pop(name, None)
            if problem:
                self._problems[name] = problem
        part.at, part.stamp = monotonic(), stamp
        part.cost = part.at - began


def quiet_minutes(path: Path) -> int:
    """Whole minutes since something was written to a run: of one without an end, it may have been killed.

    Raises:
        NetvetError: it is gone.
    """
    newest = max(changed for _, changed, _ in stamp_of(path))
    return max(0, int((time() - newest / 1e9) // 60))


def stamp_of(path: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when something was written to a run.

    Raises:
        NetvetError: it is gone.
    """
    try:
        files = sorted(file for file in path.iterdir() if file.name.endswith((".db", "-wal")))
        found = tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    except OSError as error:
        raise NetvetError(f"{path.name} is gone: {error.strerror}") from error
    if not found:
        raise NetvetError(f"{path.name} is gone: its folder is empty")
    return found
