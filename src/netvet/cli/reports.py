"""The report of a run for every command that ends with one: printed, and written as files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from netvet.cli.formats import write_all
from netvet.cli.options import FAIL_ON, Asked
from netvet.cli.replay import tell_of

if TYPE_CHECKING:
    from netvet.report.view import View
    from netvet.store import AnyRun

UNSENT = 2  # as for an option that cannot be used


def report_of(
    source: AnyRun, asked: Asked, stream: TextIO, *, problems: Sequence[str] = (), quiet: bool = False
) -> int:
    """Diagnose a run, print and write the report; returns the exit code."""
    view = asked.reporter.view(source, problems)
    if not quiet and not asked.prints:
        from netvet.report.text import show

        show(view, stream, verbose=asked.verbose)
        tell_of(source, stream)
    write_all(view, source, asked, stream, quiet=quiet)
    failed = _exported(source, view, asked, stream, quiet=quiet) if asked.exports else 0
    return failed or status_of(view, asked)


def _exported(source: AnyRun, view: View, asked: Asked, stream: TextIO, *, quiet: bool) -> int:
    """Send the run where it was to go; returns the exit code of what failed."""
    from netvet.cli.page import page_text
    from netvet.export.sending import send_all
    from netvet.store import Run

    assert isinstance(source, Run)  # what is trained is stored

    def page() -> str:
        return page_text(asked.reporter, source, view)

    return UNSENT if send_all(source, view, page, asked.exports, stream, quiet=quiet) else 0


def status_of(view: View, asked: Asked) -> int:
    """The exit code that a report asks for."""
    graves = FAIL_ON[: FAIL_ON.index(asked.fail_on) + 1] if asked.fail_on != "never" else ()
    return int(any(f["allowed"] is None and f["severity"] in graves for f in view["findings"]))
