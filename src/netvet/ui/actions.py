"""What a page may do beyond looking: acknowledge a finding, try fixes, ask people. Each is confirmed there first."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from netvet.core import NetvetError, first_record
from netvet.report.view import View
from netvet.store import Run
from netvet.store.allowed import allow
from netvet.store.find import run_folder

# Longer reasons are no reasons.
MAX_REASON = 400
# Seconds that a process has to end by itself when the server ends.
PATIENCE = 5.0
# What a process has said is shown from its end.
TAIL = 8_000


class Actions:
    """Carries out what a page asks for; processes it has started end with it."""

    def __init__(self, store: Path, report: Callable[[Run], tuple[View, Any]]) -> None:
        self._store, self._report = store, report
        self._started: dict[Path, subprocess.Popen[bytes]] = {}
        self._labelling: dict[Path, tuple[subprocess.Popen[bytes], str]] = {}

    def __call__(self, action: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do it.

        Raises:
            NetvetError: there is no such action or run, or it cannot be done.
        """
        actions = {
            "allow": self._allow, "try": self._try, "tried": self._tried, "stop": self._stop, "label": self._label,
        }  # fmt: skip
        if action not in actions:
            raise NetvetError(f"no action {action!r}; there are: {', '.join(actions)}")
        return actions[action](self._run(said.get("run")), said)

    def _run(self, name: Any) -> Path:
        return run_folder(self._store, str(name))

    def _allow(self, run: Path, said: Mapping[str, Any]) -> Mapping[str, Any]:
        check, where, reason = said.get("check"), said.get("where"), said.get("reason")
        view = self._report(Run.open(run))[0]
        if not any(f["check"] == check and f["where"] == where for f in view["findings"]):
            raise NetvetError(f"{run.name} has no finding {check!r} at {where!r}")
        if reason is not None and (not isinstance(reason, str) or not 0 < len(reason.strip()) <= MAX_REASON):
            raise NetvetError(f"expected a reason of at most {MAX_REASON} letters, or null to take it back")
        allow(run, f"{check}:{where}" if where else str(check), reason and reason.strip())
        return {"allowed": reason}

    def _try(self, run: Path, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Start `netvet fix` on the script of a run, for one of its causes."""
        view = self._report(Run.open(run))[0]
        check = said.get("check")
        if check not in [verdict["check"] for verdict in view["diagnosis"]]:
            raise NetvetError(f"{check!r} is no part of the diagnosis of {run.name}")
        script = view["run"]["script"]
        if not script or not Path(script).is_file():
            raise NetvetError(f"the script of {run.name} is not here: {script}")
        running = self._started.get(run)
        if running is not None and running.poll() is None:
            raise NetvetError("a trial of this run is under way already")
        target = [script, *view["run"]["arguments"]]
        words = [sys.executable, "-m", "netvet", "fix", "--store", str(self._store), "--for", str(check), *target]
        with self._log(run).open("wb") as log:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self._started[run] = process
        return {"command": shlex.join(["netvet", *words[3:]])}

    def _tried(self, run: Path, _said: Mapping[str, Any]) -> Mapping[str, Any]:
        """How far a trial is: what it has said so far."""
        process = self._started.get(run)
        if process is None:
            raise NetvetError(f"no trial of {run.name} was started here")
        said = self._log(run).read_bytes()[-TAIL:].decode("utf-8", "replace")
        return {"status": process.poll(), "said": re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said)}

    def _label(self, run: Path, _said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Start the page on which a person labels samples of an audit blind; gives its address."""
        words = first_record(Run.open(run).get("run")).get("audited")
        if not words:
            raise NetvetError(f"{run.name} is no audit of files, whose samples could be shown")
        old = self._labelling.get(run)
        if old is not None and old[0].poll() is None:
            return {"address": old[1]}
        command = [sys.executable, "-m", "netvet", "data", "--store", str(self._store), "--annotate", *words]
        with self._log(run).open("w+b") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
            address = self._address(process, log)
        self._labelling[run] = process, address
        return {"address": address}

    def _address(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
        """What a page says of where it is, once it is there.

        Raises:
            NetvetError: it has ended without a word of it.
        """
        while True:
            ended = process.poll() is not None
            log.seek(0)
            said = log.read().decode("utf-8", "replace")
            found = re.search(r"^(http://127\.0\.0\.1:\d+/[\w-]+/)\s", said, re.MULTILINE)
            if found:
                return found[1]
            if ended:
                raise NetvetError(said.strip().rpartition("\n")[2] or "the page for labels has ended")
            time.sleep(0.1)

    def _stop(self, run: Path, _said: Mapping[str, Any]) -> Mapping[str, Any]:
        process = self._started.get(run)
        if process is not None and process.poll() is None:
            process.terminate()
        return {"stopped": process is not None}

    def _log(self, run: Path) -> Path:
        return run / "trial.log"

    def close(self) -> None:
        """End what was started."""
        started = [*self._started.values(), *(process for process, _ in self._labelling.values())]
        running = [process for process in started if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
