"""Keeps a program that the server has started: ends it with the server, and bounds what is kept of its output.

A process of its own, run as a file: `python lifeline.py LIMIT FILE COMMAND ...`. Its standard input is the lifeline:
an `i` interrupts the program, and the end of the input, which comes however the server ends, ends the program with all
that it has started. Its exit code is that of the program.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO

# After SIGTERM: what that does not end is killed.
LAST = 3.0
# What is left in the pipe is read within this time, although a process that went its own way may hold it open.
DRAIN = 2.0


class Keeper:
    """Copies a stream into a file of at most so many bytes: the first half, and the last one.

    Args:
        limit: in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._written = 0
        self._left_out = 0
        self._end = bytearray()

    def take(self, data: bytes, out: IO[bytes]) -> None:
        """Write, or keep for the end."""
        now = data[: max(0, self._half - self._written)]
        out.write(now)
        out.flush()
        self._written += len(now)
        self._end += data[len(now) :]
        if len(self._end) > 2 * self._half:
            self._cut()

    def close(self, out: IO[bytes]) -> None:
        """Write the last half."""
        self._cut()
        if self._left_out:
            out.write(f"\n[netvet: {self._left_out:,} bytes of output were left out here]\n".encode())
        out.write(self._end)
        out.flush()

    def _cut(self) -> None:
        over = max(0, len(self._end) - self._half)
        del self._end[:over]
        self._left_out += over


def send(program: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """A signal to the program and all that it has started; where there are no groups, to the program."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(program.pid, number)
        elif program.poll() is None:
            program.terminate()


def obey(program: subprocess.Popen[bytes]) -> None:
    """Do what the lifeline says, until it ends."""
    while os.read(0, 1):
        send(program, signal.SIGINT)
    send(program, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        program.wait(LAST)
    send(program, getattr(signal, "SIGKILL", signal.SIGTERM))


def main(limit: str, file: str, *command: str) -> int:
    """Run a command; returns its exit code, or 128 and the number of the signal that ended it."""
    keeper = Keeper(int(limit))
    with open(file, "wb") as out:
        program = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        pipe = program.stdout
        assert pipe is not None

        def copy() -> None:
            while data := os.read(pipe.fileno(), 1 << 16):
                keeper.take(data, out)

        copying = threading.Thread(target=copy, daemon=True)
        copying.start()
        threading.Thread(target=obey, args=(program,), daemon=True).start()
        code = program.wait()
        # Its workers may not have ended with it.
        send(program, getattr(signal, "SIGKILL", signal.SIGTERM))
        copying.join(DRAIN)
        keeper.close(out)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # a thread may still read
