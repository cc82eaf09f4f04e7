"""Take the pictures of docs/pictures/ from runs of sick programs: `python -m tools.take_pictures`.

The runs are those of `python -m tools.make_gallery`, under build/gallery/, which are made where they are missing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.generate_docs import DOCS, ROOT
from tools.make_gallery import WIDTH, opened, page_of, programs, quantised, visit

PICTURES = DOCS / "pictures"
STORE = ROOT / "build" / "pictures"
PHONE = 390
COLOURS = 200


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of a panel of the page of a run.

    Attributes:
        height: pixels that are shown from the top.
    """

    name: str
    check: str
    panel: str
    width: int
    height: int
    dark: bool = False


SHOTS = (
    Shot("home", "detached-parameters", "home", WIDTH, 645),
    Shot("layers-dark", "vanishing-gradient", "layers", WIDTH, 870, dark=True),
    Shot("training", "overfitting", "training", WIDTH, 640),
    Shot("phone", "always-clipped", "home", PHONE, 1440),
)
# Runs in the picture of the list.
LISTED = ("always-clipped", "detached-parameters", "double-softmax", "overfitting", "vanishing-gradient")
# What is told of the oldest of them, whose report is made last.
LAST_VERDICT = "double softmax"


def take(address: str, name: str, width: int, height: int, *, dark: bool, awaited: str = "") -> None:
    """Take one picture, once a text is there."""
    with opened(dark, width) as tab:
        visit(tab, address)
        while awaited and awaited not in tab.inner_text("body"):
            tab.wait_for_timeout(100)
        raw = PICTURES / f"{name}.raw"
        tab.screenshot(path=raw, type="png", full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
        quantised([raw], PICTURES / f"{name}.png", COLOURS)
        raw.unlink()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the live page of a folder of runs."""
    command = [sys.executable, "-m", "netvet", "ui", "--store", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
    try:
        lines = iter(server.stdout.readline, "") if server.stdout else iter(())
        yield next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Take them all."""
    PICTURES.mkdir(exist_ok=True)
    sick = programs()
    for shot in SHOTS:
        page = page_of(sick[shot.check])
        take(f"{page.as_uri()}#{shot.panel}", shot.name, shot.width, shot.height, dark=shot.dark)
    shutil.rmtree(STORE, ignore_errors=True)
    for name in LISTED:
        for run in page_of(sick[name]).parent.glob(".netvet/runs/*"):
            shutil.copytree(run, STORE / run.name)
    with served(STORE) as address:
        take(address, "runs", WIDTH, 440, dark=False, awaited=LAST_VERDICT)


if __name__ == "__main__":
    main()
