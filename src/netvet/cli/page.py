"""The page of a run as a file, and the line that says how to look at it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from netvet.cli.options import STDOUT

if TYPE_CHECKING:
    from netvet.report.view import View
    from netvet.reporter import Reporter
    from netvet.store import AnyRun

# What the ending of a file says of its format.
FORMATS = {".html": "html", ".htm": "html", ".json": "json", ".sarif": "sarif", ".xml": "junit"}


def format_of(output: Path | None, form: str | None) -> str:
    """The format that is asked for, else the one that the name of the file ends with, else text."""
    return form or FORMATS.get(output.suffix.lower() if output else "", "text")


def page_text(reporter: Reporter, run: AnyRun, view: View | None = None) -> str:
    """The page of a run, one HTML file; of a run that is diagnosed already with its report."""
    from netvet.report.html import document

    return document(reporter.page(run, view))


def write_page(text: str, file: Path, stream: TextIO, *, quiet: bool = False) -> None:
    """Write a page, and say on the error output how to open it.

    Raises:
        NetvetError: the file cannot be written.
    """
    from netvet.report.files import write

    write(text, file, stream)
    if file != STDOUT and not quiet:
        click.echo(f"netvet: wrote {file}; open it in a browser: {address_of(file)}", file=sys.stderr)


def address_of(file: Path) -> str:
    """The address under which a browser on this machine finds a file."""
    return file.absolute().as_uri()
