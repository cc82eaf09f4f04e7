"""What looking into a training costs each step: netvet and what else people use, in one process, in alternating pairs.

    python -m benchmarks.overhead [--only mlp ...] [--tools netvet ...] [--size small] [--pairs N] [--device cuda]
    python -m benchmarks.overhead --scaling parameters|layers|steps [--steps 20000]

A pair is a block of steps without and one with the tool, each on a copy of the model from the same seed; the order
turns from pair to pair, so that a drift of the machine falls on both. `CPU` is the ratio of the CPU time of a block
(all threads of the process, sampled steps included), `step` that of the median step, `wall` that of the wall time (on
a GPU, of its own events): medians over the pairs, with the quartiles of the first. `A/A` is plain against plain: a
difference below it means nothing. The tools look at every step; `netvet` as it comes (a budget of 1 %) and
`netvet --deep` (parameters and layers at every step) after their first dense steps. `same` says whether the weights of
the two copies are equal to the last bit after as many steps. On a GPU, `syncs` counts how often the host waited.

Tools of others: `pip install -r benchmarks/requirements-rivals.txt`, best apart from netvet's own packages.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from benchmarks.rivals import VARIANTS, Variant
from benchmarks.workloads import WORKLOADS, Task, Workload

# Steps before each block that are not timed: caches, lazy state of optimizers. A tool that looks more closely at first
# gets so many more at most, until that is over.
SETTLE, LONGEST = 3, 20_000
# A tool that takes longer than this for a workload gets no more pairs, but this many at least.
SECONDS, LEAST_PAIRS = 90.0, 3


@dataclass(frozen=True)
class Times:
    """Seconds of the steps of a block: CPU time of the process, and wall time."""

    cpu: tuple[float, ...]
    wall: tuple[float, ...]


@dataclass
class Result:
    """One row: the blocks of each pair, plain and with the tool."""

    name: str
    pairs: list[tuple[Times, Times]] = field(default_factory=list)
    same: bool = True
    bitwise: bool = False
    syncs: float | None = None
    failed: str | None = None

    def ratios(self, measure: Callable[[Times], float]) -> list[float]:
        """With the tool over plain, per pair."""
        return [measure(with_tool) / measure(plain) for plain, with_tool in self.pairs]


def order(pairs: int) -> list[bool]:
    """Whether each block has the tool: ABBA, again and again."""
    return [tool for i in range(pairs) for tool in ((False, True) if i % 2 == 0 else (True, False))]


def quartiles(ratios: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median, third quartile."""
    if len(ratios) < 2:
        return (ratios[0],) * 3
    first, middle, third = statistics.quantiles(ratios, n=4, method="inclusive")
    return first, middle, third


def line(result: Result) -> str:
    """One line of the table."""
    if not result.pairs:
        return f"  {result.name:24} {result.failed or 'not installed'}"
    low, cpu, high = quartiles(result.ratios(lambda t: sum(t.cpu)))
    step = statistics.median(result.ratios(lambda t: statistics.median(t.cpu)))
    wall = statistics.median(result.ratios(lambda t: sum(t.wall)))
    same = "yes" if result.same else "NO" if result.bitwise else "no"
    syncs = "" if result.syncs is None else f" {result.syncs:6.1f}"
    return (
        f"  {result.name:24} {cpu:7.3f} [{low:.3f}-{high:.3f}] {step:7.3f} {wall:7.3f} {len(result.pairs):6} "
        f"{same:>5}{syncs}"
    )


def block(task: Task, steps: int, device: str) -> Times:
    """Time steps.

    The host does not wait for the GPU between the steps: it would hide what a tool's own waiting costs.
    """
    clock = _gpu_clock(steps) if device == "cuda" else _wall_clock(steps)
    cpu, tick = [], next(clock)
    tick()
    for _ in range(steps):
        began = time.process_time()
        task.step()
        cpu.append(time.process_time() - began)
        tick()
    return Times(tuple(cpu), next(clock))


def _wall_clock(_steps: int) -> Iterator[Any]:
    ticks: list[float] = []
    yield lambda: ticks.append(time.perf_counter())
    yield tuple(after - before for before, after in pairwise(ticks))


def _gpu_clock(steps: int) -> Iterator[Any]:
    """Events in the stream, read when all is done."""
    waiting = [torch.cuda.Event(enable_timing=True) for _ in range(steps + 1)]
    events = iter(waiting)
    torch.cuda.synchronize()
    yield lambda: next(events).record()
    torch.cuda.synchronize()
    yield tuple(before.elapsed_time(after) / 1e3 for before, after in pairwise(waiting))


def measure(workload: Workload, variant: Variant, *, size: str, device: str, pairs: int) -> Result:
    """Measure one tool on one workload, in pairs of blocks with and without it."""
    result = Result(variant.name, bitwise=variant.bitwise)
    tasks = {tool: workload.task(size, device) for tool in (False, True)}
    began = time.perf_counter()
    blocks: dict[bool, Times] = {}
    for number, tool in enumerate(order(pairs)):
        task = tasks[tool]
        with (
            tempfile.TemporaryDirectory() as folder,
            _entered(variant if tool else None, task, Path(folder)) as entered,
        ):
            settle(task, (lambda entered=entered: variant.settled(entered)) if tool else None)
            blocks[tool] = block(task, workload.steps, device)
        if number % 2:
            result.pairs.append((blocks[False], blocks[True]))
            if len(result.pairs) >= LEAST_PAIRS and time.perf_counter() - began > SECONDS:
                break
    result.same = equal(tasks[False], tasks[True])
    if device == "cuda":
        result.syncs = _synchronisations(tasks[True], variant)
    return result


def settle(task: Task, settled: Callable[[], bool] | None) -> None:
    """Train until what happens at the beginning only is over."""
    for _ in range(SETTLE):
        task.step()
    steps = SETTLE
    while settled is not None and not settled() and steps < LONGEST:
        task.step()
        steps += 1


def equal(first: Task, second: Task) -> bool:
    """Whether the weights are equal to the last bit once both have trained for as many steps."""
    for task, other in ((first, second), (second, first)):
        while task.steps < other.steps:
            task.step()
    pairs = zip(first.model.parameters(), second.model.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def _entered(variant: Variant | None, task: Task, folder: Path) -> contextlib.AbstractContextManager[object]:
    return variant.enter(task, folder) if variant is not None else contextlib.nullcontext()


def _synchronisations(task: Task, variant: Variant, steps: int = 20) -> float:
    """How often a step waits for the GPU, as PyTorch itself warns of it."""
    with tempfile.TemporaryDirectory() as folder, _entered(variant, task, Path(folder)) as entered:
        settle(task, lambda: variant.settled(entered))
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                for _ in range(steps):
                    task.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(w.message) for w in caught) / steps


def rows(workload: Workload, chosen: Sequence[Variant], args: argparse.Namespace) -> Iterator[Result]:
    """The table of one workload; what fails is a row that says so."""
    for variant in chosen:
        result = Result(variant.name, bitwise=variant.bitwise)
        if not variant.missing:
            try:
                if variant.only and workload.name not in variant.only:
                    result.failed = "does not support this model"
                else:
                    pairs = args.pairs or workload.pairs
                    result = measure(workload, variant, size=args.size, device=args.device, pairs=pairs)
            except Exception as error:  # a tool of others on a PyTorch that it does not know
                result.failed = f"failed: {type(error).__name__}: {error}".splitlines()[0][:90]
        yield result


def title(workload: Workload, args: argparse.Namespace) -> str:
    """What is trained, and the heads of the columns."""
    task = workload.task(args.size, args.device)
    count = sum(p.numel() for p in task.model.parameters())
    tensors = sum(1 for _ in task.model.parameters())
    syncs = "  syncs" if args.device == "cuda" else ""
    head = f"{'CPU':>9} [quartiles]    {'step':>8} {'wall':>7} {'pairs':>6} {'same':>5}{syncs}"
    return f"\n{workload.name}: {tensors} tensors, {count:,} parameters\n  {'':24} {head}"


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--only", nargs="+", choices=[*WORKLOADS], default=[*WORKLOADS], help="workloads")
    made.add_argument("--tools", nargs="+", metavar="NAME", help="only tools whose name begins so (A/A always)")
    made.add_argument("--size", choices=["small", "full"], default="full")
    made.add_argument("--pairs", type=int, help="instead of those of the workload")
    made.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    made.add_argument("--scaling", choices=["parameters", "layers", "steps"], help="how netvet's cost grows")
    made.add_argument("--steps", type=int, default=20_000, help="of the long run of --scaling steps")
    return made


def main() -> int:
    """Run the benchmark; exit 1 when netvet changed a training."""
    args = parser().parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # those of other tools about each other
    print(f"$ python -m benchmarks.overhead {shlex.join(sys.argv[1:])}".rstrip())
    print(f"torch {torch.__version__}, {args.device}, 1 thread", flush=True)
    if args.scaling:
        from benchmarks.scaling import scale

        return scale(args.scaling, args.device, pairs=args.pairs, steps=args.steps)
    chosen = [v for v in VARIANTS if not args.tools or v.name.startswith(("A/A", *args.tools))]
    changed = False
    for name in args.only:
        print(title(WORKLOADS[name], args), flush=True)
        for result in rows(WORKLOADS[name], chosen, args):
            print(line(result), flush=True)
            changed |= result.bitwise and not result.same
    return int(changed)


if __name__ == "__main__":
    sys.exit(main())
