"""What the page costs a browser and the machine: opening a large report, following a large run.

    python -m benchmarks.live_page [--layers 200] [--steps 10000] [--seconds 20]

`training`: wall time of a step of a small net under `netvet run` while a page follows it, over that while none does;
they take turns. `report`: seconds of the browser from opening the file until the first panel is drawn. `live`: what the
page's main thread and the server take of each second while a run of so many steps grows by 50 steps a second, all
statistics of all layers at every step, by panel. `list`: seconds until 20 runs of that size are listed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.page import write
from benchmarks.store import PLACE, SERIES, STATISTICS, table
from netvet.store import RunWriter

RATE = 50  # steps a second
PANELS = ("home", "training", "layers")
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


@contextmanager
def browser(chromium: str) -> Iterator[Page]:
    """A tab of a browser."""
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield opened.new_page(viewport={"width": 1280, "height": 900})
        opened.close()


@contextmanager
def server(store: Path) -> Iterator[tuple[str, psutil.Process]]:
    """`netvet ui` on a store: its address and process."""
    words = [sys.executable, "-m", "netvet", "ui", "--store", str(store)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield process.stderr.readline().strip(), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


class Growing(threading.Thread):
    """A run that goes on as a training would."""

    def __init__(self, path: Path, steps: int, layers: int) -> None:
        super().__init__(daemon=True)
        self._writer, self._step, self._layers = RunWriter.join(path, rank=0), steps, layers
        self.ended = threading.Event()

    def run(self) -> None:
        """Write until told to end."""
        names = [f"blocks.{i}.weight" for i in range(self._layers)]
        rows = [dict(zip(names, row.tolist(), strict=True)) for row in table(self._layers)]
        while not self.ended.wait(1 / RATE):
            row = rows[self._step % len(rows)]
            for name in SERIES:
                self._writer.append(self._step, name, row[names[0]], PLACE)
            for name in STATISTICS:
                self._writer.append_many(self._step, name, row)
            self._step += 1
        self._writer.close()


def ready(page: Page) -> None:
    """Wait until the page is drawn."""
    while not page.evaluate("window.netvetReady === true"):
        page.wait_for_timeout(5)


def busy(session: CDPSession) -> float:
    """Seconds that the main thread of the page has been busy."""
    found: dict[str, Any] = session.send("Performance.getMetrics")
    return float(next(one["value"] for one in found["metrics"] if one["name"] == "TaskDuration"))


def follow(page: Page, address: str, process: psutil.Process, panel: str, seconds: float) -> str:
    """What a panel of a growing run costs."""
    page.goto(f"{address}#{panel}")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    ready(page)
    page.wait_for_timeout(5_000)
    cpu, began, wall = process.cpu_times(), busy(session), time.monotonic()
    page.wait_for_timeout(seconds * 1000)
    took = time.monotonic() - wall
    now = process.cpu_times()
    serving = (now.user + now.system - cpu.user - cpu.system) / took
    return f"  {panel:10} page {(busy(session) - began) / took * 1000:6.1f} ms a second, server {serving * 1000:6.1f}"


# Trains for ever, and says every half second what a step took; the first seconds are netvet's dense ones.
PROGRAM = """
import time, torch
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
x, y = torch.randn(4096, 64), torch.randint(0, 10, (4096,))
while True:
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < 0.5:
        rows = torch.randint(0, 4096, (128,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
        steps += 1
    print((time.perf_counter() - began) / steps, flush=True)
"""
SETTLING, TURNS = 20, 6  # half seconds that are not counted; times that the page is opened


def training(chromium: str) -> str:
    """How a training goes on while it is followed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "train.py").write_text(PROGRAM)
        words = [sys.executable, "-m", "netvet", "run", "--quiet", "--store", str(folder), str(folder / "train.py")]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
            assert program.stdout is not None
            told = iter(program.stdout)
            try:
                for _ in range(SETTLING):
                    next(told)
                with server(folder) as (address, _), browser(chromium) as page:
                    ratios, equal = _turns(told, page, f"{address}?run=newest#training")
            finally:
                program.kill()
    shown = [f"{statistics.median(r):.3f} ({min(r):.3f} to {max(r):.3f})" for r in (ratios, equal)]
    return f"training: a step takes {shown[0]} times as long while it is followed; alone against alone {shown[1]}"


def _turns(told: Iterator[str], page: Page, address: str) -> tuple[list[float], list[float]]:
    def steps() -> float:
        next(told)  # what was begun before
        return statistics.fmean(float(next(told)) for _ in range(10))

    ratios, equal = [], []
    for _ in range(TURNS):
        page.goto("about:blank")
        first, second = steps(), steps()
        page.goto(address)
        ready(page)
        ratios.append(steps() / second)
        equal.append(first / second)
    return ratios, equal


def main() -> None:
    """Run the benchmark."""
    import shutil

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=200)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    args = parser.parse_args()
    print(training(args.chromium), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        path = write(store, args.steps, args.layers, dense=True)
        opened(args, store, path)
        growing = Growing(path, args.steps, args.layers)
        growing.start()
        with server(store) as (address, process), browser(args.chromium) as page:
            print(f"live, {args.steps:,} steps x {args.layers} layers, {RATE} more steps a second:")
            for panel in PANELS:
                print(follow(page, f"{address}?run={path.name}", process, panel, args.seconds), flush=True)
        growing.ended.set()
        growing.join()
        for number in range(19):
            shutil.copytree(path, store / f"copy{number}")
        with server(store) as (address, _), browser(args.chromium) as page:
            began = time.monotonic()
            page.goto(address)
            ready(page)
            print(f"list: {page.locator('tbody tr').count()} runs in {time.monotonic() - began:.2f} s")


def opened(args: argparse.Namespace, store: Path, path: Path) -> None:
    """How long the report takes to open."""
    file = store / "report.html"
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "netvet", "report", str(path), "-o", str(file)], check=True)
    made = time.monotonic() - began
    with browser(args.chromium) as page:
        page.goto("about:blank")
        seconds = []
        for _ in range(3):
            began = time.monotonic()
            page.goto(file.as_uri())
            ready(page)
            seconds.append(time.monotonic() - began)
    print(f"report: {file.stat().st_size / 1e6:.2f} MB, written in {made:.1f} s, opens in {min(seconds):.2f} s")


if __name__ == "__main__":
    main()
