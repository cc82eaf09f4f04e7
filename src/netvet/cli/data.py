"""`netvet data`: look at all of the data, and say what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netvet.cli.annotate import annotating
from netvet.cli.data_find import finding, is_search
from netvet.cli.options import Asked, asked_of, choosing

if TYPE_CHECKING:
    from netvet.data.audit import Options
    from netvet.data.chunks import Source
    from netvet.data.readers import Wanted

T = TypeVar("T")
FACTS = ("group", "time")


@click.command()
@choosing
@click.option("--target", metavar="NAME", help="Column or array that is to be predicted (else known by its name).")
@click.option("--labels", type=click.Path(path_type=Path), metavar="CSV", help="A label for each file.")
@click.option("--group", metavar="NAME", help="Column of what must not be in two splits: patient, user, file.")
@click.option("--time", metavar="NAME", help="Column of the time of a sample.")
@click.option("--task", type=click.Choice(["classification", "regression"]), help="Else told from the targets.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Processes that read (default: 1).")
@click.option("--on", metavar="WHERE", help="Read on ray, ray://HOST:PORT, dask, dask://HOST:PORT or slurm.")
@click.option("--fresh", is_flag=True, help="Read all again, also what an earlier audit has read.")
@finding
@annotating
@click.argument("targets", nargs=-1, required=True)
def data(targets: tuple[str, ...], **options: Any) -> Callable[[], int]:
    """Look at all of the data and say what is wrong with them.

    TARGETS are a file or folder, or SPLIT=PATH for each split: images in a folder a class, CSV, Parquet, Arrow, JSONL,
    NPZ, NPY, WAV, FLAC, tar shards. An audit that was broken off goes on where it was.

    The exit code is 1 when there are findings at or above --fail-on, else 0.
    """
    asked = asked_of(options)
    from netvet.data.readers import Wanted, wanted_paths
    from netvet.experiments.executors import require

    require(options["on"], options["jobs"])
    columns = {name: options[name] for name in FACTS if options[name]}
    wanted = Wanted(wanted_paths(targets), options["target"], options["labels"], columns)
    return partial(_run, targets, wanted, asked, options)


def _run(targets: Sequence[str], wanted: Wanted, asked: Asked, options: dict[str, Any]) -> int:
    from netvet.data.audit import Options, audit, gathered, with_people, write
    from netvet.data.readers import open_source

    began = perf_counter()
    folder = asked.store.absolute().parent / "data"
    if options["fresh"] and folder.exists():
        for file in folder.glob("*.npz"):
            file.unlink()
    source = open_source(wanted)
    chosen = Options(
        task=options["task"], folder=folder,
        facts={name: options[name] for name in FACTS if options[name]},
    )  # fmt: skip
    if options["annotate"]:
        from netvet.cli.annotate import annotate

        return annotate(_scanned(source, chosen, options, gathered), source, folder, options)
    if is_search(options):
        from netvet.cli.data_find import search

        return search(partial(_scanned, source, chosen, options), options, asked.json)
    found = _scanned(source, chosen, options, audit)
    with_people(found, folder)
    path = write(found, asked.store.absolute(), Path(targets[0].rpartition("=")[2]).name, began)
    return _tell(path, asked)


def _scanned(source: Source, chosen: Options, options: dict[str, Any], function: Callable[[Source, Options], T]) -> T:
    """What `audit` or `gathered` gives, with its progress at a terminal."""
    from netvet.cli.recipe import Progress
    from netvet.experiments.executors import workers

    with Progress(sys.stderr) as progress:
        told = replace(chosen, tell=lambda now: progress.tell(now.line))
        if source.here_only or (options["jobs"] == 1 and options["on"] is None):
            return function(source, told)
        with workers(options["on"], options["jobs"]) as made:
            return function(source, replace(told, calls=made.run))


def _tell(path: Path, asked: Asked) -> int:
    """Show what was found, and write it; gives the exit code."""
    from netvet.cli import report_of
    from netvet.data.faults import LOOKS
    from netvet.store import Run

    able = tuple(c for c in asked.checks if set(LOOKS) & {*c.required, *c.optional} and set(c.required) <= set(LOOKS))
    return report_of(Run.open(path), replace(asked, checks=able), sys.stdout)
