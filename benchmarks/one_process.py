"""A training in one process whose blocks of steps are plain and under a tool by turns.

The tool is attached before its blocks as its user does it, does what it does at the beginning only, and is detached
after them; plain blocks run as if it had never been there, which is checked: no hook, no function of its own in
PyTorch, no thread. Each block begins with steps that are not timed, until the caches are warm again.
"""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers

from benchmarks.rivals import Variant
from benchmarks.turns import LONGEST, SETTLE, Times, Training
from benchmarks.workloads import Task, Workload

# Of the timed steps of a block, one in so many goes before them untimed: 20 of a step of 0.6 ms, 1 of 2 s.
WARM_UP_SHARE = 10


class Alternating(Training):
    """What goes on in the process: a tool that comes and goes.

    Raises:
        RuntimeError: the tool, detached, has left something behind.
    """

    def __init__(self, workload: Workload, variant: Variant, size: str, device: str, folder: Path) -> None:
        super().__init__(workload, None, size, device, folder)
        self.before: set[str] = set()
        self.tool, self.folder, self.pairs = variant, folder, 0
        self.warm_up = max(1, workload.steps // WARM_UP_SHARE)

    def settle(self) -> None:
        """The first steps of the training itself, and what is there before any tool."""
        for _ in range(SETTLE):
            self.task.step()
        self.before = set(in_place(self.task))

    def pair(self) -> tuple[Times, Times]:
        """A plain block and one under the tool; which comes first changes each time."""
        self.pairs += 1
        if self.pairs % 2:
            plain = self._plain()
            return plain, self._under_tool()
        tool = self._under_tool()
        return self._plain(), tool

    def _plain(self) -> Times:
        gc.collect()
        return self.block(self.warm_up)

    def _under_tool(self) -> Times:
        with self.tool.enter(self.task, self.folder) as entered:
            first = self.task.steps
            while not self.tool.settled(entered) and self.task.steps - first < LONGEST:
                self.task.step()
            gc.collect()
            times = self.block(self.warm_up)
        left = sorted(set(in_place(self.task)) - self.before)
        if left:
            raise RuntimeError(f"{self.tool.name} has left behind: {', '.join(left)}")
        return times


def in_place(task: Task) -> Iterator[str]:
    """What makes a step of this process more than the training itself, one name each."""
    for name, table in _tables(task):
        yield from (f"{name} {key}" for key in table)
    yield from (f"thread {thread.name}" for thread in threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old names of PyTorch
        yield from _replaced()


def _tables(task: Task) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Hooks: PyTorch's own tables of them, and those of the model, its parameters and the optimizer."""
    owners = [modules, optimizers, task.optimizer, *task.model.modules(), *task.model.parameters()]
    for number, owner in enumerate(owners):
        for name in dir(owner) if not isinstance(owner, ModuleType) else vars(owner):
            if "hooks" in name and isinstance(table := getattr(owner, name, None), Mapping):
                yield f"{number} {name}", table


def _replaced() -> Iterator[str]:
    """Functions in PyTorch's modules and their classes that come from elsewhere."""
    seen: set[int] = set()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "torch" or not isinstance(module, ModuleType):
            continue
        for owner in (module, *(value for value in list(vars(module).values()) if isinstance(value, type))):
            if id(owner) in seen:
                continue
            seen.add(id(owner))
            for attribute, value in list(vars(owner).items()):
                if isinstance(value, FunctionType) and "/torch/" not in value.__code__.co_filename:
                    yield f"{owner.__name__}.{attribute} of {value.__code__.co_filename}"
