"""From `module:function` or `file.py:function` to what that function gives; its errors in one line with their place."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from netvet.core import NetvetError

T = TypeVar("T")


def result_of(target: str, expected: str) -> Any:
    """What the function gives.

    Args:
        expected: what it is to give, for the message of an error.

    Raises:
        NetvetError: there is no such function, or it failed.
    """
    where, _, name = target.rpartition(":")
    if not where or not name:
        raise NetvetError(f"{target!r} is no function; expected module:function or file.py:function")
    module = _quoted(f"{where} cannot be imported", lambda: _module(where))
    function = getattr(module, name, None)
    if not callable(function):
        raise NetvetError(f"{where} has no function {name!r}; expected one that gives {expected}")
    return _quoted(f"{target} failed", function)


def _quoted(what: str, work: Callable[[], T]) -> T:
    """What the user's own code raises, in one line with its place."""
    try:
        return work()
    except NetvetError:
        raise
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
        place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
        raise NetvetError(f"{what}: {type(error).__name__}: {error}{place}") from error


def _module(where: str) -> ModuleType:
    if where.endswith(".py"):
        if not Path(where).is_file():
            raise NetvetError(f"no such file: {where!r}; expected file.py:function or module:function")
        name = Path(where).stem
        name = f"{name}_with_setup" if name in sys.modules else name  # a file may be called torch.py
        spec = importlib.util.spec_from_file_location(name, where)
        if spec is None or spec.loader is None:
            raise NetvetError(f"{where} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        sys.path.insert(0, str(Path(where).resolve().parent))
        spec.loader.exec_module(module)
        return module
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{where}.".startswith(f"{error.name}."):
            raise  # the module is there, and lacks another
        raise NetvetError(f"no such module: {where!r}; expected module:function or file.py:function") from None
