"""`netvet replay`: repeat the stored step of a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from netvet.cli.options import STDOUT, absolute, require_writable

if TYPE_CHECKING:
    from netvet.capture.torch_box_file import Box
    from netvet.store import AnyRun

# The step was repeated, but what was stored did not show again.
NOT_REPRODUCED = 1


@click.command()
@click.option("--step", type=click.IntRange(min=0), metavar="N", help="Another stored step than the one that broke.")
@click.option("--script", type=click.Path(path_type=Path), metavar="FILE", help="Where the script of the run lies now.")
@click.option("--store", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the runs.")
@click.option("--json", type=click.Path(path_type=Path), metavar="FILE", help="Write what was found as JSON.")
@click.argument("run", required=False)
def replay(run: str | None, step: int | None, script: Path | None, store: Path | None, json: Path | None) -> int:
    """Repeat the stored step of a run in which a loss or gradient became NaN or infinite, or an exception came.

    RUN is a path, the beginning of a name, or a file of a run's folder black_box; without it the newest run is
    taken. The script is run again with the same arguments, up to the end of its first step of that kind, which
    gets the stored inputs, weights and random numbers. What it prints goes to stderr.

    The exit code is 0 when the same showed again, 1 when the step ran but it did not, 2 when it could not be run.
    """
    from netvet.core import require_torch
    from netvet.report.files import write
    from netvet.report.replay import as_json, show

    _require_box(run, store)
    require_torch()
    require_writable(json, "--json")
    from netvet.capture.torch_replay_run import replay_step

    target = absolute(json)
    box = _box(run, step, store)
    _announce(box, script)
    found = replay_step(box, script)
    if target is not None:
        write(as_json(found), target, sys.stdout)
    if target != STDOUT:
        show(found, sys.stdout)
    return 0 if found["reproduced"] else NOT_REPRODUCED


def _require_box(run: str | None, store: Path | None) -> None:
    """Say before anything else that runs of other frameworks store no steps.

    Raises:
        NetvetError: the run is one of them.
    """
    from netvet import checks, config
    from netvet.core import Facts, NetvetError
    from netvet.store.find import find_run

    if run is not None and run.endswith(".safetensors"):
        return
    found = find_run(run, store or config.load(Path.cwd(), checks.all_checks()).store or config.STORE)
    about = found.get("environment")
    if isinstance(about, Facts) and about and "torch" not in about[0]:
        raise NetvetError(
            f"{found.path.name} is no run of PyTorch: its steps are not stored, so that none can be repeated; "
            "`netvet diagnose` judges it again"
        )


def _box(run: str | None, step: int | None, store: Path | None) -> Box:
    """The stored step that is meant.

    Raises:
        NetvetError: there is none; the message says why, as far as the run knows.
    """
    from netvet import checks, config
    from netvet.capture.torch_box_file import find_box, read_box
    from netvet.core import NetvetError
    from netvet.store.find import find_run

    if run is not None and run.endswith(".safetensors"):
        return read_box(Path(run))
    folder = store or config.load(Path.cwd(), checks.all_checks()).store or config.STORE
    found = find_run(run, folder)
    path = find_box(found.path, step)
    if path is None:
        reason = found.reason("black_box") or "it was recorded without one, or was killed before it could be written"
        raise NetvetError(f"no step of {found.path.name} is stored: {reason}")
    return read_box(path)


def _announce(box: Box, script: Path | None) -> None:
    from netvet.report.plain import clean

    stored = box.about["script"]
    what = str(script or stored["module"] or stored["file"])
    line = " ".join((what, *stored["arguments"]))
    click.echo(f"netvet: running {clean(line, 1000)} up to the end of one step", err=True)


def tell_of(run: AnyRun, stream: TextIO) -> None:
    """Say under the report of a run that a step of it can be repeated."""
    from netvet.core import Facts

    records = run.get("black_box")
    stored = [r for r in records if r["reason"] != "before"] if isinstance(records, Facts) else []
    if stored:
        stream.write(f"Step {stored[0]['step']:,} is stored: `netvet replay {run.path.name}` shows what broke in it.\n")
