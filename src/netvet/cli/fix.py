"""`netvet fix`: one change at a time, proven."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netvet.cli.options import (
    STDOUT,
    absolute,
    asked_of,
    duration,
    html_option,
    is_setup,
    list_option,
    names_of,
    require_writable,
    setup_name,
)

if TYPE_CHECKING:
    from netvet.capture.frameworks import Framework
    from netvet.fixes.conduct import Options
    from netvet.fixes.printed import Printed
    from netvet.fixes.rerun import Rerun

UNMENDED = 1
INTERRUPTED = 130  # what a shell reports for a program that was stopped by Ctrl-C


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--list", "listing", is_flag=True, help="List all fixes and what they are for.")
@list_option("--try", "NAMES", "Try these fixes (comma between names), whatever the diagnosis says.")
@list_option("--for", "CHECKS", "Try what mends these causes (of `netvet recipe`, say), whatever the diagnosis says.")
@click.option("--seeds", type=click.IntRange(min=3), default=3, help="Pairs before anything is proven (default: 3).")
@click.option(
    "--metric", type=click.Choice(("accuracy", "r2", "loss")), help="Judge by this (default: the best there is)."
)
@click.option("--score", metavar="TEXT", help="Judge by the last number that the program prints after TEXT.")
@click.option("--error", metavar="TEXT", help="The same, of a number that is to become smaller.")
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="End each trial after so many optimizer steps.")
@click.option("--budget", default="10m", callback=duration, metavar="TIME", help="For all trials (default: 10m).")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Trials at a time (default: one a core, to 8).")
@click.option("--on", metavar="WHERE", help="Run trials on ray, ray://HOST:PORT, dask, dask://HOST:PORT or slurm.")
@click.option("--greedy", is_flag=True, help="Keep the best change and try the next on top of it.")
@click.option(
    "--apply", "applying", is_flag=True, help="Write the recommended change into the program; keeps a backup."
)
@click.option("--allow-dirty", is_flag=True, help="With --apply: also into files with uncommitted changes.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier start has measured.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="Write all that was found as JSON.")
@html_option
@click.option(
    "--figure", type=click.Path(path_type=Path), metavar="FILE", help="Draw the curves of all twins (svg, png)."
)
@click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the runs.")
@click.option("--verbose", is_flag=True, help="Say why fixes were not applied.")
@click.option("-m", "is_module", is_flag=True, help="TARGET is a module, as in `python -m`.")
@click.argument("target", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def fix(target: str | None, arguments: tuple[str, ...], **options: Any) -> Callable[[], int]:
    """Try changes of a training program one at a time, and prove which helps.

    The program runs once with all checks; then each change that the diagnosis speaks for runs beside the unchanged
    program, on the same seeds, until the difference is decided. Your files, checkpoints and logs stay as they are:
    trials run in copies of the working directory. A study that was broken off goes on where it was.

    The exit code is 0 when nothing is wrong or a change was proven to help, else 1.
    """
    from netvet.core import NetvetError

    if options["listing"]:
        return partial(_list, sys.stdout)
    if target is None:
        raise click.UsageError("give the script to mend, or --list")
    for name in ("json", "html", "figure"):
        require_writable(options[name], f"--{name}")
    framework = _framework(target, options["is_module"])
    _require("libcst", "patches of a program need")
    from netvet.executors import require

    require(options["on"], 1 if options["on"] is None else 2)
    chosen, told = _chosen(options, framework), options | {name: absolute(options[name]) for name in ("json", "html")}
    if options["figure"] is not None:
        _require("matplotlib", "a figure needs")
    if is_setup(target, options["is_module"]):
        return partial(_run_setup, target, chosen, told)
    if not options["is_module"] and not Path(target).is_file():
        raise NetvetError(f"no such script: {target!r}; expected the path of a Python file")
    from netvet.fixes.rerun import Rerun

    program = Rerun(
        target, options["is_module"], arguments, str(Path.cwd()), printed=_printed(options), framework=framework
    )
    return partial(_run, program, chosen, told)


def _framework(target: str, is_module: bool) -> Framework:
    """What the program trains with; it must be here. A setup is of PyTorch."""
    from netvet.capture.frameworks import framework_of, require

    found: Framework = "torch" if is_setup(target, is_module) else framework_of(target, is_module=is_module)
    if found == "torch":
        from netvet.core import require_torch

        require_torch()
    else:
        require(found)
    return found


def _printed(options: dict[str, Any]) -> Printed | None:
    from netvet.fixes.printed import Printed

    given = [name for name in ("metric", "score", "error") if options[name] is not None]
    if len(given) > 1:
        raise click.UsageError(f"--{given[0]} and --{given[1]} both say what to judge by: give one of them")
    text = (options["score"] or options["error"] or "").strip()
    if not text and given not in ([], ["metric"]):
        raise click.UsageError(f"--{given[0]} needs the text that stands before the number")
    return Printed(text, lower=options["error"] is not None) if text else None


def _require(package: str, what: str) -> None:
    from importlib.util import find_spec

    from netvet.core import NetvetError

    if find_spec(package) is None:
        raise NetvetError(f"{what} {package}: pip install 'netvet[fix]'")


def _chosen(options: dict[str, Any], framework: Framework) -> Options:
    from netvet.fixes.conduct import Options
    from netvet.fixes.trial import side_by_side

    empty = {"only": (), "skip": (), "allow": (), "set": (), "fail_on": None}
    asked = asked_of(empty | {"store": options["store"], "verbose": options["verbose"]})
    names = names_of(options["try"])
    for name in names:
        _require_fix(name, framework)
    for check in names_of(options["for"]):
        names += _mending(check, framework)
    tell = partial(click.echo, err=True) if sys.stderr.isatty() else _silent
    return Options(
        checks=asked.checks, settings=asked.settings, store=asked.store.absolute(), names=tuple(names),
        seeds=options["seeds"], steps=options["steps"], metric=options["metric"], budget=options["budget"],
        jobs=options["jobs"] or side_by_side(framework), on=options["on"], fresh=options["fresh"],
        greedy=options["greedy"], tell=tell,
    )  # fmt: skip


def _require_fix(name: str, framework: Framework) -> None:
    from netvet.capture.frameworks import NAMES as CALLED
    from netvet.core import NetvetError
    from netvet.fixes import NAMES, frameworks_of, load

    if name not in NAMES:
        raise NetvetError(f"there is no fix {name!r}; `netvet fix --list` shows all of them")
    known = frameworks_of(load(name))
    if framework not in known:
        where, own = " and ".join(CALLED[one] for one in known), CALLED[framework]
        raise NetvetError(f"the fix {name!r} is made in programs of {where}, and this one trains with {own}")


def _mending(check: str, framework: Framework) -> list[str]:
    """The fixes for a cause, what its check advises first."""
    from netvet import checks
    from netvet.core import NetvetError
    from netvet.fixes import all_fixes

    if check not in checks.NAMES:
        raise NetvetError(f"there is no check {check!r}; `netvet explain` lists all of them")
    advised = [one.name for one in checks.load(check).fixes]
    found = [one.name for one in all_fixes(framework) if check in one.mends]
    if not found:
        raise NetvetError(f"no fix mends {check} by itself; `netvet explain {check}` says what to do")
    return sorted(found, key=lambda name: advised.index(name) if name in advised else len(advised))


def _silent(_line: str) -> None:
    """Nobody looks at a terminal."""


def _run(program: Rerun, chosen: Options, options: dict[str, Any]) -> int:
    from netvet.fixes.apply import apply
    from netvet.fixes.conduct import conduct
    from netvet.fixes.kept import keep
    from netvet.fixes.told import as_record

    def kept() -> Path:
        keep(record, found.rounds[0].run)
        return found.rounds[0].run

    found = conduct(program, chosen)
    record = as_record(found)
    _tell(record, kept, chosen, options)
    if found.rounds[-1].study.stopped:
        click.echo("netvet: stopped; the same command goes on where it was", err=True)
        return INTERRUPTED
    if options["applying"] and found.patch is not None:
        for backup in apply(found.patch, dirty=options["allow_dirty"]):
            click.echo(f"netvet: written; what was there is in {backup}", err=True)
    return UNMENDED if found.rounds[0].diagnosis.verdicts and found.patch is None else 0


def _run_setup(target: str, chosen: Options, options: dict[str, Any]) -> int:
    from time import monotonic

    from netvet.core import NetvetError
    from netvet.experiments.conduct import setup_of
    from netvet.fixes.kept import keep_apart
    from netvet.fixes.setups import conduct_setup
    from netvet.fixes.told import of_setup

    if _printed(options) is not None:
        raise NetvetError("a setup prints nothing to be judged by: leave --score and --error out")
    if options["applying"] or options["greedy"]:
        raise NetvetError("--apply and --greedy change source text: give the script in place of a setup")
    began = monotonic()
    study = conduct_setup(
        setup_of(target), setup_name(target), chosen.names, seconds=chosen.budget, seeds=chosen.seeds, tell=chosen.tell,
        on=chosen.on, jobs=chosen.jobs,
    )  # fmt: skip
    record = of_setup(target, study, monotonic() - began)
    _tell(record, partial(keep_apart, record, chosen.store, setup_name(target)), chosen, options)
    return 0


def _tell(record: dict[str, Any], kept: Callable[[], Path], chosen: Options, options: dict[str, Any]) -> None:
    """Show and write what was found, then keep it with its run: the first must not be lost for the second."""
    from netvet.cli.page import page_text, write_page
    from netvet.core import NetvetError
    from netvet.report.files import write
    from netvet.report.fix import show
    from netvet.reporter import Reporter
    from netvet.store import Run

    if STDOUT not in (options["json"], options["html"]):
        show(record, sys.stdout, verbose=options["verbose"])
    if options["json"] is not None:
        write(json.dumps(record, indent=2) + "\n", options["json"], sys.stdout)
    if options["figure"] is not None:
        from netvet.report.twin_curves import draw

        draw(record, options["figure"])
    sys.stdout.flush()
    try:
        run = kept()
    except NetvetError as error:  # its run is gone, or cannot be written to
        click.echo(f"netvet: the study is not kept with its run: {error}", err=True)
        return
    if options["html"] is not None:
        reporter = Reporter(tuple(chosen.checks), chosen.settings, Path.cwd())
        write_page(page_text(reporter, Run.open(run)), options["html"], sys.stdout)


def _list(stream: Any) -> int:
    _require("libcst", "patches of a program need")
    from netvet.capture.frameworks import NAMES as CALLED
    from netvet.fixes import all_fixes, frameworks_of
    from netvet.report.fix import listed
    from netvet.report.text import width_of, write_lines

    found = [
        {"name": f.name, "title": f.title, "mends": f.mends, "made_in": [CALLED[one] for one in frameworks_of(f)]}
        for f in all_fixes()
    ]
    write_lines(listed(found, width_of(stream)), stream)
    return 0
