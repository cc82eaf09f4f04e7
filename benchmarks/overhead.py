"""What looking into a training costs each step: netvet and what else people use, in alternating pairs.

    python -m benchmarks.overhead [--only mlp ...] [--tools netvet ...] [--size small] [--pairs N] [--device cuda]
                                  [--one-process | --starts N]
    python -m benchmarks.overhead --scaling parameters|layers|steps [--steps 20000]

Two processes train the same model from the same seed, one of them with the tool, and take turns: a pair is a short
block of steps of each, so that a drift of the machine falls on both. `step` is the ratio of the CPU time of a block's
median step, the median over the pairs with its quartiles; `quiet` the same of the step that a tenth of the block are
faster than, which other processes disturb least; `CPU` that of the CPU time of all blocks (all threads of the
process, sampled steps included); `wall` that of the wall time of all blocks (on a GPU, of its own events). `A/A` is
plain against plain: a difference below it means nothing. `load` is how many processes wanted a core meanwhile, the
two of the pair (of which one stands still) among them. The tools look at every step; `netvet` as it comes (a budget
of 1 %) and `netvet --deep` (parameters and layers at every step) after their first dense steps. `same` says whether the
weights of the two are equal to the last bit after as many steps. On a GPU, `syncs` counts how often the host waited.

Two processes show all that a tool costs, its memory and its threads too; but they also differ by what it does not cost:
where the allocator and the system have put what each of them works on, which stays for as long as they live. `--starts
N` starts them N times, and tells the median over the starts, with quartiles, of the medians over their pairs.
`--one-process` trains once; the tool is attached before each of its blocks, settles, and is detached after it. Start
and memory are the same for both, and small differences show. It does not show what a tool leaves behind (hooks,
functions and threads are looked for, but not memory that is used up, or warm caches), nor what a long run costs: each
block is early in a run of its own. Nor can it tell whether the weights are the same.

Tools of others: `pip install -r benchmarks/requirements-rivals.txt`, best apart from netvet's own packages.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, pairwise

import torch

from benchmarks.one_process import Alternating
from benchmarks.rivals import VARIANTS, Variant
from benchmarks.turns import Times, Trainer
from benchmarks.workloads import WORKLOADS, Workload

# A row takes no more pairs after so many seconds, but this many at least.
SECONDS, LEAST_PAIRS = 90.0, 3


@dataclass
class Result:
    """One row: the blocks of each pair, plain and with the tool."""

    name: str
    pairs: list[tuple[Times, Times]] = field(default_factory=list)
    same: bool | None = True
    bitwise: bool = False
    # The first pair of each start, and processes that wanted a core.
    starts: list[int] = field(default_factory=lambda: [0])
    load: float | None = None
    syncs: float | None = None
    failed: str | None = None

    def ratios(self, measure: Callable[[Times], float]) -> list[float]:
        """With the tool over plain, per pair; medians per start where there are several."""
        each = [measure(with_tool) / measure(plain) for plain, with_tool in self.pairs]
        if len(self.starts) < 2:
            return each
        return [statistics.median(each[begin:end]) for begin, end in pairwise([*self.starts, len(each)])]


def quartiles(ratios: Sequence[float]) -> tuple[float, float, float]:
    """First quartile, median, third quartile."""
    if len(ratios) < 2:
        return (ratios[0],) * 3
    first, middle, third = statistics.quantiles(ratios, n=4, method="inclusive")
    return first, middle, third


def quiet_step(seconds: Sequence[float]) -> float:
    """Seconds that a tenth of the steps are below."""
    return statistics.quantiles(seconds, n=10, method="inclusive")[0] if len(seconds) > 1 else seconds[0]


def line(result: Result) -> str:
    """One line of the table."""
    if not result.pairs:
        return f"  {result.name:24} {result.failed or 'not installed'}"
    low, step, high = quartiles(result.ratios(lambda t: statistics.median(t.cpu)))
    quiet = statistics.median(result.ratios(lambda t: quiet_step(t.cpu)))
    plain, tool = zip(*result.pairs, strict=True)
    cpu = total(tool, "cpu") / total(plain, "cpu")
    wall = total(tool, "wall") / total(plain, "wall")
    same = "-" if result.same is None else "yes" if result.same else "NO" if result.bitwise else "no"
    load = "" if result.load is None else f"{result.load:.1f}"
    syncs = "" if result.syncs is None else f" {result.syncs:6.1f}"
    return (
        f"  {result.name:24} {step:7.3f} [{low:.3f}-{high:.3f}] {quiet:7.3f} {cpu:7.3f} {wall:7.3f} "
        f"{len(result.pairs):6} {same:>5} {load:>5}{syncs}"
    )


def total(blocks: Sequence[Times], clock: str) -> float:
    """Seconds of all blocks."""
    return sum(sum(getattr(block, clock)) for block in blocks)


def measure(
    workload: Workload,
    variant: Variant,
    *,
    size: str,
    device: str,
    pairs: int,
    seconds: float = SECONDS,
    starts: int = 1,
    one_process: bool = False,
) -> Result:
    """Measure one tool on one workload.

    Args:
        pairs: at most, and `seconds` after which there are no more: of each start.
        starts: of two processes, which take turns.
        one_process: of one, instead, where the tool comes and goes.
    """
    result = Result(variant.name, bitwise=variant.bitwise, starts=[])
    for _ in range(starts):
        result.starts.append(len(result.pairs))
        with Trainer(workload, variant, size, device, Alternating if one_process else None) as tool:
            if one_process:
                tool.settle()
                result.pairs += _take(lambda: tool.ask("pair"), pairs, seconds)
                result.same = None
            else:
                _take_turns(result, tool, Trainer(workload, None, size, device), pairs, seconds)
            if device == "cuda" and not one_process:
                result.syncs = tool.synchronisations()
    result.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return result


def _take_turns(result: Result, tool: Trainer, other: Trainer, pairs: int, seconds: float) -> None:
    """A start of two processes."""
    with other as plain:
        plain.settle()
        tool.settle()
        orders = cycle([(plain, tool), (tool, plain)])

        def pair() -> tuple[Times, Times]:
            told = {one: one.block() for one in next(orders)}
            return told[plain], told[tool]

        result.pairs += _take(pair, pairs, seconds)
        steps = max(plain.steps(), tool.steps())
        result.same = result.same and plain.weights_after(steps) == tool.weights_after(steps)


def _take(pair: Callable[[], tuple[Times, Times]], most: int, seconds: float) -> list[tuple[Times, Times]]:
    """Pairs, as many as there is time for."""
    began, taken = time.perf_counter(), [pair()]
    while len(taken) < most and (len(taken) < LEAST_PAIRS or time.perf_counter() - began < seconds):
        taken.append(pair())
    return taken


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
                    how = {"starts": args.starts, "one_process": args.one_process}
                    result = measure(
                        workload, variant, size=args.size, device=args.device, pairs=pairs, seconds=args.seconds, **how
                    )
            except RuntimeError as error:  # a tool of others on a PyTorch that it does not know
                result.failed = f"failed: {error}".splitlines()[0][:90]
        yield result


def title(workload: Workload, args: argparse.Namespace) -> str:
    """What is trained, and the heads of the columns."""
    task = workload.task(args.size, "cpu")  # the processes that train do the first work on a GPU
    count = sum(p.numel() for p in task.model.parameters())
    tensors = sum(1 for _ in task.model.parameters())
    syncs = "  syncs" if args.device == "cuda" else ""
    head = f"{'step':>9} [quartiles]    {'quiet':>8} {'CPU':>7} {'wall':>7} {'pairs':>6} {'same':>5} {'load':>5}{syncs}"
    return f"\n{workload.name}: {tensors} tensors, {count:,} parameters\n  {'':24} {head}"


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--only", nargs="+", choices=[*WORKLOADS], default=[*WORKLOADS], help="workloads")
    made.add_argument("--tools", nargs="+", metavar="NAME", help="only tools whose name begins so (A/A always)")
    made.add_argument("--size", choices=["small", "full"], default="full")
    made.add_argument("--pairs", type=int, help="instead of those of the workload")
    made.add_argument("--seconds", type=float, default=SECONDS, help="no more pairs of a row after so long")
    how = made.add_mutually_exclusive_group()
    how.add_argument("--starts", type=int, default=1, help="of the two processes; each takes --pairs and --seconds")
    how.add_argument("--one-process", action="store_true", help="one training, where the tool comes and goes")
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
            changed |= result.bitwise and result.same is False
    return int(changed)


if __name__ == "__main__":
    sys.exit(main())
