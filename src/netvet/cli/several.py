"""The report of one log, or of several runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from netvet.cli.formats import formatted, write_all
from netvet.cli.options import STDOUT, Asked
from netvet.cli.page import write_page
from netvet.cli.reports import status_of

if TYPE_CHECKING:
    from netvet.report.log_table import Judged


def report_several(judged: Sequence[Judged], failures: Sequence[str], asked: Asked, stream: TextIO) -> int:
    """Print and write what was found of one run, or of several; returns the exit code.

    Args:
        judged: the runs with their reports. failures: a sentence for each log that could not be read.
    """
    from netvet.report.files import write

    if not asked.prints:
        _print(judged, asked, stream)
    if len(judged) == 1:
        write_all(judged[0].view, judged[0].run, asked, stream, quiet=False)
        return status_of(judged[0].view, asked)
    if asked.junit or asked.github:
        from netvet.core import NetvetError

        raise NetvetError(
            f"--junit and --github: expected one run, there are {len(judged)}; --json and --sarif take several"
        )
    for form, file in (("json", asked.json), ("sarif", asked.sarif)):
        if file is not None:
            write(_joined(judged, form, failures, asked), file, stream)
    if asked.html:
        for one in judged:
            write_page(formatted(one.view, "html", one.run, asked), _page_of(one, asked.html, len(judged)), stream)
    return max(status_of(one.view, asked) for one in judged)


def _print(judged: Sequence[Judged], asked: Asked, stream: TextIO) -> None:
    if len(judged) == 1:
        from netvet.report.text import show

        show(judged[0].view, stream, verbose=asked.verbose)
        return
    from netvet.report.log_table import show_several

    show_several(judged, stream, verbose=asked.verbose)


def _joined(judged: Sequence[Judged], form: str, failures: Sequence[str], asked: Asked) -> str:
    """One document of all runs."""
    import json

    if form == "json":
        from netvet.report.log_table import view_of

        return json.dumps(view_of(judged, failures), indent=2, allow_nan=False) + "\n"
    documents: list[dict[str, Any]] = [json.loads(formatted(one.view, form, one.run, asked)) for one in judged]
    runs = [run for document in documents for run in document["runs"]]
    return json.dumps({**documents[0], "runs": runs}, indent=2, allow_nan=False) + "\n"


def _page_of(one: Judged, file: Path, count: int) -> Path:
    """The file of the page of one of several runs: the name of the run is in its own."""
    if file == STDOUT:
        from netvet.core import NetvetError

        raise NetvetError(f"--html -: there are {count} runs, each with a page; give a file, which makes one for each")
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in str(one.view["run"]["name"]))[:80]
    return file.with_name(f"{file.stem}-{safe}{file.suffix}")
