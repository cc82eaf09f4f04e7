"""Ranks of a distributed run that the script starts itself: each records, and the first process tells for all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Any

import torch

from netvet.capture.job import describe_rank
from netvet.capture.recorder import Recorder
from netvet.capture.termination import Termination
from netvet.capture.torch_patch import Patches
from netvet.core import Facts, LayerSeries, NetvetError, Series
from netvet.signals import SIGNALS
from netvet.store import Run, RunWriter

FOLDER = "ranks"
# What the process that started the ranks knows better, and what is put together for good.
_OWN = ("run", "environment", "seeds", "shards", "shard_sums")


def tap_ranks(recorder: Recorder, patches: Patches, finish: Callable[[str], None]) -> None:
    """Let a forked child begin to record when it joins a process group; no word is sent to other ranks."""
    distributed = torch.distributed
    if not distributed.is_available():
        return
    parent = os.getpid()

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def init_process_group(*args: Any, **kwargs: Any) -> Any:
            made = original(*args, **kwargs)
            if os.getpid() != parent and not recorder.here and distributed.get_world_size() > 1:
                recorder.guard("ranks", _become)(recorder, finish)
            return made

        return init_process_group

    patches.wrap(distributed, "init_process_group", make)


def _become(recorder: Recorder, finish: Callable[[str], None]) -> None:
    folder = recorder.writer.path / FOLDER
    folder.mkdir(exist_ok=True)
    rank = torch.distributed.get_rank()
    recorder.adopt(RunWriter.join(folder, rank=rank))
    recorder.facts("ranks", [describe_rank(rank, torch.distributed.get_world_size())])

    def leave() -> None:
        error = sys.exc_info()[1]
        ended = "ok" if error is None or (isinstance(error, SystemExit) and not error.code) else "exception"
        recorder.guard("ranks", finish)(ended)
        _end(recorder, ended)

    # torch.multiprocessing terminates the others when it lost one.
    Termination(lambda: _end(recorder, "terminated"))
    # Children of multiprocessing leave without atexit.
    Finalize(None, leave, exitpriority=100)


def _end(recorder: Recorder, ended: str) -> None:
    recorder.facts("run", [{"ended": ended}])
    recorder.writer.close()


def gather_ranks(recorder: Recorder) -> int:
    """Write what the ranks recorded, put together; gives the optimizer steps of the lowest one (0: no ranks)."""
    folder = recorder.writer.path / FOLDER
    if not folder.is_dir():
        return 0
    try:
        run = Run.open(folder)
    except NetvetError:  # none of them came as far as to write anything
        return 0
    try:
        return _copy(run, recorder)
    finally:
        run.close()


def _copy(run: Run, recorder: Recorder) -> int:
    for name in SIGNALS:
        if name in _OWN:
            continue
        found = run.get(name)
        if isinstance(found, Facts):
            recorder.facts(name, list(found))
        elif isinstance(found, (Series, LayerSeries)):
            for key, series in found.items() if isinstance(found, LayerSeries) else [(None, found)]:
                for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
                    recorder.writer.append(step, name, value, key)
        elif found is None and (reason := run.reason(name)):
            recorder.missing(name, reason)
    ranks = run.get("ranks")
    last = next((r.get("last_step") for r in ranks), None) if isinstance(ranks, Facts) else None
    return 0 if last is None else int(last) + 1
