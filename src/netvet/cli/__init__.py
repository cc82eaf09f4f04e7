"""The command line. Everything beyond click loads when a command needs it: `netvet --help` answers at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

import netvet
from netvet.cli.compare import compare
from netvet.cli.data import data
from netvet.cli.diagnose import diagnose
from netvet.cli.export import export
from netvet.cli.fix import fix
from netvet.cli.formats import FORMATS, formatted, write_all
from netvet.cli.human import keep, records_of
from netvet.cli.mcp import mcp
from netvet.cli.options import SEVERITY, STDOUT, Asked, asked_of, choosing, list_option, percent, require_writable
from netvet.cli.page import format_of, write_page
from netvet.cli.recipe import recipe
from netvet.cli.replay import replay
from netvet.cli.reports import report_of
from netvet.cli.schema import schema
from netvet.cli.tune import tune
from netvet.cli.ui import beside, ui
from netvet.cli.watch import watch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from netvet.capture.live import Live
    from netvet.capture.runner import Outcome, RunOptions
    from netvet.store import Run

USAGE = 2
INTERRUPTED = 130  # what a shell reports for a program that was stopped by Ctrl-C
READER_GONE = 1  # what click leaves with when nobody reads the output any more


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code; every error is one line.

    Args:
        arguments: instead of those of the process.
    """
    sys.exit(_status(arguments))


def _status(arguments: Sequence[str] | None) -> int:
    try:
        result = cli.main(args=arguments, prog_name="netvet", standalone_mode=False)
        # The user's script runs here, outside click: it may be a click program itself.
        return int((result() if callable(result) else result) or 0)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "netvet"
        return _fail(f"{error.format_message()} (`{command} --help` explains)")
    except click.ClickException as error:
        return _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    if isinstance(error, BrokenPipeError):
        # Python flushes once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return READER_GONE
    return _fail(_explained(error))


def _explained(error: Exception) -> str:
    from netvet.core import NetvetError

    if os.environ.get("NETVET_DEBUG"):
        raise error
    if isinstance(error, NetvetError):
        return str(error)
    return f"internal error: {type(error).__name__}: {error} (NETVET_DEBUG=1 shows where; please report it)"


def _fail(message: str) -> int:
    from netvet.report.plain import clean

    click.echo(f"netvet: error: {clean(message, 1000)}", err=True)
    return USAGE


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(netvet.__version__, prog_name="netvet", message="%(prog)s %(version)s")
def cli() -> None:
    """Go vet for neural nets: find out why a network does not learn."""


cli.add_command(compare)
cli.add_command(data)
cli.add_command(diagnose)
cli.add_command(export)
cli.add_command(fix)
cli.add_command(mcp)
cli.add_command(recipe)
cli.add_command(replay)
cli.add_command(schema)
cli.add_command(tune)
cli.add_command(ui)
cli.add_command(watch)


@cli.command(context_settings={"allow_interspersed_args": False})
@choosing
@click.option("--quiet", is_flag=True, help="Print no report and no progress; only write files.")
@click.option("--no-probes", is_flag=True, help="Do not probe a copy of the model.")
@click.option("--every", type=click.IntRange(min=1), metavar="N", help="Look closely at every Nth step.")
@click.option("--deep", is_flag=True, help="Measure parameters and layers at every step.")
@click.option("--stop-on", type=SEVERITY, default="never", help="End the training at a finding that is certain.")
@click.option("--overhead", default="1%", callback=percent, metavar="PCT", help="Time for close looks (default: 1%).")
@click.option(
    "--ui", "with_page", is_flag=True, help="Serve the live page meanwhile (`netvet ui` does it at any time)."
)
@click.option("--framework", type=click.Choice(["torch", "keras", "jax"]), help="Else as the program's imports say.")
@click.option("--like", metavar="GOOD", help="Compare with this stored run at the end (exit 1 if they differ).")
@list_option("--export", "SERVICE[=PATH]", "Send the run there when it ends, as `netvet export` does.")
@click.option("--human-baseline", metavar="FILE", help="Annotations of the validation data, or an accuracy (0.98).")
@click.option("-m", "is_module", is_flag=True, help="TARGET is a module, as in `python -m`.")
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(target: str, arguments: tuple[str, ...], is_module: bool, **options: Any) -> Callable[[], int]:
    """Run a training script and say what is wrong.

    Everything after TARGET belongs to the script. The exit code is the script's own if it failed, else 1 when
    there are findings at or above --fail-on, else 0; 3 if --stop-on has ended the training.
    """
    from netvet.capture.frameworks import framework_of, require

    framework = options["framework"] or framework_of(target, is_module=is_module)
    require(framework)
    asked = asked_of(options)
    from netvet.capture.runner import RunOptions
    from netvet.stopping import stopper
    from netvet.store.find import find_run

    people = records_of(options["human_baseline"])
    like = find_run(options["like"], asked.store.absolute()) if options["like"] else None

    chosen = RunOptions(
        target=target,
        is_module=is_module,
        arguments=arguments,
        store=asked.store.absolute(),
        probes=not options["no_probes"],
        every=options["every"],
        overhead=options["overhead"],
        deep=options["deep"],
        stopper=stopper(asked.checks, asked.settings, options["stop_on"]),
        observe=None if options["quiet"] else _progress(asked),
        framework=framework,
    )
    return partial(_run, chosen, asked, like, people, quiet=options["quiet"], with_page=options["with_page"])


def _progress(asked: Asked) -> Callable[[Live], AbstractContextManager[object]] | None:
    """What draws the live line while the script runs; None where nobody would see it."""
    stream = sys.stderr
    if not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb" or os.environ.get("RANK", "0") != "0":
        return None
    from netvet.report.progress import StatusLine

    return lambda run: StatusLine(stream.fileno(), run, asked.checks, asked.settings)


def _run(
    chosen: RunOptions,
    asked: Asked,
    like: Run | None,
    people: list[Mapping[str, Any]],
    *,
    quiet: bool,
    with_page: bool,
) -> int:
    from netvet.capture import runner
    from netvet.report.compare import tell as against
    from netvet.store import Run

    # The script may put something else in its place, or fork.
    stream, process = sys.stdout, os.getpid()

    def tell(outcome: Outcome) -> int:
        if os.getpid() != process or outcome.run_path is None:
            return outcome.script_status
        if os.environ.get("RANK", "0") != "0":
            return outcome.script_status  # of several processes the first one reports
        try:
            if not quiet:
                stream.write("\n")
            if people:
                keep(outcome.run_path, people)
            made = Run.open(outcome.run_path)
            status = report_of(made, asked, stream, problems=outcome.problems, quiet=quiet)
            if like is not None:
                silent = quiet or asked.prints
                told = against([like], made, asked.checks, asked.settings, stream, quiet=silent, verbose=asked.verbose)
                status = max(status, told)
            stream.flush()
        except Exception as error:
            status = _failed(error)
        return outcome.script_status or status

    with beside(chosen.store, wanted=with_page and os.environ.get("RANK", "0") == "0"):
        return tell(runner.run(replace(chosen, terminated=tell)))


@cli.command()
@choosing
@click.option("--format", "form", type=click.Choice(FORMATS), help="Else as FILE ends; text.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Instead of the standard output.")
@click.argument("run", required=False)
def report(run: str | None, form: str | None, output: Path | None, **options: Any) -> int:
    """Print the report of a stored run, or write it: `-o report.html` is one file with all figures.

    RUN is a path or the beginning of a name; without it the newest one is taken. The exit code says nothing
    about findings.
    """
    from netvet.report.files import write
    from netvet.report.text import show
    from netvet.store.find import find_run

    asked = asked_of(options)
    require_writable(output, "--output")
    source, form = find_run(run, asked.store), format_of(output, form)
    view = asked.reporter.view(source)
    if form == "html":
        write_page(formatted(view, form, source, asked), output or STDOUT, sys.stdout)
    elif form != "text":
        write(formatted(view, form, source, asked), output or STDOUT, sys.stdout)
    elif output is not None and output != STDOUT:
        with output.open("w", encoding="utf-8") as file:
            show(view, file, verbose=asked.verbose)
    elif not asked.prints:
        show(view, sys.stdout, verbose=asked.verbose)
    write_all(view, source, asked, sys.stdout, quiet=False)
    return 0


@cli.command()
@click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the runs.")
def runs(store: Path | None) -> int:
    """List the stored runs, newest first."""
    from netvet import checks, config
    from netvet.report.runs import table
    from netvet.store import Run

    folder = store or config.load(Path.cwd(), checks.all_checks()).store or config.STORE
    found = Run.list(folder)
    click.echo(table(found) if found else f"no runs in {folder}; `netvet run train.py` makes one", nl=not found)
    return 0


@cli.command()
@click.argument("name", required=False)
def explain(name: str | None) -> int:
    """Show the page of a check, or list all checks."""
    from netvet import checks, config
    from netvet.report import pages

    known = checks.all_checks()
    if name is None:
        click.echo(pages.index(known), nl=False)
    else:
        pages.show_page(config.require_check(name, known, "explain"), sys.stdout)
    return 0
