"""The report of a run in every format that it is written in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from netvet.cli.options import Asked
from netvet.cli.page import page_text, write_page

if TYPE_CHECKING:
    from netvet.report.view import View
    from netvet.store import AnyRun

FORMATS = ("text", "json", "sarif", "html", "github", "junit", "gitlab")


def formatted(view: View, form: str, source: AnyRun, asked: Asked) -> str:
    """The report as text of a format (all but `text`, which a terminal lays out)."""
    if form == "html":
        return page_text(asked.reporter, source, view)
    if form == "json":
        from netvet.report.as_json import as_json

        return as_json(view)
    if form == "sarif":
        from netvet.report.sarif import as_sarif

        return as_sarif(view, asked.folder, asked.checks)
    if form == "junit":
        from netvet.report.junit import as_junit

        return as_junit(view, asked.reporter.asked(source), asked.fail_on)
    return _for_host(view, form, asked.folder)


def _for_host(view: View, form: str, folder: Path) -> str:
    """For a host of code, which knows files by their path in the checkout."""
    if form == "gitlab":
        from netvet.report.gitlab import as_gitlab

        return as_gitlab(view, folder, _checkout("CI_PROJECT_DIR"))
    from netvet.report.github import as_github

    return as_github(view, folder, _checkout("GITHUB_WORKSPACE"))


def _checkout(variable: str) -> Path | None:
    path = os.environ.get(variable)
    return Path(path) if path else None


def write_all(view: View, source: AnyRun, asked: Asked, stream: TextIO, *, quiet: bool) -> None:
    """Write every format that was asked for: `--json FILE`, ..., `--github`.

    Raises:
        NetvetError: a file cannot be written.
    """
    from netvet.report.files import write

    for form, file in _files(asked):
        text = formatted(view, form, source, asked)
        if form == "html":
            write_page(text, file, stream, quiet=quiet)
        else:
            write(text, file, stream)
    if asked.github:
        # GitHub reads both outputs; the standard one may be a document.
        (sys.stderr if asked.prints else stream).write(formatted(view, "github", source, asked))


def _files(asked: Asked) -> Iterator[tuple[str, Path]]:
    files = {"json": asked.json, "sarif": asked.sarif, "html": asked.html, "junit": asked.junit}
    yield from ((form, file) for form, file in files.items() if file)
