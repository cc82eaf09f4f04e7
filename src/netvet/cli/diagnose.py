"""`netvet diagnose`: stored runs again, and the logs of other tools."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netvet.cli.options import Asked, asked_of, choosing, list_option

if TYPE_CHECKING:
    from netvet.capture.logs.find import Found
    from netvet.report.log_table import Judged

USAGE = 2


@click.command()
@choosing
@list_option("--column", "ROLE=NAME", "What a column of the log is, such as val_loss=eval/my_loss.")
@click.argument("logs", nargs=-1)
def diagnose(logs: tuple[str, ...], column: tuple[str, ...], **options: Any) -> int:
    """Diagnose logs that you have already, or a stored run again.

    LOGS are files and folders: TensorBoard, W&B offline, MLflow, Lightning, Keras, transformers, CSV, JSON lines,
    printed text; - is the standard input. Or stored runs: a path, or the beginning of a name; without any the newest
    one is taken. Several runs are compared. Exit code 2 where something that was named could not be read.
    """
    from netvet.store.find import find_run

    asked = asked_of(options)
    told = _told(column)
    stored, others = _sorted(logs, asked.store)
    if not others and len(stored) <= 1:
        from netvet.cli.reports import report_of

        return report_of(find_run(stored[0] if stored else None, asked.store), asked, sys.stdout)
    return _of_logs(stored, others, told, asked)


def _told(texts: Sequence[str]) -> dict[str, str]:
    """Roles and columns of `--column`.

    Raises:
        NetvetError: one of them cannot be read.
    """
    from netvet.capture.logs.roles import require_roles
    from netvet.core import NetvetError

    found = {}
    for text in texts:
        role, equals, name = text.partition("=")
        if not equals or not name:
            raise NetvetError(f"--column {text}: expected ROLE=NAME, such as val_loss=eval/my_loss")
        found[role.strip().replace("-", "_")] = name.strip()
    require_roles(found)
    return found


def _sorted(logs: Sequence[str], store: Path) -> tuple[list[str], list[str]]:
    """Names and paths of stored runs, and logs."""
    from netvet.store import Run

    stored: list[str] = []
    others: list[str] = []
    for name in logs:
        path = Path(name)
        if name == "-" or not path.exists():
            known = name != "-" and any(one.path.name.startswith(name) for one in Run.list(store))
            looks_like_path = "/" in name or path.suffix
            (others if name == "-" or (looks_like_path and not known) else stored).append(name)
        elif (path.is_dir() and any(path.glob("rank*.db"))) or path.match("rank*.db"):
            stored.append(name)
        else:
            inside = [str(one.path) for one in Run.list(path)] if path.is_dir() else []
            stored += inside
            if not inside:
                others.append(name)
    return stored, others


def _of_logs(stored: Sequence[str], others: Sequence[str], told: dict[str, str], asked: Asked) -> int:
    from netvet.capture.logs import find
    from netvet.store.find import find_run

    found = find.read(others, getattr(sys.stdin, "buffer", None))
    judged = [_judged(asked, find_run(name, asked.store)) for name in stored]
    judged += _judged_logs(found, told, asked)
    for failure in found.failures:
        _say(failure)
    if judged:
        from netvet.cli.several import report_several

        status = report_several(judged, found.failures, asked, sys.stdout)
        return USAGE if found.failures else status
    return USAGE


def _judged_logs(found: Found, told: dict[str, str], asked: Asked) -> list[Judged]:
    """Every run of the logs with its report; one that cannot be used is a failure among those of the readers."""
    from netvet.capture.logs.log_run import runs_of
    from netvet.capture.logs.table import UnreadableLog
    from netvet.core import NetvetError

    judged: list[Judged] = []
    for table in found.tables:
        try:
            runs = runs_of(table, told)
        except (UnreadableLog, NetvetError) as error:
            found.failures.append(f"{table.path}: {error}" if isinstance(error, UnreadableLog) else str(error))
            continue
        judged += [_judged(asked, one.run, one.settings) for one in runs]
    seen: dict[str | None, int] = {}
    for one in judged:  # runs of one name are told apart
        run = one.view["run"]
        seen[run["name"]] = count = seen.get(run["name"], 0) + 1
        run["name"] = run["name"] if count == 1 else f"{run['name']} #{count}"
    return judged


def _judged(asked: Asked, run: Any, settings: Any = None) -> Judged:
    from netvet.report.log_table import Judged

    return Judged(run, asked.reporter.view(run), dict(settings or {}))


def _say(failure: str) -> None:
    from netvet.report.plain import clean

    click.echo(f"netvet: error: {clean(failure, 1000)}", err=True)
