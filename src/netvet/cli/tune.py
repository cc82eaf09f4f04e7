"""`netvet tune`: a random search over the settings of a training."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from netvet.cli.options import STDOUT, absolute, duration, html_option, is_setup, require_writable, setup_name
from netvet.cli.page import page_text, write_page

if TYPE_CHECKING:
    from netvet.experiments.problem import Problem
    from netvet.experiments.tune import Tuned
    from netvet.store import Run

SHOWN = 10
COLUMNS = ("optimizer", "lr", "weight_decay", "batch_size", "dropout", "warmup")


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--trials", type=click.IntRange(min=1), default=30, help="How many, with earlier ones (default: 30).")
@click.option("--budget", default="10m", callback=duration, metavar="TIME", help="For all trials (default: 10m).")
@click.option("--seeds", type=click.IntRange(min=2), default=3, help="Twins in the last comparison (default: 3).")
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Trials at a time (default: 1).")
@click.option("--on", metavar="WHERE", help="Run trials on ray, ray://HOST:PORT, dask, dask://HOST:PORT or slurm.")
@click.option("--fresh", is_flag=True, help="Forget the trials of an earlier search of the same program.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="Write what was found as JSON.")
@html_option
@click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the runs.")
@click.option("-m", "is_module", is_flag=True, help="TARGET is a module, as in `python -m`.")
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def tune(target: str, arguments: tuple[str, ...], **options: Any) -> Callable[[], int]:
    """Search learning rate, weight decay, batch size, dropout, optimizer and warm-up at random.

    TARGET is a script, which runs to its end (or Ctrl-C) first and is then trained on copies; or MODULE:FUNCTION or
    FILE.py:FUNCTION, which gives a netvet.Setup. A search that was broken off goes on where it was.
    """
    from netvet import config
    from netvet.capture.frameworks import require_program
    from netvet.checks import all_checks

    for name in ("json", "html"):
        require_writable(options[name], f"--{name}")
    require_program("tune", target, is_module=options["is_module"])
    _require_optuna()
    from netvet.executors import require
    from netvet.reporter import Reporter

    require(options["on"], options["jobs"])
    known = all_checks()
    configuration = config.load(Path.cwd(), known)
    store = (options["store"] or configuration.store or config.STORE).absolute()
    files = {name: absolute(options[name]) for name in ("json", "html")}
    page = partial(page_text, Reporter(known, configuration.settings, Path.cwd()))
    return partial(_run, target, arguments, store, options | files, page)


def _require_optuna() -> None:
    """Found out before the script runs to its end."""
    from importlib.util import find_spec

    from netvet.core import NetvetError

    if find_spec("optuna") is None:
        raise NetvetError("tuning needs Optuna: pip install 'netvet[tune]'")


def _run(
    target: str, arguments: tuple[str, ...], store: Path, options: dict[str, Any], page: Callable[[Run], str]
) -> int:
    from netvet.executors import workers
    from netvet.experiments.conduct import STUDIES
    from netvet.experiments.lab import Lab, digest
    from netvet.experiments.tune import search
    from netvet.store import Run

    stream = sys.stdout
    problem, path = _problem(target, arguments, store, options["is_module"])
    folder = store.parent / STUDIES
    journal, storage = (folder / f"{digest(problem)}-tune.{end}" for end in ("jsonl", "log"))
    if options["fresh"]:
        for file in (journal, storage):
            file.unlink(missing_ok=True)
    tell = partial(click.echo, err=True) if sys.stderr.isatty() else lambda line: None
    jobs = options["jobs"]
    with workers(options["on"], jobs) as made:
        lab = Lab(problem, seconds=options["budget"], seeds=range(options["seeds"]), workers=made, journal=journal)
        try:
            found = search(lab, options["trials"], storage, tell, jobs=jobs)
        finally:
            lab.close()
    if STDOUT not in (options["json"], options["html"]):
        show(found, stream)
    if options["json"] is not None:
        from netvet.report.files import write

        content = {"schema": "netvet.tune/1", "program": target, **found.record()}
        write(json.dumps(content, indent=2, default=str) + "\n", options["json"], stream)
    run = _kept(found, path, store, setup_name(target))
    if options["html"] is not None:
        write_page(page(Run.open(run)), options["html"], stream)
    return 0


def _kept(found: Tuned, path: Path | None, store: Path, name: str) -> Path:
    """Keep a search with the run of its program, else as a run of its own; gives the folder."""
    from netvet.store import RunWriter

    writer = RunWriter.create(store, name) if path is None else RunWriter.join(path)
    if path is None:
        writer.put_facts("run", [{"name": name, "ended": "ok"}])
    writer.put_facts("tuning", [found.record()])
    writer.close()
    return writer.path


def _problem(target: str, arguments: tuple[str, ...], store: Path, is_module: bool) -> tuple[Problem, Path | None]:
    """What is tuned, and the run of the script that it comes from."""
    from netvet.capture.runner import RunOptions
    from netvet.core import NetvetError
    from netvet.experiments.conduct import setup_of
    from netvet.experiments.script import problem_of_script
    from netvet.experiments.setup import problem_of

    if is_setup(target, is_module):
        return problem_of(setup_of(target), target), None
    problem, reason, ended = problem_of_script(RunOptions(target, is_module, arguments, store))
    if problem is None:
        raise NetvetError(f"{target} cannot be tuned: {reason}")
    return problem, ended.run_path


def show(found: Tuned, stream: TextIO) -> None:
    """Write the table, the best settings and the importances."""
    complete = [a for a in found.attempts if a.loss is not None]
    lines = [
        f"{len(found.attempts)} trials of {found.steps} steps, {len(found.attempts) - len(complete)} of them given up"
    ]
    names = [name for name in COLUMNS if any(name in a.params for a in complete)]
    if complete:
        lines += ["", _row(["loss", "score", *names])]
        lines += [_row([a.loss, a.score, *(a.params.get(n) for n in names)]) for a in complete[:SHOWN]]
    if found.importance:
        told = ", ".join(f"{name} {share:.0%}" for name, share in found.importance.items())
        lines += ["", f"what matters: {told}"]
    if found.verdict is not None:
        best = ", ".join(f"{name} {_cell(complete[0].params[name])}" for name in names)
        lines += ["", f"best: {best}", _compared(found)]
    elif not complete:
        lines += ["no trial was completed: give more time (--budget) or trials (--trials)"]
    click.echo("\n".join(lines), file=stream)


def _compared(found: Tuned) -> str:
    word = {
        "better": "better than", "worse": "worse than", "no difference": "no better than",
    }.get(str(found.verdict), "not clearly better than")  # fmt: skip
    return (
        f"on other seeds it is {word} the program's own settings: held-out loss {found.best:.4g}, own {found.own:.4g}"
    )


def _row(cells: list[Any]) -> str:
    return "  ".join(f"{_cell(cell):<12}" for cell in cells).rstrip()


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
