"""Run programs in processes of their own that have torch imported already: two seconds less for each of hundreds."""

from __future__ import annotations

import base64
import faulthandler
import gzip
import json
import multiprocessing
import os
import runpy
import sys
from multiprocessing import forkserver
from pathlib import Path

# Fork servers, so that each program finds fresh modules; none has computed anything when a process is made of it.
_FORKS = multiprocessing.get_context("forkserver")
# The first optimizer of a process imports the compiler, which takes as long as all the rest.
_READY = "torch torch._dynamo sklearn.datasets netvet.cli netvet.capture.runner netvet.fixes.torch_trial"
_FORKS.set_forkserver_preload(_READY.split())
SECONDS = 300


def start() -> None:
    """Start the server of this process, of which there is one: whoever uses it first says what is in it."""
    forkserver.ensure_running()


def call(command: list[str], folder: Path, attempts: int = 1) -> tuple[str, str]:
    """What `python *command` writes to stdout and stderr when it is run in a folder.

    Args:
        attempts: a rank of gloo may wait for ever when its group is destroyed (PyTorch 2.13: the destructor joins a
            thread that waits for the interpreter's lock, which it holds), with and without netvet.

    Raises:
        TimeoutError: it took too long, each time.
    """
    for left in reversed(range(attempts)):
        try:
            return _called(command, folder)
        except TimeoutError:
            if not left:
                raise
    raise ValueError("no attempt was asked for")


def _called(command: list[str], folder: Path) -> tuple[str, str]:
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    process = _FORKS.Process(target=_run, args=(command, str(folder), str(out), str(err)))
    process.start()
    process.join(SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        raise TimeoutError(f"{' '.join(command)} took more than {SECONDS} s\n{err.read_text()[-5000:]}")
    return out.read_text(), err.read_text()


def _run(command: list[str], folder: str, out: str, err: str) -> None:
    multiprocessing.set_start_method(None, force=True)  # the program's own workers start as they would by default
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    faulthandler.dump_traceback_later(SECONDS - 5)
    status = 0
    try:
        if command[0] == "-m":
            sys.argv, sys.path[0:0] = command[1:], [folder]
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv, sys.path[0:0] = command, [str(Path(command[0]).parent)]
            runpy.run_path(command[0], run_name="__main__")
    except SystemExit as leave:
        status = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(status)


def page_in(file: Path) -> dict[str, object]:
    """The data of a page, as a browser unpacks them."""
    packed = file.read_text(encoding="utf-8").split('id="netvet-page">')[1].split("<")[0]
    found: dict[str, object] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return found
