"""Runs of a program, several at a time, each kept so that a study that was broken off goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from netvet.executors import Workers
from netvet.fixes.measured import Measured, measured_of
from netvet.fixes.rerun import Rerun, end_running, rerun_apart
from netvet.fixes.study import Asked


class Trials:
    """Runs trials and remembers them.

    Args:
        program: as it is.
        folder: of the journals.
        jobs: runs at a time; `on`: another place for them (Ray, Dask, SLURM; see `Workers`).
        fresh: forget what an earlier start has measured.
    """

    def __init__(self, program: Rerun, folder: Path, *, jobs: int, on: str | None, fresh: bool) -> None:
        self._journal = folder / f"{_digest(program)[:16]}.jsonl"
        if fresh:
            self._journal.unlink(missing_ok=True)
        self._known = dict(self._read())
        self._jobs, self._on = jobs, on
        self._workers: Workers | None = None
        self.count = self.reused = 0

    def __enter__(self) -> Trials:
        if self._on is not None:
            self._workers = Workers(self._on, self._jobs)
        return self

    def __exit__(self, *_: object) -> None:
        if self._workers is not None:
            self._workers.close()

    def run(self, wanted: Sequence[Asked], program: Rerun) -> Iterator[tuple[Asked, Measured]]:
        """Each as it ends; what was measured before, at once."""
        missing: list[tuple[Asked, Rerun, str]] = []
        for asked in wanted:
            texts = {**program.sources, **(asked.candidate.patch.texts if asked.candidate is not None else {})}
            one = replace(program, sources=texts, seed=asked.seed)
            key = _digest(one)
            if key in self._known:
                self.reused += 1
                yield asked, self._known[key]
            else:
                missing.append((asked, one, key))
        for number, measured in self._measured([one for _, one, _ in missing]):
            asked, _, key = missing[number]
            self.count += 1
            self._keep(key, measured)
            yield asked, measured

    def _measured(self, programs: list[Rerun]) -> Iterable[tuple[int, Measured]]:
        if self._workers is not None:
            for number, result in self._workers.run([(one,) for one in programs], rerun_apart):
                failed = f"{type(result).__name__}: {result}"
                yield number, result if isinstance(result, Measured) else Measured(ended="killed", error=failed)
            return
        with ThreadPoolExecutor(self._jobs) as pool:
            running: dict[Future[Measured], int] = {pool.submit(rerun_apart, p): n for n, p in enumerate(programs)}
            try:
                for future in as_completed(running):
                    yield running[future], future.result()
            except BaseException:  # Ctrl-C: nobody waits for these any more
                pool.shutdown(wait=False, cancel_futures=True)
                end_running()
                raise

    def _keep(self, key: str, measured: Measured) -> None:
        self._known[key] = measured
        if measured.ended == "killed":  # by a machine that was too busy, perhaps
            return
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "measured": measured.record()}) + "\n")

    def _read(self) -> Iterator[tuple[str, Measured]]:
        """A last line that was broken off counts for nothing."""
        if not self._journal.is_file():
            return
        for line in self._journal.read_text(encoding="utf-8").splitlines():
            try:
                record: dict[str, Any] = json.loads(line)
                yield str(record["key"]), measured_of(record["measured"])
            except (ValueError, KeyError, TypeError):
                continue


def _digest(program: Rerun) -> str:
    """Equal for runs that would do the same: the texts of the program's files, its arguments, seed and length."""
    target = Path(program.folder, program.target)
    texts = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in program.sources.items()}
    beside = sorted(target.parent.glob("*.py")) if target.is_file() else sorted(Path(program.folder).glob("*.py"))
    files = {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in beside}
    judged = [program.printed.text, program.printed.lower] if program.printed is not None else []
    backend = os.environ.get("KERAS_BACKEND") if program.framework == "keras" else None
    told = [program.target, program.is_module, program.arguments, program.seed, program.steps, files | texts, *judged]
    told += [backend] if backend else []
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
