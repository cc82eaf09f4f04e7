"""The page of a run on a terminal."""

import numpy as np
import pytest

from netvet.core import Facts, LayerSeries, Series
from netvet.diagnose import diagnose
from netvet.report import page_view, strips, view
from netvet.report.figures.spec import heat
from netvet.report.plain import cells
from netvet.testing import PlainSignals


def shown(width=100, figures=(), **recorded):
    source = PlainSignals({"run": Facts.of({"steps": 7}), **recorded})
    report = view.build(diagnose(source, []), source, selected=[], name="a-run")
    page = page_view.build(report, source)
    page["figures"] += list(figures)
    return ["".join(text for text, _ in line) for line in strips.lines(page, width)]


def grid(values):
    base = {"id": "g", "title": "Gradient norm", "about": "", "signals": []}
    scale = {"label": "norm", "unit": "1", "scale": "linear", "low": 0.0, "high": 1.0}
    names = [f"layer{i}" for i in range(len(values))]
    return {**heat(base, names, range(values.shape[1]), values, scale, family="p"), "panel": "layers"}


def test_a_falling_loss_goes_down_a_stair():
    line = next(line for line in shown(loss=LayerSeries.of(train=list(range(8, 0, -1)))) if line.startswith("Loss"))
    assert [c for c in line if c in strips.BARS] == list(reversed(strips.BARS))
    assert line.endswith(" 1")


@pytest.mark.parametrize("step", [0, 4321, 9999])
def test_a_spike_of_one_step_is_seen(step):
    values = np.ones(10_000)
    values[step] = 9.0
    line = next(line for line in shown(loss=LayerSeries({"train": Series.of(values)})) if line.startswith("Loss"))
    assert strips.BARS[-1] in line


def test_a_spike_of_one_step_is_seen_in_a_strip():
    values = np.full((3, 10_000), 0.5)
    values[1, 4321] = 1.0
    line = next(line for line in shown(figures=[grid(values)]) if line.startswith("layer1"))
    assert line.count("█") == 1


def test_what_is_not_finite_is_marked_and_what_is_missing_is_blank():
    values = np.array([[0.0, np.nan, np.inf]])
    line = next(line for line in shown(figures=[grid(values)]) if line.startswith("layer0"))
    drawn = line[strips.NAME :]
    assert strips.BROKEN in drawn
    assert " " in drawn.rstrip()


def test_more_layers_than_rows_are_counted():
    lines = shown(figures=[grid(np.ones((40, 5)))])
    assert sum(line.startswith("layer") for line in lines) == strips.MAX_ROWS
    assert any(f"{strips.MAX_ROWS} of 40 rows" in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 200])
def test_lines_keep_to_the_width_and_hostile_names_are_harmless(width):
    name = "\x1b[31mevil\u202e" + "x" * 300
    lines = shown(width, loss=LayerSeries({name: Series.of([1.0, 2.0]), "b": Series.of([1.0])}))
    assert all(cells(line) <= max(width, 40) for line in lines)
    assert not any("\x1b" in line or "\u202e" in line for line in lines)


def test_a_run_without_signals_has_its_report():
    assert shown()[0].startswith("a-run")
