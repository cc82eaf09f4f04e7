"""`netvet recipe`: every experiment a careful person would run, with a verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from netvet.cli.options import (
    STDOUT,
    absolute,
    duration,
    html_option,
    is_setup,
    list_option,
    names_of,
    require_writable,
    setup_name,
)
from netvet.cli.page import page_text, write_page

if TYPE_CHECKING:
    from netvet.experiments.conduct import Options
    from netvet.experiments.recipe import Done
    from netvet.store import Run

GATE_FAILED = 1


@click.command(context_settings={"allow_interspersed_args": False})
@list_option("--only", "NAMES", "Only these experiments or stages (comma between names).")
@list_option("--skip", "NAMES", "Leave these experiments or stages out.")
@click.option("--budget", default="10m", callback=duration, metavar="TIME", help="For all experiments (default: 10m).")
@click.option("--seeds", type=click.IntRange(min=2), default=3, help="Twins in each comparison (default: 3).")
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Trials at a time (default: 1).")
@click.option("--on", metavar="WHERE", help="Run trials on ray, ray://HOST:PORT, dask, dask://HOST:PORT or slurm.")
@click.option("--resume", is_flag=True, help="Use the results of a recipe of the same program that was broken off.")
@click.option("--known-data", default="digits", metavar="NAME", help="digits, cifar10, another data set, or a folder.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="Write the checklist as JSON.")
@html_option
@click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the runs.")
@click.option("--verbose", is_flag=True, help="Show what was not assessed too.")
@click.option("-m", "is_module", is_flag=True, help="TARGET is a module, as in `python -m`.")
@click.argument("target", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def recipe(target: str | None, arguments: tuple[str, ...], **options: Any) -> Callable[[], int]:
    """Take a training program through the recipe: six stages of experiments, each with a gate.

    TARGET is a script, which runs to its end (or Ctrl-C) first and is then experimented with on copies; or
    MODULE:FUNCTION or FILE.py:FUNCTION, which gives a netvet.Setup. Without it, the newest recipe is shown again.

    The exit code is 1 when a gate failed, else 0.
    """
    from netvet import config
    from netvet.capture.frameworks import require_program
    from netvet.checks import all_checks

    for name in ("json", "html"):
        require_writable(options[name], f"--{name}")
    known = all_checks()
    found = config.load(Path.cwd(), known)
    store = options["store"] or found.store or config.STORE
    asked = (known, found.settings, Path.cwd())
    files = {name: absolute(options[name]) for name in ("json", "html")}
    told = partial(_tell, asked=asked, files=files, verbose=options["verbose"])
    if target is None:
        return partial(_again, store, told)
    require_program("recipe", target, is_module=options["is_module"])
    chosen = _chosen(options)
    return partial(_run, target, arguments, options["is_module"], store.absolute(), chosen, told)


def _chosen(options: dict[str, Any]) -> Options:
    from netvet.executors import require
    from netvet.experiments import EXPERIMENTS, corpus
    from netvet.experiments.conduct import Options
    from netvet.experiments.recipe import select

    require(options["on"], options["jobs"])
    only, skip = (names_of(options[k]) for k in ("only", "skip"))
    return Options(
        experiments=select(EXPERIMENTS, only, skip), budget=options["budget"], seeds=options["seeds"],
        jobs=options["jobs"], on=options["on"], resume=options["resume"],
        known_data=corpus.located(options["known_data"]),
    )  # fmt: skip


def _run(
    target: str, arguments: tuple[str, ...], is_module: bool, store: Path, chosen: Options, told: Callable[..., int]
) -> int:
    from dataclasses import replace

    from netvet.capture.runner import RunOptions
    from netvet.experiments.conduct import conduct_script, conduct_setup, setup_of
    from netvet.store import Run

    stream = sys.stdout
    with Progress(sys.stderr) as progress:
        options = replace(chosen, tell=progress.tell, done=progress.done)
        if is_setup(target, is_module):
            found = conduct_setup(setup_of(target), setup_name(target), store, options)
        else:
            found = conduct_script(RunOptions(target, is_module, arguments, store), options)
    status = told(Run.open(found.path), stream)
    return (found.script.script_status if found.script is not None else 0) or status


class Progress:
    """A line at a terminal that says which trial goes on; each experiment's outcome as it comes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._status: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, line: str) -> None:
        """Show what goes on."""
        if not self._stream.isatty():
            return
        if self._status is None:  # the script has ended: the line is free
            from rich.console import Console

            self._status = Console(file=self._stream).status(line)
            self._status.start()
        self._status.update(line)

    def done(self, one: Done) -> None:
        """An experiment has ended."""
        self.tell(f"{one.experiment.name}: {one.outcome.verdict}")


def _again(store: Path, told: Callable[..., int]) -> int:
    from netvet.core import NetvetError
    from netvet.store import Run

    for one in Run.list(store):
        if one.error is None:
            made = Run.open(one.path)
            if made.get("experiments"):
                return told(made, sys.stdout)
    raise NetvetError(f"no recipe in {store} yet; `netvet recipe train.py` makes one")


def _tell(
    made: Run, stream: TextIO, *, asked: tuple[Any, Any, Path], files: dict[str, Path | None], verbose: bool
) -> int:
    """Show the checklist of a run, and write it; gives the exit code."""
    from netvet.recipe import recipe_of
    from netvet.report import recipe as page
    from netvet.report.files import write
    from netvet.reporter import Reporter

    found = recipe_of(made, *asked)
    if STDOUT not in files.values():
        page.show(found.stages, found.view, stream, notes=found.notes, verbose=verbose)
    if (target := files["json"]) is not None:
        write(page.as_json(found.stages, found.outcomes, found.view), target, stream)
    if (target := files["html"]) is not None:
        write_page(page_text(Reporter(*asked), made, found.view), target, stream)
    stream.flush()
    return 0 if found.ok else GATE_FAILED
