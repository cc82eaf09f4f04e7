"""`netvet data`: look at all of the data, and say what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from netvet.cli.options import Asked, asked_of, choosing

if TYPE_CHECKING:
    from netvet.core import Check
    from netvet.data.audit import Found, Options
    from netvet.data.chunks import Source
    from netvet.data.readers import Wanted
    from netvet.diagnose import Settings
    from netvet.store import Run

FACTS = ("group", "time")


@click.command()
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
@click.argument("targets", nargs=-1, required=True)
def data(targets: tuple[str, ...], **options: Any) -> Callable[[], int]:
    """Look at all of the data and say what is wrong with them.

    TARGETS are a file or folder, or SPLIT=PATH for each split: images in a folder a class, CSV, Parquet, Arrow, JSONL,
    texts, tokens, NPZ, NPY, WAV, FLAC, tar shards; hf:NAME is a data set of Hugging Face. An audit that was broken off
    goes on where it was.

    The exit code is 1 when there are findings at or above --fail-on, else 0.
    """
    asked = asked_of(options)
    from netvet.data.readers import Wanted, wanted_paths
    from netvet.executors import require

    require(options["on"], options["jobs"])
    columns = {name: options[name] for name in FACTS if options[name]}
    wanted = Wanted(wanted_paths(targets), options["target"], options["labels"], columns)
    return partial(_run, targets, wanted, asked, options)


def _run(targets: Sequence[str], wanted: Wanted, asked: Asked, options: dict[str, Any]) -> int:
    from netvet.cli import INTERRUPTED, report_of
    from netvet.data.audit import Options, write
    from netvet.data.readers import open_source
    from netvet.store import Run

    began = perf_counter()
    folder = asked.store.absolute().parent / "data"
    if options["fresh"] and folder.exists():
        for file in folder.glob("*.npz"):
            file.unlink()
    source = open_source(wanted)
    chosen = Options(
        task=options["task"], folder=folder,
        facts={name: options[name] for name in (*FACTS, "vocabulary") if options[name]},
    )  # fmt: skip
    try:
        found = _audited(source, chosen, options)
    except KeyboardInterrupt:
        click.echo(f"netvet: stopped; what was read is kept in {folder}, and the same command goes on", err=True)
        return INTERRUPTED
    path = write(found, asked.store.absolute(), Path(targets[0].rpartition("=")[2]).name, began)
    return report_of(Run.open(path), asked, sys.stdout)


def _audited(source: Source, chosen: Options, options: dict[str, Any]) -> Found:
    """The audit with its progress at a terminal."""
    from netvet.cli.recipe import Progress
    from netvet.data.audit import audit
    from netvet.executors import workers

    with Progress(sys.stderr) as progress:
        told = replace(chosen, tell=lambda now: progress.tell(now.line))
        if source.here_only or (options["jobs"] == 1 and options["on"] is None):
            return audit(source, told)
        with workers(options["on"], options["jobs"], "netvet.data.scan") as made:
            return audit(source, replace(told, calls=made.run))


def assessable(checks: Sequence[Check], settings: Settings, run: Run) -> tuple[tuple[Check, ...], Settings]:
    """Of an audit, the checks that look at data and what was set for them; of a training, all.

    Raises:
        NetvetError: only others were asked for.
    """
    from netvet.core import Facts, NetvetError

    facts = run.get("run")
    if not isinstance(facts, Facts) or not any(record.get("audit") for record in facts):
        return tuple(checks), settings
    from netvet.data.faults import LOOKS

    def looks(one: Check) -> bool:
        """All that it needs can be seen in data; of what it may take without needing it, some was."""
        seen = (run.get(name) is not None for name in one.optional if name in LOOKS)
        return set(one.required) <= set(LOOKS) and (bool(one.required) or any(seen))

    able = tuple(c for c in checks if looks(c))
    names = {c.name for c in able}
    only = tuple(name for name in settings.only if name in names)
    if settings.only and not only:
        raise NetvetError(f"--only {','.join(settings.only)}: looks at no data; expected {', '.join(sorted(names))}")
    return able, replace(
        settings, only=only, skip=tuple(name for name in settings.skip if name in names),
        allow={key: reason for key, reason in settings.allow.items() if key.partition(":")[0] in names},
        limits={name: limits for name, limits in settings.limits.items() if name in names},
    )  # fmt: skip
