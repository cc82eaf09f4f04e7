"""Where trials run: here, in a pool of processes, or on a cluster; all look like `concurrent.futures`."""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from types import ModuleType
from typing import Any

from netvet.core import NetvetError

# A trial that has taken so many workers with it is given up.
MAX_ATTEMPTS = 3
# How often those are asked that do not call back, in seconds.
POLL = 0.02
# What trials need: PyTorch, and the code that runs them.
TRIALS = "netvet.experiments.lab"
WHERE = "ray, ray://HOST:PORT, dask, dask://HOST:PORT, slurm or slurm://CLUSTER"


@dataclass(frozen=True)
class Shared:
    """Bytes for workers: in a file, or (`reference`) in the object store of Ray. Equal for equal bytes."""

    digest: str
    path: str = ""
    reference: Any = None

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shared) and other.digest == self.digest

    def content(self) -> bytes:
        """The bytes, on whatever machine."""
        if self.path:
            return Path(self.path).read_bytes()
        ray = _imported("ray", "ray")
        found: bytes = ray.get(self.reference)
        return found

    def delete(self) -> None:
        """Leave nothing behind."""
        if self.path:
            Path(self.path).unlink(missing_ok=True)
            Path(self.path).parent.rmdir()


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
    torch = sys.modules.get("torch")  # where it is imported later, it reads the variable
    if torch is not None:
        torch.set_num_threads(1)


def _begin() -> None:
    """A worker of a pool: Ctrl-C, which reaches all processes of a terminal, ends it without a word."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    _one_thread()


@contextmanager
def _nameless_main() -> Iterator[None]:
    """Hide the main module: a new process would import it, and so run the user's script once more."""
    own = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = own


# Letters of the path of a socket at most: 104 on macOS, 108 on Linux, the closing zero among them; below the folder
# for temporary files, multiprocessing takes 32.
SOCKET, OWN = 103, 32


@contextmanager
def short_sockets() -> Iterator[None]:
    """Let multiprocessing make its sockets in /tmp where the folder for temporary files has too long a name."""
    kept = tempfile.tempdir
    if os.name == "posix" and len(os.fsencode(tempfile.gettempdir())) + OWN > SOCKET:
        tempfile.tempdir = "/tmp"  # multiprocessing makes a folder of its own in it
    try:
        if os.name == "posix":
            multiprocessing.util.get_temp_dir()
        yield
    finally:
        tempfile.tempdir = kept


# A fork server rather than a fork: this process has run threads of OpenMP and autograd, which do not survive one.
_METHOD = "forkserver" if os.name == "posix" else "spawn"
_BASE: Any = multiprocessing.get_context(_METHOD)


class _Process(_BASE.Process):  # type: ignore[misc]  # of whichever method
    @staticmethod
    def _Popen(process: Any) -> Any:  # noqa: N802  # its name there
        with _nameless_main(), short_sockets():
            return _BASE.Process._Popen(process)


class _Context(type(_BASE)):  # type: ignore[misc]
    Process = _Process


def _pool(jobs: int, preload: str) -> Executor:
    context = _Context()
    if _METHOD == "forkserver":
        context.set_forkserver_preload([preload])
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin)


def _ray(jobs: int, address: str | None) -> Executor:
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    ray = _imported("ray", "ray")
    started = not ray.is_initialized()
    if started:
        here = {"num_cpus": jobs, "include_dashboard": False} if address is None else {"address": address}
        ray.init(logging_level="error", log_to_driver=False, **here)
    remote = ray.remote(num_cpus=1, max_retries=0)(_call)

    class Ray(Executor):
        """Sends each call to a Ray worker."""

        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = remote.remote(function, args, kwargs).future()
            return future

        def share(self, content: bytes, digest: str) -> Shared:
            return Shared(digest, reference=ray.put(content))

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            if started:  # one that the user has opened goes on
                ray.shutdown()

    return Ray()


def _call(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    _one_thread()
    return function(*args, **kwargs)


def _dask(jobs: int, address: str | None) -> Executor:
    distributed = _imported("distributed", "dask")
    here = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
    with _nameless_main():
        made = distributed.Client(address or None, set_as_default=False, **({} if address else here))
    inner = made.get_executor(retries=0, pure=False)

    class Dask(Executor):
        """Sends each call to a Dask worker."""

        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = inner.submit(_call, function, args, kwargs)
            return future

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            inner.shutdown(wait=wait)
            made.close()

    return Dask()


def _slurm(jobs: int, cluster: str | None) -> Executor:
    submitit = _imported("submitit", "slurm")
    executor: Executor = submitit.AutoExecutor(folder=Path(".netvet/slurm").absolute(), cluster=cluster)
    executor.update_parameters(cpus_per_task=1, timeout_min=60)  # type: ignore[attr-defined]
    return executor


def _imported(module: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NetvetError(f"trials on {extra} need the extra of that name: pip install 'netvet[{extra}]'") from error


_ELSEWHERE: dict[str, tuple[str, Callable[[int, str | None], Executor]]] = {
    "ray": ("ray", _ray),
    "dask": ("distributed", _dask),
    "slurm": ("submitit", _slurm),
}


def require(on: str | None, jobs: int) -> None:
    """Find out before a long run whether trials can be sent there.

    Raises:
        NetvetError: it is no place for trials, or a package is missing.
    """
    from importlib.util import find_spec

    kind = (on or "").partition("://")[0]
    if on is not None and kind not in _ELSEWHERE:
        raise NetvetError(f"--on {on}: expected {WHERE}")
    if on is not None and find_spec(_ELSEWHERE[kind][0]) is None:
        _imported(_ELSEWHERE[kind][0], kind)
    if (on is not None or jobs > 1) and find_spec("cloudpickle") is None:
        raise NetvetError("trials in other processes need: pip install 'netvet[recipe]'")


def _open(on: str | None, jobs: int, preload: str) -> Executor:
    require(on, jobs)
    if on is None:
        return InProcess() if jobs <= 1 else _pool(jobs, preload)
    kind, _, address = on.partition("://")
    if kind == "dask" and address:
        address = f"tcp://{address}"
    elif kind == "ray" and address:
        address = on
    try:
        return _ELSEWHERE[kind][1](jobs, address or None)
    except Exception as error:
        raise NetvetError(f"--on {on}: no workers there ({type(error).__name__}: {error})") from error


class Workers:
    """Runs calls on an executor, and replaces one whose worker was killed.

    Args:
        on: None for this machine, else `ray`, `ray://...`, `dask`, `dask://...`, `slurm`, `slurm://...`.
        jobs: how many at a time.
        preload: module with what the calls need, which all processes of this machine then share.
    """

    def __init__(self, on: str | None, jobs: int, preload: str = TRIALS) -> None:
        self._on, self._jobs, self._preload = on, jobs, preload
        self._executor = _open(on, jobs, preload)

    @property
    def elsewhere(self) -> bool:
        """Calls run in other processes: what they need must be sent there."""
        return not isinstance(self._executor, InProcess)

    def share(self, content: bytes) -> Shared:
        """Put bytes where all workers find them; a file is readable for this user alone."""
        digest = hashlib.sha256(content).hexdigest()
        inner = getattr(self._executor, "share", None)
        if inner is not None:
            made: Shared = inner(content, digest)
            return made
        # The machines of a cluster share this folder, and not the one for temporary files.
        folder = None if self._on is None else Path(".netvet").absolute()
        if folder is not None:
            folder.mkdir(exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix="netvet-", dir=folder)) / f"{digest[:16]}.pickle"
        path.write_bytes(content)
        return Shared(digest, str(path))

    def run(self, calls: list[tuple[Any, ...]], function: Callable[..., Any]) -> Iterator[tuple[int, Any]]:
        """Number and result of each call `function(*arguments)`, as they end; an exception stands for its result.

        A killed worker costs the calls that it was at: they are done once more, at last one at a time, so that it shows
        whose fault it is.
        """
        waiting = dict.fromkeys(range(len(calls)), 0)
        while waiting:
            worst = max(waiting, key=lambda n: waiting[n])
            round_ = [worst] if waiting[worst] >= MAX_ATTEMPTS - 1 else list(waiting)
            lost = []
            for number, result in self._round(round_, calls, function):
                if self.is_lost(result):
                    lost.append((number, result))
                    continue
                del waiting[number]
                yield number, result
            for number, result in lost:
                waiting[number] += 1
                if waiting[number] >= MAX_ATTEMPTS:
                    del waiting[number]
                    yield number, result
            if lost:
                self._replace()

    def _round(
        self, numbers: list[int], calls: list[tuple[Any, ...]], function: Callable[..., Any]
    ) -> Iterator[tuple[int, Any]]:
        """Each call once; no more at a time than there are workers, so that few are lost with one."""
        queue, running = list(numbers), dict[int, Any]()
        while queue or running:
            while queue and len(running) < self._jobs:
                number = queue.pop(0)
                running[number] = self._submit(function, calls[number])
            ended = [number for number, future in running.items() if future.done()]
            for number in ended:
                yield number, _result_of(running.pop(number))
            if not ended:
                sleep(POLL)

    def _submit(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            return self._executor.submit(function, *arguments)
        except BrokenExecutor as error:
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed

    def _replace(self) -> None:
        if isinstance(self._executor, ProcessPoolExecutor):
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = _open(self._on, self._jobs, self._preload)

    @staticmethod
    def is_lost(result: Any) -> bool:
        """The worker was killed, and not by what it computed."""
        return isinstance(result, BrokenExecutor) or type(result).__name__ in _LOST

    def close(self) -> None:
        """End the workers."""
        if hasattr(self._executor, "shutdown"):
            self._executor.shutdown()


# What Ray, Dask and submitit say of a worker that is gone.
_LOST = ("WorkerCrashedError", "NodeDiedError", "KilledWorker", "UncompletedJobError", "LocalRayletDiedError")


def _result_of(future: Any) -> Any:
    try:
        return future.result()
    except Exception as error:
        return error


@contextmanager
def workers(on: str | None, jobs: int, preload: str = TRIALS) -> Iterator[Workers]:
    """Workers for the length of a study."""
    made = Workers(on, jobs, preload)
    try:
        yield made
    finally:
        made.close()
