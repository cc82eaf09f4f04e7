"""Watch a training with JAX from a notebook or a loop of one's own: `with netvet.adapters.jax.watch() as run:`.

What is compiled, differentiated or made by Optax within the block is heard as under `netvet run`. A function that was
compiled before is not; `netvet.capture.jax.probe` inside it tells its numbers.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netvet.capture.jax import probe
from netvet.core import NetvetError
from netvet.watch import Attention, WatchedRun, attend

__all__ = ["probe", "watch"]


def watch(
    params: Any = None,
    *,
    name: str = "jax",
    overhead: float | str = 0.01,
    every: int | None = None,
    deep: bool = False,
    store: str | Path | None = None,
    probes: bool = True,
    stop_on: str = "never",
    on_stop: Callable[[], object] | None = None,
    quiet: bool = False,
    show: bool | None = None,
) -> WatchedRun:
    """Watch a training with JAX; as a context manager until the end of its block, else until `close()`.

    Args:
        params: what is trained; watching the same again gives the same run.
        name: what the run is called.
        overhead, every, deep, store, probes, stop_on, on_stop, quiet, show: as in `netvet.watch`.

    Raises:
        NetvetError: JAX is not installed, an argument cannot be used, or nothing can be stored.
    """
    if importlib.util.find_spec("jax") is None:
        raise NetvetError("JAX is not installed here; `pip install jax` or `pip install 'netvet[jax]'`")
    file = sys._getframe(1).f_code.co_filename

    def begin(options: Any) -> Any:
        from netvet.capture.jax_watching import Watching
        from netvet.capture.live import Source

        return Watching(Source(file), dataclasses.replace(options, framework="jax"))

    watched = () if params is None else (params,)
    asked = Attention(overhead, every, deep, store, probes, stop_on, on_stop, quiet, show)
    return attend(name, watched, begin, asked)
