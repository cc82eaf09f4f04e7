"""What the reports of ended runs say first, for the list of runs: made one after another, in the background."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

from netvet.core import NetvetError
from netvet.store import Run
from netvet.ui.followed import Report


class Verdicts:
    """First sentences of reports, by run; each is made once, since a run that has ended changes no more."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._known: dict[Path, str] = {}
        self._asked: SimpleQueue[Path] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None

    def of(self, path: Path) -> str:
        """The sentence; empty until it is made, and where it cannot be made."""
        with self._lock:
            if path not in self._known:
                self._known[path] = ""
                self._asked.put(path)
                if self._thread is None:  # nothing waits for it at the end
                    self._thread = Thread(target=self._work, name="netvet verdicts", daemon=True)
                    self._thread.start()
            return self._known.get(path, "")

    def _work(self) -> None:
        while True:
            path = self._asked.get()
            try:
                run = Run.open(path)
                try:
                    _, home = self._report(run)
                finally:
                    run.close()
            except NetvetError:
                continue
            self._known[path] = home["headline"][-1]["text"]
