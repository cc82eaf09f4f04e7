"""Where trials run: here, in a pool of processes, or on a cluster; all look like `concurrent.futures`."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from netvet.core import NetvetError

# A trial that has taken so many workers with it is given up.
MAX_ATTEMPTS = 2


class InProcess(Executor):
    """Runs each call at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The result is there when this returns."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _one_thread() -> None:
    """Workers share the cores: each computes with one thread."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)


def _pool(jobs: int) -> Executor:
    # A fork server rather than a fork: this process has run threads of OpenMP and autograd, which do not survive one.
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_one_thread)


def _ray(jobs: int, address: str | None) -> Executor:
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    ray = _imported("ray", "ray")
    if not ray.is_initialized():
        here = {"num_cpus": jobs, "include_dashboard": False} if address is None else {"address": address}
        ray.init(logging_level="error", log_to_driver=False, **here)
    remote = ray.remote(num_cpus=1, max_retries=0)(_call)

    class Ray(Executor):
        """Sends each call to a Ray worker."""

        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = remote.remote(function, args, kwargs).future()
            return future

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            ray.shutdown()

    return Ray()


def _call(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    _one_thread()
    return function(*args, **kwargs)


def _dask(jobs: int, address: str | None) -> Executor:
    distributed = _imported("distributed", "dask")
    here = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
    client = distributed.Client(address, set_as_default=False) if address else distributed.Client(**here)
    executor: Executor = client.get_executor(retries=0)
    return executor


def _slurm(jobs: int, _address: str | None) -> Executor:
    submitit = _imported("submitit", "slurm")
    executor: Executor = submitit.AutoExecutor(folder=".netvet/slurm")
    executor.update_parameters(cpus_per_task=1, slurm_array_parallelism=jobs, timeout_min=60)  # type: ignore[attr-defined]
    return executor


def _imported(module: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NetvetError(f"trials on {extra} need the extra of that name: pip install 'netvet[{extra}]'") from error


_ELSEWHERE: dict[str, Callable[[int, str | None], Executor]] = {"ray": _ray, "dask": _dask, "slurm": _slurm}


def _open(on: str | None, jobs: int) -> Executor:
    if on is None:
        return InProcess() if jobs <= 1 else _pool(jobs)
    kind, _, address = on.partition("://")
    if kind not in _ELSEWHERE:
        raise NetvetError(f"--on {on}: expected ray, ray://HOST:PORT, dask, dask://HOST:PORT or slurm")
    if kind == "dask":
        address = f"tcp://{address}" if address else ""
    elif address:
        address = on
    return _ELSEWHERE[kind](jobs, address or None)


class Workers:
    """Runs calls on an executor, and replaces one whose worker was killed.

    Args:
        on: None for this machine, else `ray`, `ray://...`, `dask`, `dask://...`, `slurm`.
        jobs: how many at a time.
    """

    def __init__(self, on: str | None, jobs: int) -> None:
        self._on, self._jobs = on, jobs
        self._executor = _open(on, jobs)

    @property
    def elsewhere(self) -> bool:
        """Calls run in other processes: what they need must be sent there."""
        return not isinstance(self._executor, InProcess)

    def run(self, calls: list[tuple[Any, ...]], function: Callable[..., Any]) -> Iterator[tuple[int, Any]]:
        """Number and result of each call `function(*arguments)`, as they end; an exception stands for its result.

        A killed worker costs the calls that it was at: they are done once more, and given up after that.
        """
        waiting = dict.fromkeys(range(len(calls)), 0)
        while waiting:
            # After a breakdown one at a time: so it shows whose fault it is.
            alone = any(waiting.values())
            round_ = [min(waiting, key=lambda n: -waiting[n])] if alone else list(waiting)
            futures = {number: self._submit(function, calls[number]) for number in round_}
            broken = False
            for number, future in futures.items():
                result = _result_of(future)
                if not _is_lost(result):
                    del waiting[number]
                    yield number, result
                    continue
                broken = True
                waiting[number] += 1
                if waiting[number] > MAX_ATTEMPTS:
                    del waiting[number]
                    yield number, result
            if broken:
                self._replace()

    def _submit(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Future[Any]:
        try:
            return self._executor.submit(function, *arguments)
        except BrokenExecutor as error:
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed

    def _replace(self) -> None:
        if isinstance(self._executor, ProcessPoolExecutor):
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = _open(self._on, self._jobs)

    def close(self) -> None:
        """End the workers."""
        self._executor.shutdown()


def _result_of(future: Any) -> Any:
    try:
        return future.result()
    except Exception as error:
        return error


def _is_lost(result: Any) -> bool:
    """The worker was killed, and not by what it computed."""
    return isinstance(result, BrokenExecutor) or type(result).__name__ in ("WorkerCrashedError", "KilledWorker")


@contextmanager
def workers(on: str | None, jobs: int) -> Iterator[Workers]:
    """Workers for the length of a study."""
    made = Workers(on, jobs)
    try:
        yield made
    finally:
        made.close()
