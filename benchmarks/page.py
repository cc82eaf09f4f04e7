"""What the page of a large run costs: bytes, and CPU seconds to make it.

    python -m benchmarks.page [--layers 200] [--steps 10000] [--long 1000000]

`dense`: three series and ten values of each layer at every step, as `--deep` records them. `long`: three series at
every step, and the ten values at the first 100 steps and every 100th after them. Both with a model of as many layers.
The values are noise, which nothing could compress. The last line says in how many rows the one step can still be seen
at which the gradient of every layer was 1,000 times as large.
"""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.store import BURST, DENSE_STEPS, PERIOD, PLACE, SCHEDULED_EVERY, SERIES, STATISTICS, table
from netvet.diagnose import diagnose
from netvet.report import html, page_view, view
from netvet.report.figures.spec import Heat
from netvet.store import Run, RunWriter

# The step of the spike, as a share of the run: late, where columns are long settled.
SPIKE_AT, SPIKE = 0.7421, 1000.0


def write(folder: Path, steps: int, layers: int, *, dense: bool) -> Path:
    """Write a run; gives its folder."""
    writer = RunWriter.create(folder, "page")
    names = [f"blocks.{i}.weight" for i in range(layers)]
    rows = [dict(zip(names, row.tolist(), strict=True)) for row in table(layers)]
    for signal, records in model(layers).items():
        writer.put_facts(signal, list(records))
    spike = spike_step(steps, dense=dense)
    for step in range(steps):
        row = rows[step % PERIOD]
        for name in SERIES:
            writer.append(step, name, row[names[0]], PLACE)
        if dense or step < DENSE_STEPS or step % SCHEDULED_EVERY == 0:
            for name in STATISTICS:
                is_spike = step == spike and name == "param_grad_norm"
                writer.append_many(step, name, {n: v * SPIKE for n, v in row.items()} if is_spike else row)
        if step % BURST == 0:
            writer.flush()
    writer.close()
    if writer.error:
        raise RuntimeError(writer.error)
    return writer.path


def spike_step(steps: int, *, dense: bool) -> int:
    """The step of the spike: one at which layers are looked at."""
    every = 1 if dense else SCHEDULED_EVERY
    return int(steps * SPIKE_AT) // every * every


def model(layers: int) -> dict[str, Iterator[dict[str, object]]]:
    """Facts of a chain of layers."""

    def modules() -> Iterator[dict[str, object]]:
        for i in range(layers):
            yield {
                "name": f"blocks.{i}", "model": "Net", "cls": "Linear", "is_leaf": True, "order": i + 1,
                "parameters": 4096, "total_parameters": 4096, "input_shape": [64, 64], "output_shape": [64, 64],
            }  # fmt: skip

    def parameters() -> Iterator[dict[str, object]]:
        for i in range(layers):
            yield {
                "name": f"blocks.{i}.weight", "model": "Net", "layer": f"blocks.{i}", "shape": [64, 64],
                "elements": 4096, "requires_grad": True, "reached": True, "in_optimizer": True,
                "deep_steps": 9, "zero_grad_steps": 0,
            }  # fmt: skip

    def graph() -> Iterator[dict[str, object]]:
        for i in range(layers):
            before = [i + 1] if i + 1 < layers else []
            yield {"backward": PLACE, "id": i, "op": "Mm", "next": before, "module": f"blocks.{layers - 1 - i}"}

    return {"modules": modules(), "parameters": parameters(), "graph": graph()}


def visible(heat: Heat, step: int) -> int:
    """Rows in which the column of a step has one of the highest levels of its row."""
    cells = np.frombuffer(base64.b64decode(heat["cells"]), np.uint8).reshape(len(heat["columns"]), -1)
    column = int(np.searchsorted(heat["columns"], step, side="right")) - 1
    return int((cells[column] >= cells.max(axis=0)).sum())


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=200)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--long", type=int, default=1_000_000)
    args = parser.parse_args()
    for case, steps in (("dense", args.steps), ("long", args.long)):
        if not steps:
            continue
        with tempfile.TemporaryDirectory() as folder:
            run = Run.open(write(Path(folder), steps, args.layers, dense=case == "dense"))
            report = view.build(diagnose(run, []), run, selected=[], name=case)
            began, wall = time.process_time(), time.perf_counter()
            page = page_view.build(report, run)
            made = time.process_time() - began
            document = html.document(page)
            whole, seconds = time.process_time() - began, time.perf_counter() - wall
            heat = next(f for f in page["figures"] if f["kind"] == "heat" and f["id"] == "param-grad-norm")
            seen = visible(heat, spike_step(steps, dense=case == "dense"))
            print(f"{case}: {steps:,} steps, {args.layers} layers, {len(page['figures'])} figures {page['problems']}")
            print(f"  page {len(document) / 1e6:.2f} MB, figures in {made:.2f} s of CPU, with packing {whole:.2f} s")
            print(f"  (wall {seconds:.2f} s); spike seen in {seen} of {len(heat['rows'])} rows", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
