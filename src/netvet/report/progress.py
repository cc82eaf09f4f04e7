"""One live line at the foot of the terminal while a script trains: step, loss, netvet's own cost, findings so far.

The line lives outside the scrolling region of the terminal, so that whatever the script prints (progress bars
included) stays as it is.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol

from netvet.core import Check
from netvet.diagnose import Settings, diagnose
from netvet.store import Run

# How often the line is drawn, and how often the run so far is diagnosed for it.
DRAW_SECONDS = 1.0
DIAGNOSE_SECONDS = 20.0
# A terminal lower than this has no line to spare.
MIN_ROWS = 5

_SAVE, _RESTORE, _CLEAR_LINE = "\x1b7", "\x1b8", "\x1b[2K"


class Watched(Protocol):
    """A run while it goes on."""

    @property
    def path(self) -> Path:
        """Where its signals are."""

    @property
    def step(self) -> int:
        """Completed optimizer steps."""

    @property
    def ended(self) -> bool:
        """The program has ended: netvet looks at the run as a whole, which may take some seconds."""

    @property
    def loss(self) -> float | None:
        """The newest training loss; None before the first."""

    @property
    def seconds(self) -> float:
        """Wall time since it began."""

    @property
    def cost(self) -> float:
        """Of these, the seconds that netvet took."""


def findings_so_far(run: Watched, checks: Sequence[Check], settings: Settings) -> Counter[str]:
    """Errors and warnings in what is stored of a run, by severity, acknowledged ones left out."""
    found = diagnose(Run.open(run.path), checks, settings).findings
    return Counter(f.severity for f in found if f.allowed is None and f.severity != "note")


def progress_line(run: Watched, findings: Mapping[str, int], width: int) -> str:
    """The line as plain text, at most `width` characters; `findings`: severity -> count."""
    parts = [f"netvet: step {run.step:,}"]
    if run.loss is not None:
        parts.append(f"loss {run.loss:.4g}")
    if run.seconds > 0:
        parts.append(f"overhead {run.cost / run.seconds:.1%}")
    if run.ended:
        return f"{parts[0]} · the script has ended, looking at the run as a whole"[: max(width, 0)]
    seen = [f"{n} {name}{'s' if n > 1 else ''}" for name, n in findings.items() if n]
    parts.append(", ".join(seen) or "no findings so far")
    return " · ".join(parts)[: max(width, 0)]


class StatusLine:
    """Draws the line from a thread of its own between enter and exit; a failure ends the line, never the run.

    Args:
        descriptor: the terminal.
        run: what goes on.
        checks: those to diagnose with.
        settings: and how.
    """

    def __init__(self, descriptor: int, run: Watched, checks: Sequence[Check], settings: Settings) -> None:
        self._descriptor = descriptor
        self._watched = run
        self._findings = partial(findings_so_far, run, checks, settings)
        self._found: Mapping[str, int] = {}
        self._rows = 0
        self._pid = os.getpid()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="netvet-progress", daemon=True)

    def __enter__(self) -> StatusLine:
        self._thread.start()
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _frames: TracebackType | None) -> None:
        if os.getpid() != self._pid:
            return  # a forked child has neither the thread nor a say over the terminal
        self._stop.set()
        self._thread.join()
        if self._rows:
            self._write(f"{_SAVE}\x1b[1;{self._rows}r\x1b[{self._rows};1H{_CLEAR_LINE}{_RESTORE}")

    def _run(self) -> None:
        ticks = 0
        try:
            while not self._stop.wait(DRAW_SECONDS):
                ticks += 1
                if ticks % round(DIAGNOSE_SECONDS / DRAW_SECONDS) == 0:
                    self._found = self._findings()
                self.draw()
        except Exception:  # the line is a comfort: the run and its report go on without it
            return

    def draw(self) -> None:
        """Write the line once, at the foot of the terminal as it is now."""
        width, rows = os.get_terminal_size(self._descriptor)
        if rows < MIN_ROWS:
            return
        if rows != self._rows:
            # Keep the last row out of the scrolling region; the new line and the way up keep the cursor inside it.
            self._write(f"\n{_SAVE}\x1b[1;{rows - 1}r{_RESTORE}\x1b[1A")
            self._rows = rows
        text = progress_line(self._watched, self._found, width - 1)
        self._write(f"{_SAVE}\x1b[{rows};1H{_CLEAR_LINE}\x1b[2m{text}\x1b[0m{_RESTORE}")

    def _write(self, text: str) -> None:
        # Past sys.stderr: the script may have replaced it, and its lock must not be held across a fork.
        os.write(self._descriptor, text.encode())
