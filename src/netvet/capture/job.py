"""The processes of one distributed run: known from what their launcher tells each, without a word between them."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netvet.core import NetvetError, first_record
from netvet.store import Run, RunWriter

# Below the folder of the runs: for each job a file that names its run.
FOLDER = ".jobs"
# How long a rank waits for the first one to name the run. No training can begin without the first rank, so on one
# machine nothing is lost; on several, the folder may not be shared, and then nobody ever comes.
WAIT_HERE, WAIT_ELSEWHERE = 60.0, 20.0
# Clocks of machines differ, and the launchers of one job start one after another.
SLACK = 60.0
POLL = 0.05


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of a distributed training, as one of its processes sees it.

    Args:
        rank: of this process; `world_size`: processes in all.
        key: the same in all processes, and in no other attempt that runs at this time.
        unique: no other attempt ever has this key.
        began: when its launcher started, seconds since 1970.
        attempt: 0, 1, ... where the launcher starts all processes anew.
    """

    rank: int
    world_size: int
    key: str
    unique: bool
    began: float
    attempt: int = 0


def current_job() -> Job | None:
    """The job of this process; None where no launcher (torchrun, or one that sets the same variables) started it."""
    rank, size = _number("RANK"), _number("WORLD_SIZE")
    if rank is None or size is None or not 0 <= rank < size or size < 2:
        return None
    attempt = _number("TORCHELASTIC_RESTART_COUNT") or 0
    ticks, began = _start_of(os.getppid())
    names = [os.environ.get(n, "") for n in ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT")]
    unique = bool(ticks) and "TORCHELASTIC_RUN_ID" in os.environ and _number("LOCAL_WORLD_SIZE") == size
    parts = [*names, str(attempt), *((f"{os.getppid()}-{ticks}", socket.gethostname()) if unique else ())]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return Job(rank, size, key, unique, began, attempt)


def _number(name: str) -> int | None:
    text = os.environ.get(name, "")
    return int(text) if re.fullmatch(r"\d{1,9}", text) else None


def _start_of(pid: int) -> tuple[str, float]:
    """When a process started: in ticks since boot (empty if unknown), and in seconds since 1970 (now if unknown)."""
    try:
        # The name in front may hold spaces and brackets; the start is the 20th field behind it.
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        boot = re.search(r"^btime (\d+)", Path("/proc/stat").read_text(), re.MULTILINE)
        seconds = int(ticks) / os.sysconf("SC_CLK_TCK")
        return ticks, float(boot[1]) + seconds if boot else time.time()
    except (OSError, ValueError, IndexError):
        return "", time.time()


def open_run(store: Path, name: str, job: Job | None) -> RunWriter | None:
    """The file of this process in the run of its job: the first rank makes the folder, the others join it.

    Returns:
        None where the first rank's folder cannot be found.

    Raises:
        NetvetError: the store cannot be written.
    """
    if job is None:
        return RunWriter.create(store, name)
    pointer = Path(store) / FOLDER / job.key
    if job.rank == 0:
        pointer.unlink(missing_ok=True)  # of an earlier job on the same port
        writer = RunWriter.create(store, f"{name}-attempt-{job.attempt + 1}" if job.attempt else name)
        _point(pointer, writer.path.name)
        return writer
    folder = _follow(pointer, job)
    return RunWriter.join(Path(store) / folder, rank=job.rank) if folder else None


def _point(pointer: Path, folder: str) -> None:
    """Name the run of this job; whoever looks sees the whole name or none."""
    try:
        pointer.parent.mkdir(exist_ok=True)
        draft = pointer.with_suffix(".new")
        draft.write_text(folder, encoding="utf-8")
        draft.replace(pointer)
    except OSError as error:
        raise NetvetError(f"cannot write {pointer}: {error.strerror or error}; choose a writable --store") from error


def _follow(pointer: Path, job: Job) -> str | None:
    until = time.monotonic() + (WAIT_HERE if job.unique else WAIT_ELSEWHERE)
    while True:
        try:
            fresh = job.unique or pointer.stat().st_mtime >= job.began - SLACK
            if fresh and (name := pointer.read_text(encoding="utf-8")):
                return name
        except OSError:  # not there yet
            pass
        if time.monotonic() > until:
            return None
        time.sleep(POLL)


def describe_rank(job_rank: int, world_size: int, problems: tuple[str, ...] = ()) -> dict[str, Any]:
    """The record of the signal `ranks` that each rank writes about itself."""
    return {
        "rank": job_rank, "world_size": world_size, "host": socket.gethostname(), "pid": os.getpid(),
        "local_rank": _number("LOCAL_RANK"), "problems": list(problems),
    }  # fmt: skip


def await_ranks(folder: Path, job: Job, seconds: float) -> None:
    """Wait for the other ranks to have stored their end, or to be gone; not longer than so many seconds."""
    until = time.monotonic() + seconds
    waiting = set(range(1, job.world_size))
    while waiting and time.monotonic() < until:
        waiting = {rank for rank in waiting if not _is_done(folder / f"rank{rank}.db")}
        if waiting:
            time.sleep(2 * POLL)
    (folder.parent / FOLDER / job.key).unlink(missing_ok=True)


def _is_done(file: Path) -> bool:
    try:
        run = Run.open(file)
        ended, own = run.get("run"), run.get("ranks")
    except NetvetError:
        return False
    if first_record(ended).get("ended"):
        return True
    record = first_record(own)
    return record.get("host") == socket.gethostname() and not _lives(int(record.get("pid") or 0))


def _lives(pid: int) -> bool:
    """Whether a process of this machine goes on; True where that cannot be told."""
    if pid <= 0 or os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in ("Z", "X")  # what its parent has not asked about yet is dead all the same
