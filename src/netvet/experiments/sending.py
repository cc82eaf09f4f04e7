"""A problem as bytes that another process can use, with the classes and functions of the user's own files in it."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from netvet.core import NetvetError
from netvet.experiments.problem import Problem


def content_of(problem: Problem) -> bytes:
    """The problem, pickled.

    Raises:
        NetvetError: it cannot be, or cloudpickle is missing.
    """
    try:
        import cloudpickle  # type: ignore[import-untyped]
    except ImportError as error:
        raise NetvetError("trials in other processes need: pip install 'netvet[recipe]'") from error
    try:
        with by_value(cloudpickle):
            content: bytes = cloudpickle.dumps(problem)
    except Exception as error:
        raise NetvetError(
            f"the model cannot be sent to other processes ({type(error).__name__}: {error}); leave out --jobs and --on"
        ) from error
    return content


@contextmanager
def by_value(cloudpickle: Any) -> Iterator[None]:
    """Modules of the user's own folders go along: no worker finds them, as it runs in another folder or machine."""
    registered = []
    for module in list(sys.modules.values()):
        if _is_own(module):
            cloudpickle.register_pickle_by_value(module)
            registered.append(module)
    try:
        yield
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)


def _is_own(module: ModuleType) -> bool:
    name, file = getattr(module, "__name__", None), getattr(module, "__file__", None)
    if not isinstance(file, str) or not isinstance(name, str) or sys.modules.get(name) is not module:
        return False
    if name.partition(".")[0] == "netvet":
        return False
    installed = {Path(sysconfig.get_path(p)).resolve() for p in ("stdlib", "platstdlib", "purelib", "platlib")}
    parents = set(Path(file).resolve().parents)
    return not installed & parents and not any(
        "site-packages" in p.parts or "dist-packages" in p.parts for p in parents
    )
