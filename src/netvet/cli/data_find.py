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
    from netvet.data.audit import Found

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


def tell_matches(found: Found, options: dict[str, Any], file: Path | None) -> int:
    """Print the samples, or write them as JSON; gives the exit code."""
    from netvet.data.find import find
    from netvet.report import samples
    from netvet.report.files import write
    from netvet.report.plain import clean

    matches = find(
        found.data, found.suspects, options["find"],
        sort=options["sort"], show=names_of(options["show"]), limit=options["limit"],
    )  # fmt: skip
    if file is not None:
        told = {"schema": SCHEMA, "name": found.data.name, "find": options["find"], "count": matches.count}
        told |= {"total": matches.total, "samples": [dict(zip(matches.names, r, strict=True)) for r in matches.rows]}
        write(json.dumps(told, indent=2) + "\n", file, sys.stdout)
    if file != STDOUT:
        for line in samples.table(asdict(matches)):
            click.echo(line)
    for signal, reason in found.missing.items():
        if "finding" in options["find"]:
            click.echo(f"not looked for: {signal}: {clean(reason)}", err=True)
    return 0
