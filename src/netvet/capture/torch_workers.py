"""Random numbers in DataLoader workers, seen by letting a few extra workers read the same samples.

Each runs in a forked child that is thrown away, set up as PyTorch sets up its own: whatever the data set changes,
it changes there. The user has chosen to read this data set in forked workers; nothing else is read in this way.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import select
import signal
import sys
import warnings
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from netvet.capture.torch_tensors import named_tensors

# Samples that each child reads, twice in a row; a child that takes longer is ended and nothing is recorded.
READ = 4
CHILD_SECONDS = 3.0
# Any numbers; two that differ stand for the base seeds of two epochs.
BASE_SEEDS = (1_000_003, 2_000_003)


@dataclass(frozen=True, slots=True)
class Draws:
    """What the extra workers have shown.

    Args:
        repeated: share of the random samples that come out equal, in two workers or in two epochs.
        same_every_epoch: the same worker draws the same in two epochs; None where that was not tried.
    """

    repeated: float
    kind: str | None
    numpy_state_equal: bool | None
    same_every_epoch: bool | None


Reading = tuple[list[str], list[str], str]


def draw(loader: DataLoader[Any]) -> Draws | None:
    """Compare two workers, and one worker in two epochs; None where that is not possible."""
    if not _forks(loader):
        return None
    began = perf_counter()
    first = _in_child(loader, 0, BASE_SEEDS[0])
    if first is None or perf_counter() - began > CHILD_SECONDS / 2:
        return None
    second = _in_child(loader, 1, BASE_SEEDS[0]) if loader.num_workers > 1 else None
    later = _in_child(loader, 0, BASE_SEEDS[1]) if not loader.persistent_workers else None
    across = _repeated(first, second)
    epochs = _repeated(first, later)
    kind = "across-workers" if across else "across-epochs" if epochs else None
    equal = None if second is None else first[2] == second[2]
    return Draws(max(across or 0.0, epochs or 0.0), kind, equal, None if epochs is None else epochs > 0)


def _forks(loader: DataLoader[Any]) -> bool:
    context = loader.multiprocessing_context
    method = context.get_start_method() if context is not None else torch.multiprocessing.get_start_method()
    return (
        method == "fork"
        and hasattr(os, "fork")
        and sys.platform.startswith("linux")
        and not _holds_files(loader.dataset)
    )


def _holds_files(dataset: Any) -> bool:
    """Open files share their position with the parent: such data sets are left alone."""
    values = list(getattr(dataset, "__dict__", {}).values())
    return any(hasattr(v, "fileno") or hasattr(v, "read") for v in values)


def _repeated(one: Reading, other: Reading | None) -> float | None:
    """Share of the samples that are random within a worker and yet equal in both."""
    if other is None:
        return None
    drawn = [i for i, (a, b) in enumerate(zip(one[0], one[1], strict=True)) if a != b]
    if not drawn:
        return None
    return sum(one[0][i] == other[0][i] for i in drawn) / len(drawn)


def _in_child(loader: DataLoader[Any], worker: int, base_seed: int) -> Reading | None:
    """Read a few samples in a forked child that is set up as this worker."""
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns about forks beside threads, as DataLoader's own are
        child = os.fork()
    if child == 0:
        try:
            os.close(receiving)
            _silence()
            found = _read_as_worker(loader, worker, base_seed)
            os.write(sending, pickle.dumps(found))
        finally:
            os._exit(0)
    os.close(sending)
    try:
        return _receive(receiving, child)
    finally:
        os.close(receiving)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)


def _receive(pipe: int, child: int) -> Reading | None:
    """What the child has written, if it does so in time; the child is gone afterwards."""
    data, deadline = b"", perf_counter() + CHILD_SECONDS
    while (left := deadline - perf_counter()) > 0:
        ready, _, _ = select.select([pipe], [], [], left)
        part = os.read(pipe, 65_536) if ready else b""
        if not part:
            break
        data += part
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(child, 0)
    try:
        found: Reading = pickle.loads(data)
    except Exception:  # it ended before it had anything to say
        return None
    return found


def _read_as_worker(loader: DataLoader[Any], worker: int, base_seed: int) -> Reading:
    from torch.utils.data._utils import worker as internals

    torch.set_num_threads(1)
    seed = base_seed + worker
    random.seed(seed)
    torch.manual_seed(seed)
    if hasattr(internals, "_generate_state"):  # PyTorch seeds numpy in its workers, too
        np.random.seed(internals._generate_state(base_seed, worker))
    dataset = loader.dataset
    info = internals.WorkerInfo(id=worker, num_workers=loader.num_workers, seed=seed, dataset=dataset)
    internals._worker_info = info
    if loader.worker_init_fn is not None:
        loader.worker_init_fn(worker)
    state = hashlib.sha256(pickle.dumps(np.random.get_state())).hexdigest()
    indices = range(min(READ, len(dataset)))  # type: ignore[arg-type]
    first, second = [], []
    for index in indices:
        first.append(_print(dataset[index]))
        second.append(_print(dataset[index]))
    return first, second, state


def _print(sample: Any) -> str:
    digest = hashlib.sha256()
    for _, tensor in named_tensors((sample,), {}):
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    parts = (
        sample if isinstance(sample, (tuple, list)) else list(sample.values()) if isinstance(sample, dict) else [sample]
    )
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(part.tobytes())
        elif isinstance(part, (int, float, str)):
            digest.update(repr(part).encode())
    return digest.hexdigest()
