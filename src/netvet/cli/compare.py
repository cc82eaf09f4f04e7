"""`netvet compare`: a bad run against a good one."""

from __future__ import annotations

import sys
from typing import Any

import click

from netvet.cli.options import asked_of, list_option, selecting


@click.command()
@selecting
@list_option("--noise", "RUN", "Another good run that differs by its seed only: shows how much seeds matter.")
@click.argument("good")
@click.argument("bad")
def compare(good: str, bad: str, noise: tuple[str, ...], **options: Any) -> int:
    """Tell a BAD run from a GOOD one: what was set differently, where the signals part, which findings are new.

    Runs are paths or beginnings of names. Exit code 0: no difference beyond the noise of seeds, 1: differences.
    """
    from netvet.report.compare import tell
    from netvet.store.find import find_run

    asked = asked_of({"fail_on": None, **options})
    goods = [find_run(name, asked.store) for name in (good, *noise)]
    found = find_run(bad, asked.store)
    return tell(goods, found, asked.checks, asked.settings, sys.stdout, json=asked.json, verbose=asked.verbose)
