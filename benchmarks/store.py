"""What a store costs at scale: bytes on disk, memory of the writing process, time to draw, and what kill -9 leaves.

    python -m benchmarks.store [--steps 1000000] [--layers 200] [--kills 50] [--only scheduled dense kills]

`scheduled`: three series at every step, and ten values of each layer at the first 100 steps and every 100th after them.
`dense`: the three series, and one value of each layer at every single step. `kills`: a process that appends 1,000 steps
a second is killed at a random moment, again and again, each time going on with the same file; every value that can be
read is compared with what was appended. The limits of the file are lowered there, so that it is thinned out all the
time. Simulated values are noise, which nothing could compress.
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import resource
import shlex
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from netvet.core import Series
from netvet.store import Run, RunWriter, thin

SERIES = ("loss", "lr", "grad_norm")
PLACE = "train.py:45"
STATISTICS = (
    "param_norm", "param_std", "param_grad_norm", "update_ratio", "grad_cosine",
    "activation_mean", "activation_std", "dead_unit_share", "saturated_unit_share", "attention_entropy",
)  # fmt: skip
DENSE_STEPS, SCHEDULED_EVERY = 100, 100
# So many steps at once, then wait for the disk: simulated steps come faster than any training's.
BURST = 1_000
# Values repeat after so many steps (a prime, so in no rhythm with chunks and buckets).
PERIOD = 1_009
STEPS_A_SECOND = 1_000
KILL_LIMIT = 256 << 10
# Of the killed process, on a busy machine: the start of Python and NumPy, and then some writing.
LONGEST_LIFE = 2.0


def table(layers: int) -> npt.NDArray[np.float32]:
    """The simulated values, float32 [PERIOD, layers]: heavy-tailed noise, as norms are."""
    return np.random.default_rng(0).lognormal(size=(PERIOD, layers)).astype(np.float32)


class Training:
    """Appends what a recorder would, step after step."""

    def __init__(self, writer: RunWriter, layers: int, case: str) -> None:
        self._writer, self._case = writer, case
        names = [f"blocks.{i}.weight" for i in range(layers)]
        self._rows = [dict(zip(names, row.tolist(), strict=True)) for row in table(layers)]
        self._first = names[0]

    def step(self, step: int) -> None:
        row = self._rows[step % PERIOD]
        for name in SERIES:
            self._writer.append(step, name, row[self._first], PLACE)
        if self._case == "dense":
            self._writer.append_many(step, "param_norm", row)
        elif step < DENSE_STEPS or step % SCHEDULED_EVERY == 0:
            for name in STATISTICS:
                self._writer.append_many(step, name, row)


@dataclass(frozen=True)
class Written:
    """What a case cost."""

    megabytes: float
    peak_megabytes: float
    seconds: float
    early_rss: float
    late_rss: float
    path: Path


def rss() -> float:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def write(folder: Path, case: str, steps: int, layers: int) -> Written:
    """Write a run, as `case` says; `early` and `late` memory are medians of its second and its last tenth."""
    writer = RunWriter.create(folder, case)
    training = Training(writer, layers, case)
    sizes, memory, began = [], [], time.perf_counter()
    for start in range(0, steps, BURST):
        for step in range(start, min(start + BURST, steps)):
            training.step(step)
        writer.flush()
        memory.append(rss())
        sizes.append(sum(file.stat().st_size for file in writer.path.iterdir()) / 1e6)
    writer.close()
    if writer.error:
        raise RuntimeError(writer.error)
    tenth = max(1, len(memory) // 10)
    size = sum(file.stat().st_size for file in writer.path.iterdir()) / 1e6
    early, late = np.median(memory[tenth : 2 * tenth] or memory), np.median(memory[-tenth:])
    return Written(size, max(sizes), time.perf_counter() - began, float(early), float(late), writer.path)


def check(series: Series, column: npt.NDArray[np.float32]) -> int:
    """Compare every value with what was appended; returns how many steps they stand for together."""
    expected = column[series.steps % PERIOD].astype(np.float64)
    if not np.array_equal(series.values, expected):
        raise AssertionError("a value differs from what was appended")
    counts = np.ones(len(series), np.int64) if series.stands_for is None else series.stands_for
    # Every step was appended, and a value that stands for several is the last of them.
    if not np.array_equal(np.cumsum(counts) - 1, series.steps):
        raise AssertionError("steps are missing or twice there")
    return int(counts.sum())


def read(written: Written, case: str, layers: int) -> list[str]:
    """Times to read a run, and what is left exactly."""
    run, values = Run.open(written.path), table(layers)
    signal_name = "param_norm"
    worst = {"one layer": 0.0, "one layer, to draw": 0.0}
    for layer in random.Random(0).sample(range(layers), min(10, layers)):
        key = f"blocks.{layer}.weight"
        began = time.perf_counter()
        series = run.one(signal_name, key)
        worst["one layer"] = max(worst["one layer"], time.perf_counter() - began)
        began = time.perf_counter()
        run.thinned(signal_name, 256, key)
        worst["one layer, to draw"] = max(worst["one layer, to draw"], time.perf_counter() - began)
        assert series is not None
        if case == "dense":
            check(series, values[:, layer])
    began = time.perf_counter()
    loss = run.one("loss", PLACE)
    worst["loss"] = time.perf_counter() - began
    assert loss is not None
    if check(loss, values[:, 0]) != len(loss):
        raise AssertionError("the loss was thinned out")
    began = time.perf_counter()
    run.thinned(signal_name, 256)
    worst[f"heat map of {layers} layers"] = time.perf_counter() - began
    began = time.perf_counter()
    run.get(signal_name)
    worst[f"all {layers} layers, as a check reads them"] = time.perf_counter() - began
    exact = len(series) if series.stands_for is None else int((series.stands_for == 1).sum())
    total = len(series) if series.stands_for is None else int(series.stands_for.sum())
    lines = [f"  {name:42} {seconds:7.3f} s" for name, seconds in worst.items()]
    return [*lines, f"  exact of a layer's {total:,} values: {exact:,}; loss, lr, gradient norm: all of {len(loss):,}"]


def live(folder: Path, clock: Path, layers: int) -> None:
    """Append for ever, from the step after the last one in the store; the times of the steps go to `clock`."""
    thin.LEVEL_LIMIT = KILL_LIMIT
    runs = [found for found in Run.list(folder) if found.error is None]
    stored = Run.open(runs[0].path).one("loss", PLACE) if runs else None
    writer = RunWriter.join(runs[0].path) if runs else RunWriter.create(folder, "killed")
    training, step = Training(writer, layers, "dense"), 0 if stored is None else int(stored.steps[-1]) + 1
    with clock.open("r+b") as file, mmap.mmap(file.fileno(), 0) as shared:
        times = np.frombuffer(shared, np.float64)
        began, first = time.monotonic(), step
        while step < len(times):
            training.step(step)
            times[step] = time.monotonic()
            step += 1
            time.sleep(max(0.0, began + (step - first) / STEPS_A_SECOND - time.monotonic()))


def kill(folder: Path, kills: int, layers: int, seed: int = 0) -> tuple[float, int]:
    """Kill a writing process again and again.

    Returns:
        The longest time between the last step that can be read and the kill, in seconds, and the steps written.

    Raises:
        AssertionError: something that was stored is wrong or gone.
    """
    clock, store, rng = folder / "clock", folder / "runs", random.Random(seed)
    np.zeros(1 << 20).tofile(clock)
    store.mkdir()
    longest, length, values = 0.0, 0, table(layers)
    for _ in range(kills):
        code = "import sys; from pathlib import Path; from benchmarks.store import live; "
        code += "live(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))"
        child = subprocess.Popen([sys.executable, "-c", code, str(store), str(clock), str(layers)])
        time.sleep(rng.uniform(0.0, LONGEST_LIFE))
        os.kill(child.pid, signal.SIGKILL)
        killed = time.monotonic()
        child.wait()
        times = np.fromfile(clock)
        lost, length = _left(store, times, killed, values, length)
        longest = max(longest, lost)
        # The next process appends the lost steps again: if it dies before, they must not count as its own.
        times[length:] = 0
        times.tofile(clock)
    return longest, length


def _left(
    store: Path, times: npt.NDArray[np.float64], killed: float, values: npt.NDArray[np.float32], before: int
) -> tuple[float, int]:
    """Seconds lost by a kill, and the number of steps that are stored."""
    runs = [found for found in Run.list(store) if found.error is None]
    stored = Run.open(runs[0].path).one("loss", PLACE) if runs else None
    appended = int((times > 0).sum())
    if stored is None:
        return killed - float(times[0]) if appended else 0.0, 0
    _require_sound(runs[0].path / "rank0.db")
    length = check(stored, values[:, 0])
    layers = Run.open(runs[0].path).get("param_norm") or {}
    for layer, name in enumerate(layers):
        if abs(check(layers[name], values[:, layer]) - length) > 1:  # killed between two calls
            raise AssertionError("layers and loss do not end at the same step")
    if length < before:
        raise AssertionError("what could be read before is gone")
    return max(0.0, killed - float(times[length])) if length < appended else 0.0, length


def _require_sound(file: Path) -> None:
    connection = sqlite3.connect(file)
    try:
        answer = connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()
    if answer != "ok":
        raise AssertionError(f"the store is corrupt: {answer}")


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--layers", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    cases = ("scheduled", "dense", "kills")
    parser.add_argument("--only", nargs="+", choices=cases, default=cases)
    args = parser.parse_args()
    print(f"$ python -m benchmarks.store {shlex.join(sys.argv[1:])}".rstrip(), flush=True)
    for case in args.only:
        with tempfile.TemporaryDirectory() as folder:
            if case == "kills":
                lost, length = kill(Path(folder), args.kills, layers=20)
                print(f"kills: {args.kills} times kill -9, {length:,} steps, store sound and every value right,")
                print(f"  at most {lost:.2f} s lost")
                continue
            written = write(Path(folder), case, args.steps, args.layers)
            print(f"{case}: {args.steps:,} steps, {args.layers} layers, written in {written.seconds:.0f} s")
            print(f"  store {written.megabytes:.0f} MB, while written at most {written.peak_megabytes:.0f} MB")
            print(f"  memory {written.early_rss:.0f} MB in the second tenth, {written.late_rss:.0f} MB in the last")
            print("\n".join(read(written, case, args.layers)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
