"""`netvet watch`: a run on a terminal, while it trains."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netvet.cli.options import Asked, asked_of, choosing

if TYPE_CHECKING:
    from netvet.report.text import Line

# Seconds between two looks; what they cost is held down by what is followed.
EVERY = 2.0


@click.command()
@choosing
@click.option("--once", is_flag=True, help="Print it as it is now, and end.")
@click.argument("run", required=False)
def watch(run: str | None, *, once: bool, **options: Any) -> int:
    """Show a run as it goes on: curves, layers and what is found so far, until it ends or Ctrl-C.

    RUN is a path or the beginning of a name; without it the newest one is taken. The exit code says nothing about
    findings.
    """
    from netvet.report import strips
    from netvet.report.text import width_of, write_lines
    from netvet.store import Run
    from netvet.store.find import find_run

    asked = asked_of(options)
    path = find_run(run, asked.store).path
    if once or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        write_lines(strips.lines(asked.reporter.page(Run.open(path)), width_of(sys.stdout)), sys.stdout)
        return 0
    return _follow(path, asked)


def _follow(path: Path, asked: Asked) -> int:
    """Draw again and again in the alternate screen; leave what was last seen on the ordinary one."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from netvet.report import strips
    from netvet.report.text import write_lines
    from netvet.ui.followed import Followed

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    followed = Followed(path, asked.reporter.head)
    lines: list[Line] = []
    try:
        with Live(console=console, screen=True, auto_refresh=False) as screen:
            while True:
                page = followed.page()
                lines = strips.lines(page, console.width)
                shown = lines[: console.height - 1]
                screen.update(Text("\n").join(Text.assemble(*line) for line in shown), refresh=True)
                if page["view"]["run"]["ended"]:
                    break
                time.sleep(EVERY)
    except KeyboardInterrupt:
        pass
    write_lines(lines, sys.stdout)
    return 0
