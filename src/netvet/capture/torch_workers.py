"""Random numbers in DataLoader workers, seen by letting a few extra workers read the same samples.

Each runs in a forked child that is thrown away, set up as PyTorch sets up its own: whatever the data set changes,
it changes there. The user has chosen to read this data set in forked workers; nothing else is read in this way.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import select
import signal
import sys
import warnings
from collections.abc import Iterator
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


# How far a data set is searched for what it stores.
MAX_STORES, MAX_DEPTH, MAX_ATTRIBUTES = 8, 4, 200

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


def stored_tensors(dataset: Any) -> Iterator[Any]:
    """Tensors and arrays that a data set holds in its attributes, also through subsets and concatenations."""
    stack, seen, found = [(dataset, 0)], set(), 0
    visited = 0
    while stack and found < MAX_STORES and visited < MAX_ATTRIBUTES:
        thing, depth = stack.pop()
        visited += 1
        if id(thing) in seen or depth > MAX_DEPTH:
            continue
        seen.add(id(thing))
        if isinstance(thing, (torch.Tensor, np.ndarray)):
            found += 1
            yield thing
        elif isinstance(thing, (list, tuple)):
            stack.extend((item, depth + 1) for item in thing[:MAX_STORES])
        elif isinstance(thing, dict):
            stack.extend((item, depth + 1) for item in list(thing.values())[:MAX_STORES])
        elif hasattr(thing, "__dict__") and not isinstance(thing, (type, torch.nn.Module, DataLoader)):
            stack.extend((item, depth + 1) for item in reversed(list(vars(thing).values())))


def _forks(loader: DataLoader[Any]) -> bool:
    context = loader.multiprocessing_context
    # Asking for the default would fix it, and a later call of set_start_method by the user would fail.
    method = (context or torch.multiprocessing).get_start_method(allow_none=True)
    method = method or torch.multiprocessing.get_all_start_methods()[0]
    return bool(method == "fork") and sys.platform.startswith("linux") and not _shares_state(loader.dataset)


def _shares_state(dataset: Any) -> bool:
    """Open files share their position with the parent, shared tensors their values: such data sets are left alone."""
    values = list(getattr(dataset, "__dict__", {}).values())
    files = any(hasattr(v, "fileno") or hasattr(v, "read") for v in values)
    tensors = [v for v in stored_tensors(dataset) if isinstance(v, torch.Tensor)]
    return files or any(t.is_shared() for t in tensors)  # type: ignore[no-untyped-call]


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
            os.write(sending, json.dumps(found).encode())
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
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        first, second, state = json.loads(data)
    except ValueError:  # it ended before it had anything to say
        return None
    return first, second, state


def _read_as_worker(loader: DataLoader[Any], worker: int, base_seed: int) -> Reading:
    from torch.utils.data._utils import worker as internals

    torch.set_num_threads(1)
    seed = base_seed + worker
    random.seed(seed)
    torch.manual_seed(seed)
    if hasattr(internals, "_generate_state"):  # PyTorch seeds numpy in its workers, too
        np.random.seed(internals._generate_state(base_seed, worker))  # type: ignore[no-untyped-call]
    dataset = loader.dataset
    info = internals.WorkerInfo(id=worker, num_workers=loader.num_workers, seed=seed, dataset=dataset)
    internals._worker_info = info
    if loader.worker_init_fn is not None:
        loader.worker_init_fn(worker)
    _, keys, position, _, _ = np.random.get_state(legacy=True)
    state = hashlib.sha256(np.asarray(keys).tobytes() + str(position).encode()).hexdigest()
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
