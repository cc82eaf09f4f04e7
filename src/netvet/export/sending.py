"""A run sent to another service: by `netvet export`, or when it ends, as `netvet run --export` asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from netvet.core import NetvetError
from netvet.export import EXPORTERS, export, require
from netvet.export.content import Content, facts_of
from netvet.export.curves import curves_of, told
from netvet.report.plain import clean
from netvet.report.view import View
from netvet.store import Run

# They print where nothing says where to; that of a run is no place for it.
_PRINTING = ("csv", "jsonl", "prometheus", "otel")
LONGEST = 1000  # characters of a line


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run is to go: `tensorboard`, or `tensorboard=DIR`.

    Args:
        output: file, folder or address; None: where the exporter puts it by itself.
        folder: what relative paths start from.
    """

    service: str
    output: str | None = None
    folder: Path = Path()


def targets(texts: str | Iterable[str], option: str) -> tuple[Target, ...]:
    """What was asked for, before a long run.

    Args:
        option: by which, for messages.

    Raises:
        NetvetError: there is no such exporter, its client is missing, or it needs to be told where to.
    """
    found = []
    for text in [texts] if isinstance(texts, str) else texts:
        if not isinstance(text, str):
            raise NetvetError(f"{option}: expected names such as 'tensorboard' or 'csv=DIR', got {text!r}")
        name, _, output = text.strip().partition("=")
        if name not in EXPORTERS:
            raise NetvetError(f"{option} {text}: expected one of {', '.join(EXPORTERS)}, or one with =PATH behind it")
        require(name)
        elsewhere = name == "otel" and os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        if name in _PRINTING and not output and not elsewhere:
            raise NetvetError(f"{option} {name}: say where to, as in {name}=PATH")
        found.append(Target(name, output or None, Path.cwd()))
    return tuple(found)


def send(
    run: Run,
    view: View,
    page: Callable[[], str],
    target: Target,
    stream: TextIO,
    *,
    only: Sequence[str] = (),
    points: int | str | None = None,
) -> list[str]:
    """Hand a run over.

    Args:
        view: its report; `page`: makes its page.
        stream: the standard output, for exporters that write text.
        only: these signals; `points`: values of a series, at most, or `all`; None: as many as the service shows.

    Returns:
        Lines that say where it is and what was left out.

    Raises:
        NetvetError: the client is missing, or the output cannot be used.
    """
    exporter = require(target.service)
    most, values = (exporter.points, exporter.values) if points is None else (points, None)
    curves = curves_of(run, list(only), most if isinstance(most, int) else None, values)
    content = Content(run.path.name, view, curves, facts_of(run, view), page)
    with chdir(target.folder):  # the script may have changed it
        place = export(target.service, content, target.output, stream)
    lines = [f"exported {place}"] if place is not None else []
    left = told(curves)
    return [*lines, left] if left is not None else lines


def send_all(
    run: Run, view: View, page: Callable[[], str], asked: Sequence[Target], stream: TextIO, *, quiet: bool
) -> int:
    """Hand a run that has ended to all, and say so on the error output; one that fails keeps no other from being sent.

    Returns:
        How many failed.
    """
    failed = 0
    for target in asked:
        try:
            for line in send(run, view, page, target, stream):
                if not quiet:
                    sys.stderr.write(f"netvet: {clean(line, LONGEST)}\n")
        except Exception as error:  # a service that is not there: clients raise what they like
            known = isinstance(error, NetvetError)
            why = str(error) if known else f"cannot export to {target.service}: {type(error).__name__}: {error}"
            sys.stderr.write(f"netvet: error: {clean(why, LONGEST)}\n")
            failed += 1
    return failed
