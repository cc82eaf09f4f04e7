"""Only what has changed of a figure is sent, and a page that applies it has the new figure."""

import base64
import copy

import numpy as np
import pytest

from netvet.core import LayerSeries, Series
from netvet.report.figures.spec import heat
from netvet.report.figures.thin import curve
from netvet.ui.growth import change

AXIS = {"label": "steps", "unit": "steps", "scale": "linear"}
BASE = {"id": "loss", "title": "Loss", "about": "", "signals": []}


def lines(steps):
    values = np.random.default_rng(0).standard_normal(steps)
    series = Series.of(values.tolist())
    curves = [curve("train", series, "train"), curve("val", series.since(50), "val")]
    return {**BASE, "kind": "lines", "x": AXIS, "y": AXIS, "curves": curves, "marks": []}


def heated_from(values):
    scale = {"label": "norm", "unit": "1", "scale": "log", "low": 1e-4, "high": 10.0}
    return heat(BASE, [str(i) for i in range(len(values))], range(values.shape[1]), values, scale, family="layers")


def applied(figure, told):
    """What the script of the page does."""
    if "whole" in told:
        return told["whole"]
    new = copy.deepcopy(figure)
    if "curves" in told:
        for old, grown in zip(new["curves"], told["curves"], strict=True):
            for name in ("x", "y", "low", "high"):
                if name in grown:
                    old[name] = old[name][: grown["keep"]] + grown[name]
        return new
    cells = base64.b64decode(new["cells"])[: told["keep"] * len(new["rows"])] + base64.b64decode(told["cells"])
    new["cells"] = base64.b64encode(cells).decode()
    new["columns"] = new["columns"][: told["keep"]] + told["columns"]
    return new


@pytest.mark.parametrize(("before", "after"), [(100, 110), (500, 700), (790, 820), (3000, 3100), (1590, 1610)])
def test_curves_become_the_new_ones(before, after):
    old, new = lines(before), lines(after)
    assert applied(old, change(old, new)) == new


def test_long_curves_are_told_by_their_new_columns():
    old, new = lines(5000), lines(5040)
    told = change(old, new)
    assert "whole" not in told
    assert sum(len(one["y"]) for one in told["curves"]) < 30


def test_heat_maps_become_the_new_ones_and_only_new_columns_are_sent():
    values = np.abs(np.random.default_rng(0).standard_normal((7, 120)))
    changed = values.copy()
    changed[:, 99] += 1  # the column that was not full yet
    old, new = heated_from(values[:, :100]), heated_from(changed)
    told = change(old, new)
    assert told["keep"] == 99
    assert applied(old, told) == new


def test_another_scale_is_sent_whole():
    new = heated_from(np.ones((5, 50)))
    old = {**new, "scale": {**new["scale"], "high": 1.0}}
    assert change(old, new) == {"id": "loss", "whole": new}


def test_nothing_is_told_where_nothing_changed():
    assert change(lines(100), lines(100)) is None
    assert change(None, lines(100)) == {"id": "loss", "whole": lines(100)}


def test_a_new_curve_is_sent_whole():
    old, new = lines(100), lines(100)
    new["curves"].append(curve("other", LayerSeries.of(a=[1.0])["a"], "other"))
    assert change(old, new)["whole"] == new
