"""Ranks of a distributed run that the script starts itself: each records, and the first process tells for all."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import torch

from netvet.capture.recorder import Recorder
from netvet.capture.torch_patch import Patches
from netvet.core import Facts, LayerSeries, Series
from netvet.signals import SIGNALS
from netvet.store import Run, RunWriter

FOLDER = "ranks"
# What the process that started the ranks knows better.
_OWN = ("run", "environment", "seeds")


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
                recorder.guard("ranks", _become)(recorder, distributed.get_rank(), finish)
            return made

        return init_process_group

    patches.wrap(distributed, "init_process_group", make)


def _become(recorder: Recorder, rank: int, finish: Callable[[str], None]) -> None:
    folder = recorder.writer.path / FOLDER
    folder.mkdir(exist_ok=True)
    recorder.adopt(RunWriter.join(folder, rank=rank))

    def leave() -> None:
        recorder.guard("ranks", finish)("ok")
        recorder.writer.close()

    # Children of multiprocessing leave without atexit.
    Finalize(None, leave, exitpriority=100)


def gather_ranks(recorder: Recorder) -> int:
    """Write what the first rank recorded, and how the ranks differ; gives its optimizer steps (0: no ranks)."""
    files = sorted((recorder.writer.path / FOLDER).glob("rank*.db"), key=_rank)
    if not files:
        return 0
    runs = [Run.open(file) for file in files]
    try:
        steps = _copy(runs[0], recorder)
        records = [dict(facts[0]) for run in runs if isinstance(facts := run.get("replicas"), Facts) and len(facts)]
        if records:
            recorder.facts("replicas", [merged(records)])
    finally:
        for run in runs:
            run.close()
    return steps


def _rank(file: Path) -> int:
    digits = "".join(c for c in file.stem if c.isdigit())
    return int(digits or 0)


def _copy(run: Run, recorder: Recorder) -> int:
    for name in SIGNALS:
        found = run.get(name)
        if isinstance(found, Facts) and name not in _OWN:
            recorder.facts(name, list(found))
        elif isinstance(found, (Series, LayerSeries)):
            for key, series in found.items() if isinstance(found, LayerSeries) else [(None, found)]:
                for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
                    recorder.writer.append(step, name, value, key)
        elif found is None and (reason := run.reason(name)):
            recorder.missing(name, reason)
    optimizers = run.get("optimizers")
    return sum(int(o.get("steps") or 0) for o in optimizers) if isinstance(optimizers, Facts) else 0


def merged(records: list[dict[str, Any]]) -> dict[str, Any]:
    """One record for all ranks: the tensors whose hashes differ at a step that several ranks have, and that step."""
    record = dict(records[0])
    hashes = [r.pop("hashes", None) or {} for r in (record, *map(dict, records[1:]))]
    for step in sorted(set.intersection(*(set(h) for h in hashes)), key=int) if len(hashes) > 1 else ():
        differing = [n for n in hashes[0][step] if any(h[step].get(n) != hashes[0][step][n] for h in hashes[1:])]
        if differing:
            return record | {"differing": differing, "first_step": record.get("first_step") or int(step)}
    return record | {"differing": [] if len(hashes) > 1 else None}
