"""Commands of netvet in processes of their own: bounded in time and output, ended with the call, or with the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, strftime
from typing import TYPE_CHECKING, Literal

import anyio

from netvet.mcp import lifeline

if TYPE_CHECKING:
    from anyio.abc import Process

# After Ctrl-C, `netvet run` makes its report: that took 1 to 25 s where it was measured (docs/overhead.md).
GRACE = 60.0
# Then, or when the client has cancelled, the lifeline is cut: SIGTERM, and what that does not end is killed. Its own
# process needs no longer than this for that.
CUT = lifeline.LAST + lifeline.DRAIN + 5.0
# Of what a program writes, the first and the last half of so many bytes are kept; and of so many calls all.
MAX_OUTPUT, MAX_CALLS = 10_000_000, 200
# How often a client that waits is told so: those that count seconds mostly count from 30 or 60.
TOLD = 5.0
TAIL = 4_000

_CALL = re.compile(r"\d{8}-\d{6}-")
Tell = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended.

    Args:
        code: its exit code.
        ended: by itself, or because its time was up.
        output: the end of what it and its program wrote.
        kept: file with what was kept of it.
        report: the JSON that it wrote; None if it wrote none.
    """

    code: int
    ended: Literal["finished", "timed out"]
    output: str
    kept: Path
    report: str | None

    @property
    def error(self) -> str:
        """Why there is no report, in a sentence."""
        lines = self.output.strip().splitlines()
        told = next((line for line in reversed(lines) if line.startswith("netvet: error: ")), "")
        if told:
            return told.removeprefix("netvet: error: ")
        why = "its time was up" if self.ended == "timed out" else f"exit code {self.code}"
        return f"the command gave no report ({why}); it wrote:\n{self.output.strip() or 'nothing'}"


async def run(
    command: Sequence[str], root: Path, folder: Path, seconds: float, tell: Tell, *, options: Sequence[str] = ()
) -> Done:
    """Run `netvet COMMAND --json FILE OPTIONS ...` and wait for it; ends it when the caller is cancelled.

    Args:
        command: name of the command, then what comes after the options.
        root: its working directory.
        folder: where its output and report are kept.
        seconds: then it is interrupted, as by Ctrl-C, so that it still reports.
        tell: called every few seconds with those that have gone by.
    """
    kept, report = _places(folder, command[0])
    keeper = [sys.executable, "-I", str(Path(lifeline.__file__)), str(MAX_OUTPUT), str(kept)]
    words = [sys.executable, "-m", "netvet", command[0], "--json", str(report), *options, *command[1:]]
    environment = os.environ | {"NO_COLOR": "1", "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
    process = await anyio.open_process(
        [*keeper, *words], cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        in_time = await _wait(process, seconds, tell)
        if not in_time:
            await _interrupt(process)
            with anyio.move_on_after(GRACE):
                await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
    text = kept.read_text(encoding="utf-8", errors="replace")
    written = report.read_text(encoding="utf-8") if report.is_file() and report.stat().st_size else None
    return Done(process.returncode or 0, "finished" if in_time else "timed out", text[-TAIL:], kept, written)


def _places(folder: Path, name: str) -> tuple[Path, Path]:
    """Files for the output and the report of a call, in a folder of their own; those of long ago are removed."""
    _tidy(folder)
    base = f"{strftime('%Y%m%d-%H%M%S')}-{name}"
    for number in range(1, 10_000):
        made = folder / (base if number == 1 else f"{base}-{number}")
        with suppress(FileExistsError):
            made.mkdir(parents=True)
            return made / "output.txt", made / "report.json"
    raise FileExistsError(f"{folder / base} and all after it")


def _tidy(folder: Path) -> None:
    calls = sorted(one for one in folder.glob("*") if _CALL.match(one.name) and one.is_dir() and not one.is_symlink())
    for old in calls[: max(0, len(calls) - MAX_CALLS + 1)]:
        shutil.rmtree(old, ignore_errors=True)


async def _wait(process: Process, seconds: float, tell: Tell) -> bool:
    """Whether it ended in time."""
    began = monotonic()
    while (left := seconds - (monotonic() - began)) > 0:
        with anyio.move_on_after(min(left, TOLD)):
            await process.wait()
            return True
        await tell(monotonic() - began)
    return False


async def _interrupt(process: Process) -> None:
    """As by Ctrl-C."""
    if process.stdin is not None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, BrokenPipeError, ConnectionResetError):
            await process.stdin.send(b"i")


async def _end(process: Process) -> None:
    """End the program and all that it has started; nothing where they have ended."""
    if process.stdin is not None:
        with suppress(anyio.BrokenResourceError, BrokenPipeError, ConnectionResetError):
            await process.stdin.aclose()
    with anyio.move_on_after(CUT):
        await process.wait()
        return
    process.kill()
    await process.wait()
