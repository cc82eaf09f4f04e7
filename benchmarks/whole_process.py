"""What netvet costs a whole process, start and report included: pairs of separate processes, by CPU time.

    python -m benchmarks.whole_process [--pairs 2] [--only mlp ...] [--size usual] [-- OPTIONS OF netvet run]

Runs go in the order plain, netvet, netvet, plain, so that a drift of the machine falls on both. `median` compares the
median step, `all steps` the sum (with the steps that netvet looks at closely), both after the first few. `noise` is the
same ratio between halves of the plain runs: a difference below it means nothing. `once` is what the whole process takes
more beyond those steps: start, probes before the first update, writing and reporting at the end.

Sizes: `small` for a quick look, `usual` the full size but for the transformer (about 6 minutes), `full` (about 15).
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent / "programs"
WORKLOADS = ("mlp", "lstm", "gpt", "resnet")
SIZES: dict[str, dict[str, str]] = {
    "small": {},
    "usual": dict.fromkeys(("mlp", "lstm", "resnet"), "full"),
    "full": dict.fromkeys(WORKLOADS, "full"),
}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Run:
    """CPU seconds of one process."""

    median: float
    steps: float
    process: float
    loss: float


@dataclass(frozen=True)
class Result:
    """One workload. Ratios are netvet over plain; noise is plain over plain."""

    name: str
    plain_step: float
    median_ratio: float
    steps_ratio: float
    noise: float
    once: float
    same_loss: bool


def order(pairs: int) -> list[bool]:
    """Whether each run is under netvet: ABBA, again and again."""
    return [under for i in range(pairs) for under in ((False, True) if i % 2 == 0 else (True, False))]


def run(name: str, size: str, under_netvet: bool, options: Sequence[str]) -> Run:
    """Run a workload in a process of its own.

    Raises:
        RuntimeError: it failed.
    """
    script = [str(PROGRAMS / f"{name}.py"), "--size", size]
    command = [sys.executable, *(["-m", "netvet", "run", "--quiet", *options] if under_netvet else []), *script]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "out").open("w+") as out:
        child = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    # 1 is netvet's own answer that it found something.
    if child.returncode not in ((0, 1) if under_netvet else (0,)):
        raise RuntimeError(f"{shlex.join(command)} failed with {child.returncode}:\n{text[-2000:]}")
    told = json.loads(next(line for line in text.splitlines() if line.startswith('{"step_seconds"')))
    seconds = told["step_seconds"]
    return Run(statistics.median(seconds), sum(seconds), usage.ru_utime + usage.ru_stime, told["loss"])


def result(name: str, plain: Sequence[Run], watched: Sequence[Run]) -> Result:
    """Compare the runs of a workload."""
    mean = statistics.fmean
    step = statistics.median(r.median for r in plain)
    outside = [mean(r.process - r.steps for r in runs) for runs in (plain, watched)]
    halves = [mean(r.median for r in plain[i::2] or plain) for i in (0, 1)]
    return Result(
        name=name,
        plain_step=step,
        median_ratio=statistics.median(r.median for r in watched) / step,
        steps_ratio=mean(r.steps for r in watched) / mean(r.steps for r in plain),
        noise=max(halves) / min(halves) - 1,
        once=outside[1] - outside[0],
        same_loss=len({r.loss for r in (*plain, *watched)}) == 1,
    )


def line(found: Result) -> str:
    """One line of the table."""
    ratios = f"{found.median_ratio - 1:+9.1%} {found.steps_ratio - 1:+10.1%} {found.noise:7.1%}"
    same = "yes" if found.same_loss else "NO"
    return f"{found.name:8} {found.plain_step * 1000:9.2f} ms {ratios} {found.once:7.1f} s  {same}"


def main() -> int:
    """Run the benchmark; exit 1 when netvet changed a loss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2, help="pairs of runs, plain and under netvet (default 2)")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--size", choices=SIZES, default="usual")
    parser.add_argument("options", nargs="*", help="options of `netvet run`, after `--`")
    args = parser.parse_args()
    print(f"$ python -m benchmarks.whole_process {shlex.join(sys.argv[1:])}".rstrip())
    print(f"{'':8} {'plain step':>12} {'median':>9} {'all steps':>10} {'noise':>7} {'once':>9}  same loss", flush=True)
    results = []
    for name in args.only:
        runs: dict[bool, list[Run]] = {False: [], True: []}
        for under_netvet in order(args.pairs):
            size = SIZES[args.size].get(name, "small")
            runs[under_netvet].append(run(name, size, under_netvet, args.options))
        results.append(result(name, runs[False], runs[True]))
        print(line(results[-1]), flush=True)
    return 0 if all(found.same_loss for found in results) else 1


if __name__ == "__main__":
    sys.exit(main())
