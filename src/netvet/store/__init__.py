"""The run store: the only meeting point between a training process and whatever reads it.

A run is a folder with one SQLite file for each rank. `RunWriter` belongs to the training process and never
raises into it; `Run` reads from any process, also while the run is being written.
"""

from __future__ import annotations

from netvet.store.memory import MemoryRun
from netvet.store.reader import Run, RunSummary, Thinned
from netvet.store.writer import RunWriter

AnyRun = Run | MemoryRun

__all__ = ["AnyRun", "MemoryRun", "Run", "RunSummary", "RunWriter", "Thinned"]
