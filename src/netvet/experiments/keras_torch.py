"""Keras on the backend torch, whatever backend this process has begun with."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from netvet.core import NetvetError
from netvet.experiments.sending import by_value

BACKEND = "torch"
# Characters of an error of the user's code that are told.
LONGEST = 200
_COLOUR, _CALLED = re.compile(r"\x1b\[[0-9;]*m"), re.compile(r"Exception encountered when calling ([\w.]+)")


def require_keras_on_torch(custom: Mapping[str, Any]) -> dict[str, Any]:
    """Let Keras be that of the backend torch from now on: imported once more where it is that of another.

    A backend of Keras is chosen at its import and for good. What was made with the other one stays usable; classes of
    the program's own are made anew, with the layers of the new one as their bases.

    Args:
        custom: classes and functions of the program's own, by name.

    Returns:
        The same for the backend torch.

    Raises:
        NetvetError: the program's own classes cannot be made anew.
    """
    os.environ["KERAS_BACKEND"] = BACKEND  # workers too
    if "keras" not in sys.modules:
        import keras

        return dict(custom)
    import keras

    if keras.backend.backend() == BACKEND:
        return dict(custom)
    content = _content(custom) if custom else None
    for name in [n for n in sys.modules if n == "keras" or n.startswith("keras.")]:
        del sys.modules[name]
    import keras

    if keras.backend.backend() != BACKEND:
        raise NetvetError(f"Keras is on the backend {keras.backend.backend()} again; trials need it on {BACKEND}")
    return _loaded(content) if content is not None else {}


def told_by(error: Exception) -> str:
    """An error in one line; of those that Keras wraps up, the layer and what it raised."""
    lines = [line.strip() for line in _COLOUR.sub("", str(error)).splitlines() if line.strip()]
    called = _CALLED.match(lines[0]) if lines else None
    where = f" in {called[1]}" if called and len(lines) > 1 else ""
    return f"{type(error).__name__}{where}: {(lines[1] if where else ' '.join(lines))[:LONGEST]}"


def _content(custom: Mapping[str, Any]) -> bytes:
    try:
        import cloudpickle  # type: ignore[import-untyped]
    except ImportError as error:
        names = ", ".join(custom)
        raise NetvetError(
            f"trials train on PyTorch, and to take {names} there needs: pip install 'netvet[recipe]' "
            "(or start the program with KERAS_BACKEND=torch)"
        ) from error
    try:
        with by_value(cloudpickle):
            content: bytes = cloudpickle.dumps(dict(custom))
    except Exception as error:  # whatever a class of the user's holds
        names = ", ".join(custom)
        raise NetvetError(
            f"trials train on PyTorch, and {names} cannot be taken there ({type(error).__name__}: {error}); start the "
            "program with KERAS_BACKEND=torch"
        ) from error
    return content


def _loaded(content: bytes) -> dict[str, Any]:
    import cloudpickle

    # It gives back the class that it has pickled, as long as that is known: the one with the old bases.
    known = getattr(cloudpickle.cloudpickle, "_DYNAMIC_CLASS_TRACKER_BY_ID", None)
    if known is not None:
        known.clear()
    made: dict[str, Any] = cloudpickle.loads(content)
    return made
