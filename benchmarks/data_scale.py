"""How the data audit grows: `python -m benchmarks.data_scale` reads a quarter, a half and all of each data set.

Each audit is a process of its own, with no shard kept from another one: seconds are those of the audit without the
start of Python, memory is the highest resident set of the process (and, with `--jobs`, of its largest worker).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

ROWS, IMAGES, PNGS = 1_000_000, 100_000, 20_000
PARTS = (0.25, 0.5, 1.0)
# Rows that are made at a time.
PIECE = 50_000


def table(rows: int, first: int) -> dict[str, list[object]]:
    """Rows of eleven columns: eight numbers, two words, a class; a number is missing now and then."""
    draw = np.random.default_rng(first)
    numbers = draw.normal(size=(rows, 8)).round(6)
    numbers[draw.random((rows, 8)) < 0.01] = np.nan
    columns: dict[str, list[object]] = {f"x{i}": numbers[:, i].tolist() for i in range(8)}
    columns["city"] = [f"city {i}" for i in draw.integers(0, 500, rows)]
    columns["colour"] = [("red", "green", "blue")[i] for i in draw.integers(0, 3, rows)]
    columns["label"] = (np.nan_to_num(numbers[:, 0]) + draw.normal(size=rows) > 0).astype(int).tolist()
    return columns


def pictures(count: int, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures [n, 32, 32, 3] with a smooth pattern for each class, and noise."""
    draw = np.random.default_rng(first)
    labels = draw.integers(0, 10, count)
    coarse = np.random.default_rng(0).integers(0, 200, (10, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
    noise = draw.integers(0, 56, (count, 32, 32, 3), dtype=np.uint8)
    return coarse[labels].astype(np.uint8) + noise, labels


def make_csv(folder: Path, rows: int) -> Path:
    import pyarrow as pa
    from pyarrow import csv

    path = folder / "train.csv"
    first = pa.table(table(1, 0)).schema
    with csv.CSVWriter(path, first) as writer:
        for begin in range(0, rows, PIECE):
            writer.write_table(pa.table(table(min(PIECE, rows - begin), begin), schema=first))
    return path


def make_parquet(folder: Path, rows: int) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / "train.parquet"
    first = pa.table(table(1, 0)).schema
    with parquet.ParquetWriter(path, first) as writer:
        for begin in range(0, rows, PIECE):
            writer.write_table(pa.table(table(min(PIECE, rows - begin), begin), schema=first))
    return path


def make_npz(folder: Path, count: int) -> Path:
    parts = [pictures(min(PIECE, count - begin), begin) for begin in range(0, count, PIECE)]
    np.savez(
        folder / "a.npz", x_train=np.concatenate([p for p, _ in parts]), y_train=np.concatenate([y for _, y in parts])
    )
    return folder / "a.npz"


def make_pngs(folder: Path, count: int) -> Path:
    from PIL import Image

    images, labels = pictures(count, 0)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / "train" / f"class {label}"
        path.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path / f"{i}.png")
    return folder


CASES: dict[str, tuple[Callable[[Path, int], Path], int]] = {
    "csv": (make_csv, ROWS),
    "parquet": (make_parquet, ROWS),
    "npz": (make_npz, IMAGES),
    "png": (make_pngs, PNGS),
}


def own_peak() -> int:
    """Most kilobytes that this program held; what `getrusage` says of it counts the process that started it too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0])


def audited(path: Path, jobs: int) -> dict[str, float]:
    """Audit a path in this process."""
    from netvet.data.audit import Options, audit
    from netvet.data.readers import Wanted, open_source
    from netvet.data.scan import Progress
    from netvet.executors import workers

    began = perf_counter()
    told: list[float] = []
    source = open_source(Wanted({"" if path.is_dir() or path.suffix == ".npz" else "train": path}))
    with workers(None, jobs, "netvet.data.scan") as made:
        options = Options(tell=lambda now: told.append(perf_counter() - began) if isinstance(now, Progress) else None)
        found = audit(source, replace(options, calls=made.run) if jobs > 1 else options)
    seconds = perf_counter() - began
    kilobytes = own_peak() + (resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if jobs > 1 else 0)
    samples = sum(len(split) for split in found.data.splits.values())
    return {
        "seconds": seconds,
        "reading": told[-1],
        "megabytes": kilobytes / 1024,
        "samples": samples,
        "looks": len(found.signals),
    }


def measure(path: Path, jobs: int) -> dict[str, float]:
    """Audit a path in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.data_scale", "--audit", str(path), "--jobs", str(jobs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{path}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print one line for each data set and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of samples")
    parser.add_argument("--audit", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.audit:
        print(json.dumps(audited(options.audit, options.jobs)))
        return
    head = f"{'data':8} {'samples':>10} {'looks':>6} {'reading s':>9} {'samples/s':>10}"
    print(f"{head} {'all s':>8} {'peak MB':>8} {'times':>6}")
    for name in options.only:
        make, full = CASES[name]
        least = None
        for part in PARTS:
            with tempfile.TemporaryDirectory() as folder:
                found = measure(make(Path(folder), int(full * part * options.scale)), options.jobs)
            least = least or found["seconds"]
            rate = found["samples"] / found["reading"]
            row = f"{name:8} {found['samples']:10,.0f} {found['looks']:6.0f} {found['reading']:9.1f} {rate:10,.0f}"
            times = found["seconds"] / least
            print(f"{row} {found['seconds']:8.1f} {found['megabytes']:8,.0f} {times:6.1f}", flush=True)


if __name__ == "__main__":
    main()
