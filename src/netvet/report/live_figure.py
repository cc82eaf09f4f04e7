"""The figure that a cell of a notebook shows while it trains: the loss so far, drawn anew about once a second."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from html import escape
from time import perf_counter

from netvet.report.figures import load
from netvet.report.figures.spec import Curve
from netvet.report.progress import Watched, progress_line
from netvet.store import Run

# No more often than this, and never for more than this share of the time.
SECONDS = 1.0
SHARE = 0.02
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 640, 220, 64, 10, 26
# To be seen on white and on black.
_COLOURS = {"train": "#2f8ac9", "val": "#e0741b"}
MAX_CURVES = 6


class LiveFigure:
    """Draws from a thread of its own until `end`; a failure ends the figure, never the training.

    Args:
        run: what goes on.
        publish: shows a bundle in place of the one before.
    """

    def __init__(self, run: Watched, publish: Callable[[Mapping[str, str]], None]) -> None:
        self._run, self._publish = run, publish
        self._stop = threading.Event()
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._draw_on, name="netvet-figure", daemon=True)

    def start(self) -> None:
        """Show it for the first time, in the cell that runs; then from the thread."""
        try:
            self._publish(self._bundle(()))
        except Exception:  # what shows it is not ours
            return
        self._thread.start()

    def end(self, last: Callable[[], Mapping[str, str]] | None = None) -> None:
        """Stop drawing; `last` makes what stays in its place, else the figure as it is at the end."""
        if os.getpid() != self._pid:
            return  # a forked child has neither the thread nor the cell
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._publish(last() if last is not None else self._bundle(self._curves()))

    def _draw_on(self) -> None:
        wait = SECONDS
        try:
            while not self._stop.wait(wait):
                began = perf_counter()
                self._publish(self._bundle(self._curves()))
                wait = max(SECONDS, (perf_counter() - began) / SHARE)
        except Exception:  # the figure is a comfort: the training and its report go on without it
            return

    def _curves(self) -> Sequence[Curve]:
        figure = next(iter(load("losses")(Run.open(self._run.path))), None)
        if figure is None or figure["kind"] != "lines":
            return ()
        return [curve for curve in figure["curves"] if curve["role"] in _COLOURS][:MAX_CURVES]

    def _bundle(self, curves: Sequence[Curve]) -> Mapping[str, str]:
        line = progress_line(self._run, {}, 200).removesuffix(" · no findings so far")
        return {"text/plain": line, "text/html": f"<div>{escape(line)}{drawing(curves)}</div>"}


def drawing(curves: Sequence[Curve]) -> str:
    """Curves over steps as an SVG picture; empty where there is no point to draw."""
    points = [(x, y) for curve in curves for x, y in zip(curve["x"], curve["y"], strict=True) if y is not None]
    if len(points) < 2:
        return ""
    (left, right), (low, high) = ((min(one), max(one)) for one in zip(*points, strict=True))
    across, up = (right - left) or 1, (high - low) or 1

    def place(x: float, y: float) -> tuple[float, float]:
        room = HEIGHT - TOP - BOTTOM
        return LEFT + (WIDTH - LEFT - 10) * (x - left) / across, TOP + room * (1 - (y - low) / up)

    lines = "".join(_line(curve, place) for curve in curves)
    words: list[tuple[float, float, str, str]] = [
        (LEFT - 6, TOP + 4, "end", f"{high:.4g}"),
        (LEFT - 6, HEIGHT - BOTTOM + 4, "end", f"{low:.4g}"),
    ]
    words += [(LEFT, HEIGHT - 6, "start", f"{left:g}"), (WIDTH - 10, HEIGHT - 6, "end", f"{right:g} optimizer steps")]
    words += [(14, HEIGHT / 2, "start", "loss")]
    texts = "".join(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>' for x, y, anchor, text in words)
    names = " · ".join(f'<span style="color:{_COLOURS[c["role"]]}">{escape(c["name"])}</span>' for c in curves)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss over steps" font-size="12" '
        f'fill="currentColor" style="display:block;max-width:{WIDTH}px">{lines}{texts}</svg>{names}'
    )


def _line(curve: Curve, place: Callable[[float, float], tuple[float, float]]) -> str:
    """A curve, broken where there is no number."""
    colour, drawn = _COLOURS[curve["role"]], []
    points = list(zip(curve["x"], curve["y"], strict=True))
    for number, (x, y) in enumerate(points):
        if y is None:
            continue
        begins = number == 0 or points[number - 1][1] is None
        across, down = place(x, y)
        drawn.append(f"{f'M{across:.1f} {down:.1f}' if begins else ''}L{across:.1f} {down:.1f}")
    # Round ends make a dot of a point that stands alone.
    return f'<path d="{" ".join(drawn)}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linecap="round"/>'
