"""`netvet data --find`: samples by what is known of them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netvet.cli.options import STDOUT, Command, list_option, names_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from netvet.data.audit import Found, Options
    from netvet.data.chunks import Source

SCHEMA = "netvet.samples/1"


def finding(command: Command) -> Command:
    """Options that search for samples."""
    for option in (
        click.option("--limit", type=click.IntRange(min=1), default=20, help="Samples at most (default: 20)."),
        list_option("--show", "NAMES", "Show these attributes too (comma between names)."),
        click.option("--sort", metavar="NAME", default="", help="By this attribute; -NAME: the greatest first."),
        click.option(
            "--find", metavar="TEXT", default="",
            help="List samples instead: 'label == 3 and brightness < 0.1', 'finding == \"label-errors\"'.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def is_search(options: dict[str, Any]) -> bool:
    """Samples are asked for, and no findings."""
    return bool(options["find"] or options["sort"] or options["show"])


def search(
    scanned: Callable[[Callable[[Source, Options], Any]], Any], options: dict[str, Any], file: Path | None
) -> int:
    """Print the samples, or write them as JSON; gives the exit code.

    Args:
        scanned: gives what a function makes of the data.
    """
    from netvet.data.audit import Found, audit, gathered
    from netvet.data.find import mentions_findings

    known = mentions_findings(options["find"], options["sort"], names_of(options["show"]))
    return search_in(scanned(audit) if known else Found(scanned(gathered), {}, {}), options, file)


def search_in(found: Found, options: dict[str, Any], file: Path | None) -> int:
    """Print the samples of what was audited, or write them as JSON; gives the exit code."""
    from netvet.data.find import find, mentions_findings
    from netvet.report import samples
    from netvet.report.files import write
    from netvet.report.plain import clean

    data, show = found.data, names_of(options["show"])
    matches = find(
        data, found.suspects, options["find"], sort=options["sort"], show=show, limit=options["limit"],
    )  # fmt: skip
    if file is not None:
        told = {"schema": SCHEMA, "name": data.name, "find": options["find"], "count": matches.count}
        told |= {"total": matches.total, "samples": [dict(zip(matches.names, r, strict=True)) for r in matches.rows]}
        write(json.dumps(told, indent=2) + "\n", file, sys.stdout)
    if file != STDOUT:
        for line in samples.table(asdict(matches)):
            click.echo(line)
    asked = mentions_findings(options["find"], options["sort"], show)
    for signal, reason in (found.missing if asked else {}).items():
        click.echo(f"not looked for: {signal}: {clean(reason)}", err=True)
    return 0
