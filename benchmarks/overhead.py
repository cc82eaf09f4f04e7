"""What looking into a training costs each step: netvet and what else people use, in alternating pairs.

    python -m benchmarks.overhead [--only mlp ...] [--tools netvet ...] [--size small] [--pairs N] [--device cuda]
    python -m benchmarks.overhead --scaling parameters|layers|steps [--steps 20000]

Two processes train the same model from the same seed, one of them with the tool, and take turns: a pair is a short
block of steps of each, so that a drift of the machine falls on both. `step` is the ratio of the CPU time of a block's
median step, the median over the pairs with its quartiles; `CPU` that of the CPU time of all blocks (all threads of the
process, sampled steps included); `wall` that of the wall time of all blocks (on a GPU, of its own events). `A/A` is
plain against plain: a difference below it means nothing. The tools look at every step; `netvet` as it comes (a budget
of 1 %) and `netvet --deep` (parameters and layers at every step) after their first dense steps. `same` says whether the
weights of the two are equal to the last bit after as many steps. On a GPU, `syncs` counts how often the host waited.

Tools of others: `pip install -r benchmarks/requirements-rivals.txt`, best apart from netvet's own packages.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

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
    same: bool = True
    bitwise: bool = False
    syncs: float | None = None
    failed: str | None = None

    def ratios(self, measure: Callable[[Times], float]) -> list[float]:
        """With the tool over plain, per pair."""
        return [measure(with_tool) / measure(plain) for plain, with_tool in self.pairs]


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
    low, step, high = quartiles(result.ratios(lambda t: statistics.median(t.cpu)))
    plain, tool = zip(*result.pairs, strict=True)
    cpu = total(tool, "cpu") / total(plain, "cpu")
    wall = total(tool, "wall") / total(plain, "wall")
    same = "yes" if result.same else "NO" if result.bitwise else "no"
    syncs = "" if result.syncs is None else f" {result.syncs:6.1f}"
    return (
        f"  {result.name:24} {step:7.3f} [{low:.3f}-{high:.3f}] {cpu:7.3f} {wall:7.3f} {len(result.pairs):6} "
        f"{same:>5}{syncs}"
    )


def total(blocks: Sequence[Times], clock: str) -> float:
    """Seconds of all blocks."""
    return sum(sum(getattr(block, clock)) for block in blocks)


def measure(
    workload: Workload, variant: Variant, *, size: str, device: str, pairs: int, seconds: float = SECONDS
) -> Result:
    """Measure one tool on one workload: two processes, which take turns."""
    result = Result(variant.name, bitwise=variant.bitwise)
    with Trainer(workload, None, size, device) as plain, Trainer(workload, variant, size, device) as tool:
        plain.settle()
        tool.settle()
        began = time.perf_counter()
        for number in range(pairs):
            told = {one: one.block() for one in ((plain, tool) if number % 2 == 0 else (tool, plain))}
            result.pairs.append((told[plain], told[tool]))
            if len(result.pairs) >= LEAST_PAIRS and time.perf_counter() - began > seconds:
                break
        steps = max(plain.steps(), tool.steps())
        result.same = plain.weights_after(steps) == tool.weights_after(steps)
        if device == "cuda":
            result.syncs = tool.synchronisations()
    return result


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
                    result = measure(
                        workload, variant, size=args.size, device=args.device, pairs=pairs, seconds=args.seconds
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
    head = f"{'step':>9} [quartiles]    {'CPU':>8} {'wall':>7} {'pairs':>6} {'same':>5}{syncs}"
    return f"\n{workload.name}: {tensors} tensors, {count:,} parameters\n  {'':24} {head}"


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--only", nargs="+", choices=[*WORKLOADS], default=[*WORKLOADS], help="workloads")
    made.add_argument("--tools", nargs="+", metavar="NAME", help="only tools whose name begins so (A/A always)")
    made.add_argument("--size", choices=["small", "full"], default="full")
    made.add_argument("--pairs", type=int, help="instead of those of the workload")
    made.add_argument("--seconds", type=float, default=SECONDS, help="no more pairs of a row after so long")
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
