"""How netvet's cost grows: with parameters, with layers, and over many steps."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import netvet
from benchmarks.overhead import measure
from benchmarks.rivals import VARIANTS
from benchmarks.workloads import WORKLOADS, chain

# Widths of two square layers that give about 1e4 to 1e8 parameters.
WIDTHS = (96, 312, 998, 3160, 7070)
LAYERS = (10, 50, 200, 700, 2000)
PARTS = 10
# From one look at the memory to the next it may grow by this (allocator, caches) and still be flat.
SLACK = 20_000_000


def scale(what: str, device: str, *, pairs: int | None, steps: int) -> int:
    """Print one table; exit 1 where the memory of the process grows without end."""
    if what == "steps":
        return _steps(device, steps)
    sizes = [(2, width) for width in WIDTHS] if what == "parameters" else [(layers, 64) for layers in LAYERS]
    chosen = [v for v in VARIANTS if v.name.startswith(("A/A", "netvet"))]
    print(f"{'':12} {'parameters':>12} " + " ".join(f"{v.name:>16}" for v in chosen), flush=True)
    for layers, width in sizes:
        workload = chain(layers, width)
        count = sum(p.numel() for p in workload.task("full", device).model.parameters())
        told = []
        for variant in chosen:
            result = measure(workload, variant, size="full", device=device, pairs=pairs or workload.pairs)
            told.append(statistics.median(result.ratios(lambda t: statistics.median(t.cpu))))
        print(f"{workload.name:12} {count:12,} " + " ".join(f"{ratio:16.3f}" for ratio in told), flush=True)
    return 0


def _steps(device: str, steps: int) -> int:
    """Memory and store of one long run."""
    task = WORKLOADS["mlp"].task("full", device)
    memory = []
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'steps':>10} {'ms a step':>10} {'memory MB':>10} {'store MB':>9}")
        with netvet.watch(task.model, task.optimizer, store=folder, probes=False, quiet=True) as run:
            for part in range(1, PARTS + 1):
                began = time.process_time()
                for _ in range(steps // PARTS):
                    task.step()
                seconds = (time.process_time() - began) / (steps // PARTS)
                memory.append(resident())
                store = sum(f.stat().st_size for f in Path(run.path).rglob("*") if f.is_file())
                print(
                    f"{part * steps // PARTS:10,} {seconds * 1e3:10.2f} {memory[-1] / 1e6:10.1f} {store / 1e6:9.2f}",
                    flush=True,
                )
    flat = memory[-1] - memory[PARTS // 2] < SLACK
    print(f"memory flat over the second half: {'yes' if flat else 'NO'}")
    return int(not flat)


def resident() -> int:
    """Bytes of the process in memory, 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
