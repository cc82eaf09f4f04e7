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
from netvet.cli.data_find import finding, is_search, search_in
from netvet.cli.data_script import Program, program_in, run_program, run_setup
from netvet.cli.options import Asked, asked_of, choosing, is_setup

if TYPE_CHECKING:
    from netvet.data.audit import Options
    from netvet.data.chunks import Source
    from netvet.data.readers import Wanted

T = TypeVar("T")
FACTS = ("group", "time")
# Options without which the same files would be read as other data.
READING = ("target", "labels", "group", "time", "vocabulary", "task")


class _Command(click.Command):
    """What comes after a script belongs to the script; after files and folders options may come."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the arguments at the script, if there is one."""
        return super().parse_args(ctx, program_in(args))


@click.command(cls=_Command)
@choosing
@click.option("--target", metavar="NAME", help="Column or array that is to be predicted (else known by its name).")
@click.option("--labels", type=click.Path(path_type=Path), metavar="CSV", help="A label for each file.")
@click.option("--group", metavar="NAME", help="Column of what must not be in two splits: patient, user, file.")
@click.option("--time", metavar="NAME", help="Column of the time of a sample.")
@click.option("--vocabulary", type=click.IntRange(min=1), metavar="N", help="Size of the vocabulary of tokens.")
@click.option("--task", type=click.Choice(["classification", "regression"]), help="Else told from the targets.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Processes that read (default: 1).")
@click.option("--on", metavar="WHERE", help="Read on ray, ray://HOST:PORT, dask, dask://HOST:PORT or slurm.")
@click.option("--fresh", is_flag=True, help="Read all again, also what an earlier audit has read.")
@click.option("--whole", is_flag=True, help="Let a script train to its end.")
@click.option("--seconds", type=click.FloatRange(min=1), default=120.0, help="For reading its data (default: 120).")
@click.option(
    "--pictures", type=click.Path(path_type=Path), metavar="DIR", help="Show what enters a script's net here."
)
@click.option("--transforms", type=click.Choice(["on", "off"]), default="on", help="Random ones of a script's data.")
@click.option("-m", "is_module", is_flag=True, help="TARGETS is a module with a script, as in `python -m`.")
@finding
@annotating
@click.argument("targets", nargs=-1, required=True, type=click.UNPROCESSED)
def data(targets: tuple[str, ...], **options: Any) -> Callable[[], int]:
    """Look at all of the data and say what is wrong with them.

    TARGETS are a file or folder, or SPLIT=PATH for each split: images in a folder a class, CSV, Parquet, Arrow, JSONL,
    texts, tokens, NPZ, NPY, WAV, FLAC, tar shards; hf:NAME is a data set of Hugging Face. An audit that was broken off
    goes on where it was.

    Or a training script with its arguments, which runs until its data have been seen; or MODULE:FUNCTION or
    FILE.py:FUNCTION, which gives a torch Dataset, a DataLoader, or a dict of these by split.

    The exit code is 1 when there are findings at or above --fail-on, else 0.
    """
    asked = asked_of(options)
    program = Program.of(targets, options)
    if program is not None:
        if options["annotate"]:
            raise click.UsageError("--annotate reads files and folders: give these in place of a script")
        if is_search(options):
            program = replace(program, search=lambda found: search_in(found, options, asked.json))
        from netvet.core import require_torch

        require_torch()
        told = partial(_tell, asked=asked)
        setup = len(targets) == 1 and is_setup(targets[0], program.is_module)
        return partial(run_setup if setup else run_program, program, asked, told)
    from netvet.data.readers import Wanted, wanted_paths
    from netvet.executors import require

    require(options["on"], options["jobs"])
    columns = {name: options[name] for name in FACTS if options[name]}
    wanted = Wanted(wanted_paths(targets), options["target"], options["labels"], columns)
    return partial(_run, targets, wanted, asked, options)


def _run(targets: Sequence[str], wanted: Wanted, asked: Asked, options: dict[str, Any]) -> int:
    from netvet.cli import INTERRUPTED

    folder = asked.store.absolute().parent / "data"
    try:
        return _looked(targets, wanted, asked, options, folder)
    except KeyboardInterrupt:
        click.echo(f"netvet: stopped; what was read is kept in {folder}, and the same command goes on", err=True)
        return INTERRUPTED


def _looked(targets: Sequence[str], wanted: Wanted, asked: Asked, options: dict[str, Any], folder: Path) -> int:
    from netvet.data.audit import Options, audit, gathered, with_people, write
    from netvet.data.readers import open_source
    from netvet.data.thumbnails import with_thumbnails

    began = perf_counter()
    if options["fresh"] and folder.exists():
        for file in folder.glob("*.npz"):
            file.unlink()
    source = open_source(wanted)
    chosen = Options(
        task=options["task"], folder=folder,
        facts={name: options[name] for name in (*FACTS, "vocabulary") if options[name]},
    )  # fmt: skip
    if options["annotate"]:
        from netvet.cli.annotate import annotate

        return annotate(_scanned(source, chosen, options, gathered), source, folder, options)
    if is_search(options):
        from netvet.cli.data_find import search

        return search(partial(_scanned, source, chosen, options), options, asked.json)
    found = _scanned(source, chosen, options, audit)
    with_people(found, folder)
    with_thumbnails(found, source)
    given = [word for name in READING if options[name] for word in (f"--{name}", str(options[name]))]
    name = Path(targets[0].rpartition("=")[2]).name
    path = write(found, asked.store.absolute(), name, began, [*targets, *given])
    return _tell(path, found.notes, asked=asked)


def _scanned(source: Source, chosen: Options, options: dict[str, Any], function: Callable[[Source, Options], T]) -> T:
    """What `audit` or `gathered` gives, with its progress at a terminal."""
    from netvet.cli.recipe import Progress
    from netvet.executors import workers

    with Progress(sys.stderr) as progress:
        told = replace(chosen, tell=lambda now: progress.tell(now.line))
        if source.here_only or (options["jobs"] == 1 and options["on"] is None):
            return function(source, told)
        with workers(options["on"], options["jobs"], "netvet.data.scan") as made:
            return function(source, replace(told, calls=made.run))


def _tell(path: Path, problems: Sequence[str] = (), *, asked: Asked) -> int:
    """Show what was found, and write it; gives the exit code."""
    from netvet.cli.reports import report_of
    from netvet.store import Run

    return report_of(Run.open(path), asked, sys.stdout, problems=problems)
