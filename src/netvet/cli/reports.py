"""The report of a run for every command that ends with one: printed, and written as files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from netvet.cli.options import FAIL_ON, STDOUT, Asked
from netvet.cli.page import page_text, write_page
from netvet.cli.replay import tell_of

if TYPE_CHECKING:
    from netvet.report.view import View
    from netvet.store import AnyRun


def report_of(
    source: AnyRun, asked: Asked, stream: TextIO, *, problems: Sequence[str] = (), quiet: bool = False
) -> int:
    """Diagnose a run, print and write the report; returns the exit code."""
    from netvet.report.files import write

    view = asked.reporter.view(source, problems)
    if not quiet and STDOUT not in (asked.json, asked.sarif, asked.html):
        from netvet.report.text import show

        show(view, stream, verbose=asked.verbose)
        tell_of(source, stream)
    if asked.json:
        write(formatted(view, "json", source, asked), asked.json, stream)
    if asked.sarif:
        write(formatted(view, "sarif", source, asked), asked.sarif, stream)
    if asked.html:
        write_page(formatted(view, "html", source, asked), asked.html, stream, quiet=quiet)
    return status_of(view, asked)


def status_of(view: View, asked: Asked) -> int:
    """The exit code that a report asks for."""
    graves = FAIL_ON[: FAIL_ON.index(asked.fail_on) + 1] if asked.fail_on != "never" else ()
    return int(any(f["allowed"] is None and f["severity"] in graves for f in view["findings"]))


def formatted(view: View, form: str, source: AnyRun, asked: Asked) -> str:
    """A report as text of a format: json, sarif or html."""
    if form == "html":
        return page_text(asked.reporter, source, view)
    if form == "json":
        from netvet.report.as_json import as_json

        return as_json(view)
    from netvet.report.sarif import as_sarif

    return as_sarif(view, asked.folder)
