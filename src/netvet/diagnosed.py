"""A diagnosis from notebooks and scripts, which shows itself: `netvet.diagnose(run)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from netvet.core import Check
from netvet.diagnose import Diagnosis, Settings, SignalSource
from netvet.diagnose import diagnose as _diagnose

if TYPE_CHECKING:
    from netvet.report.notebook import Bundle
    from netvet.report.page_view import PageView
    from netvet.report.view import View


@dataclass(frozen=True)
class ShownDiagnosis(Diagnosis):
    """A diagnosis that knows what it was made from: a notebook shows its page."""

    source: SignalSource = field(repr=False)
    checks: tuple[Check, ...] = field(repr=False)
    settings: Settings = field(repr=False)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        """What a notebook shows of it: the page."""
        from netvet.report.notebook import bundle
        from netvet.report.text import plain_text

        view = self._view()
        return bundle(lambda: self._page(view), plain_text(view))

    def _view(self) -> View:
        from netvet.config import selected
        from netvet.report.view import build

        names, path = selected(self.checks, self.settings), getattr(self.source, "path", None)
        return build(self, self.source, selected=names, name=path.name if isinstance(path, Path) else None)

    def _page(self, view: View) -> PageView:
        from netvet.config import selected
        from netvet.core import NetvetError
        from netvet.report.page_view import page_of

        thinned = getattr(self.source, "thinned", None)
        if thinned is None:
            raise NetvetError(
                f"a page is made from a run, and this is a {type(self.source).__name__}: open one with "
                "`netvet.Run.open(folder)`"
            )
        return page_of(view, self.source, self.checks, selected(self.checks, self.settings))  # type: ignore[arg-type]


def diagnose(
    source: SignalSource, checks: Sequence[Check] | None = None, settings: Settings | None = None
) -> ShownDiagnosis:
    """Run checks on the signals of a run and say what is wrong, causes before symptoms.

    Args:
        source: a stored run, such as `netvet.Run.open(folder)`.
        checks: those to run; all of netvet where none are given.
        settings: which of them are asked, their limits, and what is acknowledged.

    Raises:
        NetvetError: a check or setting that does not exist was named.
    """
    from netvet.checks import all_checks

    chosen, given = tuple(all_checks() if checks is None else checks), settings or Settings()
    found = _diagnose(source, chosen, given)
    return ShownDiagnosis(found.verdicts, found.findings, found.not_assessed, source, chosen, given)
