"""`netvet data --annotate`: how good people are at the task."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netvet.cli.options import Command

if TYPE_CHECKING:
    from netvet.data.chunks import Source
    from netvet.data.index import Audited


def annotating(command: Command) -> Command:
    """Options of the page on which people label samples."""
    for option in (
        click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Of the page (default: a free one)."),
        click.option("--annotator", metavar="NAME", help="Who answers (default: your login name)."),
        click.option("--samples", type=click.IntRange(min=1), metavar="N", help="Samples to label (default: 100)."),
        click.option(
            "--annotate", is_flag=True, help="Open a page to label a random sample blind: how good are people?"
        ),
    ):
        command = option(command)
    return command


def annotate(data: Audited, source: Source, folder: Path, options: dict[str, Any]) -> int:
    """Serve the page until Ctrl-C, then print what everybody came to; gives the exit code."""
    from netvet.data import human
    from netvet.data.annotation import SAMPLES, Store, file_of, planned
    from netvet.data.asking import Asking
    from netvet.data.fetch import Samples
    from netvet.report.plain import clean_code
    from netvet.ui.annotate import serve

    file = file_of(data, folder)
    begun = file.exists()
    plan = [] if begun else planned(data, options["samples"] or SAMPLES)
    store = Store.create(file, data.name, data.classes, plan)
    plan = store.plan()
    if begun:
        click.echo(f"goes on with the {len(plan)} questions of {file} (remove it to draw other samples)", err=True)
    samples = Samples(source, folder, [(a.split, a.sample) for a in plan])
    asking = Asking(store, samples, data.kind, options["annotator"] or _user())
    serve(asking, options["port"], lambda address: click.echo(f"{address}\nCtrl-C ends it", err=True))
    told = human.lines(store)
    for line in told or ["no answers yet"]:
        click.echo(clean_code(line))
    if told:
        click.echo(f"kept in {file}; `netvet run --human-baseline {file} train.py` holds a net against it")
    return 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "somebody"
