"""`netvet ui`: the live page."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from netvet.cli.options import asked_of, choosing, list_option

# Of the process that serves: the training beside it comes first.
NICENESS = 10


@click.command()
@choosing
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Of the page (default: a free one).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; others can then reach it.")
@list_option("--allow-host", "NAME", "A further name of this machine in addresses, as behind a proxy.")
@click.option("--read-only", is_flag=True, help="Nothing can be acknowledged or started from the page.")
@click.option("--parent", type=int, hidden=True, help="End with this process.")
@click.argument("run", required=False)
def ui(
    run: str | None,
    *,
    port: int,
    host: str,
    allow_host: tuple[str, ...],
    read_only: bool,
    parent: int | None,
    **options: Any,
) -> int:
    """Serve a page with all stored runs, kept up to date while they train, until Ctrl-C.

    RUN is a path or the beginning of a name: the page opens with it. The address has a secret in it; who has the
    address can see the runs and start trials of fixes.
    """
    from netvet.store.find import find_run
    from netvet.ui import serving
    from netvet.ui.actions import Actions
    from netvet.ui.live import Live

    serving.require_uvicorn()
    asked = asked_of(options)
    path = find_run(run, asked.store).path if run else None
    store = (path.parent if path else asked.store).absolute()
    listening = serving.bound(port, host)
    report, token = asked.reporter.head, secrets.token_urlsafe(16)
    actions = Actions(store, report)
    live = Live(store, report, None if read_only else actions)
    os.nice(NICENESS)
    shown = host if ":" not in host else f"[{host}]"
    query = f"?run={quote(path.name)}" if path else "?run=newest" if parent else ""
    click.echo(f"http://{shown}:{listening.getsockname()[1]}/{token}/{query}\nCtrl-C ends it", err=True)
    if parent:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        serving.serve(live.application(token, (host, *allow_host)), listening)
    finally:
        actions.close()
    return 0


def _end_with(parent: int) -> None:
    """End this process as Ctrl-C would once its parent is another one: the parent is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def beside(store: Path, *, wanted: bool) -> Iterator[None]:
    """The page in a process of its own while something runs; on a terminal it stays until Ctrl-C."""
    if not wanted:
        yield
        return
    words = [sys.executable, "-m", "netvet", "ui", "--store", str(store), "--parent", str(os.getpid())]
    # In a session of its own: Ctrl-C is for the training.
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
        if sys.stdout.isatty() and process.poll() is None:
            click.echo("The page stays until Ctrl-C.", err=True)
            with suppress(KeyboardInterrupt):
                process.wait()
    finally:
        process.terminate()
        process.wait()
