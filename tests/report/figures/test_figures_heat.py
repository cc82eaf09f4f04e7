"""Heat maps and lines over depth: cells against naive computations, spikes, growth, choice of rows, scales."""

import base64
import math

import numpy as np
import pytest

from netvet.core import Facts, LayerSeries, Series
from netvet.report import figures
from netvet.report.figures.depth import depth
from netvet.report.figures.layers import MAPS, map_of
from netvet.report.figures.pool import ROWS, both_signs, chosen, decades, grid_of
from netvet.report.figures.spec import EMPTY, FIRST_LEVEL, LAST_LEVEL, NON_FINITE
from netvet.report.figures.thin import Buckets
from netvet.signals import SIGNALS
from netvet.store import Run, RunWriter
from netvet.testing import PlainSignals


def rows_of(values, steps=None):
    taken = range(values.shape[1]) if steps is None else steps
    return [Buckets.of(Series.of(row, taken)) for row in values]


def noise(rows, steps, seed=0):
    return np.random.default_rng(seed).lognormal(size=(rows, steps))


def cells(heat):
    codes = np.frombuffer(base64.b64decode(heat["cells"]), np.uint8)
    return codes.reshape(len(heat["columns"]), len(heat["rows"])).T


def the_map(signal, names, values, steps=None, **facts):
    taken = range(values.shape[1]) if steps is None else steps
    layers = LayerSeries({n: Series.of(row, taken) for n, row in zip(names, values, strict=True)})
    return next(map_of(PlainSignals({signal: layers, **facts}), signal))


def farther(part, usual):
    """Naive: of the lowest and the highest of a column the one farther from the usual level."""
    low, high = min(part), max(part)
    return low if usual - math.log(low) > math.log(high) - usual else high


def test_a_short_run_has_a_column_for_each_step():
    values = noise(3, 700)
    steps, grid, width = grid_of(rows_of(values), log=True)
    assert (steps.tolist(), width) == (list(range(700)), 1)
    assert np.array_equal(grid, values)


def test_a_column_holds_the_extreme_farthest_from_the_columns_before():
    values, width = noise(2, 5_000), 8
    steps, grid, found = grid_of(rows_of(values), log=True)
    assert found == width
    assert steps.tolist() == list(range(0, 5_000, width))
    for row, shown in zip(values, grid, strict=True):
        means = [math.fsum(row[at : at + width]) / width for at in range(0, 5_000, width)]
        for column in range(len(means)):
            block = max(0, column // 8 - 1) * 8
            usual = float(np.median([math.log(mean) for mean in means[block : block + 8]]))
            part = row[column * width : (column + 1) * width]
            assert shown[column] == pytest.approx(farther(part.tolist(), usual))


@pytest.mark.parametrize("factor", [1e3, 1e-3])
@pytest.mark.parametrize("step", [0, 15, 7_421, 9_999])
def test_a_spike_of_one_step_is_kept_in_every_row_also_where_the_level_drifts(step, factor):
    values = noise(20, 10_000) ** 0.3 * np.logspace(0, -4, 10_000)
    values[:, step] *= factor
    _, grid, width = grid_of(rows_of(values), log=True)
    assert grid[:, step // width] == pytest.approx(values[:, step])


def test_what_is_not_finite_is_kept_and_what_was_not_measured_is_empty():
    values = np.ones((3, 10_000))
    values[0, 5_000], values[1, 6_000] = np.nan, np.inf
    heat = the_map("param_grad_norm", "abc", values)
    codes = cells(heat)
    assert [np.flatnonzero(row == NON_FINITE).tolist() for row in codes] == [[5_000 // 16], [6_000 // 16], []]
    sparse = {"a": Series.of([1.0, 2.0], [0, 2]), "b": Series.of([1.0], [1])}
    made = cells(next(map_of(PlainSignals({"param_norm": LayerSeries(sparse)}), "param_norm")))
    assert (made == EMPTY).tolist() == [[False, True, False], [True, False, True]]


def test_only_columns_that_were_looked_at_are_there_and_the_text_says_so():
    looks = [*range(100), *range(1_000, 20_000, 1_000)]
    heat = the_map("param_norm", "a", np.ones((1, len(looks))), looks)
    assert heat["columns"] == sorted({float(step // 32 * 32) for step in looks})
    assert "stands until the next look" in heat["about"]
    assert "stands" not in the_map("param_norm", "a", np.ones((1, 50)))["about"]


def test_gradients_that_are_not_finite_are_shown_only_where_they_were():
    heat = the_map("non_finite_grads", "a", np.array([[3.0, 4.0]]), [10, 50])
    assert heat["columns"] == [10.0, 11.0, 50.0, 51.0]
    assert (cells(heat)[0] == EMPTY).tolist() == [False, True, False, True]


@pytest.mark.parametrize(("short", "long"), [(300, 700), (5_000, 6_300), (13_000, 25_000)])
def test_a_growing_run_only_appends(short, long):
    values = noise(7, long) * np.linspace(1, 3, long)
    before, after = (grid_of(rows_of(values[:, :n]), log=True) for n in (short, long))
    kept = len(before[0]) - 1
    assert before[2] == after[2]
    assert after[0][:kept].tolist() == before[0][:kept].tolist()
    assert np.array_equal(after[1][:, :kept], before[1][:, :kept])


def test_rows_are_in_the_order_of_definition():
    listed = Facts.of(*({"name": name} for name in ("z", "m", "missing", "a")))
    heat = the_map("param_norm", ["a", "new", "z", "m"], np.ones((4, 3)), parameters=listed)
    assert heat["rows"] == ["z", "m", "a", "new"]


def test_of_very_many_rows_those_that_stand_out_and_an_even_choice_are_shown():
    values = noise(1_000, 20) ** 0.1
    values[[123, 777], 7] = 1e6, np.nan
    shown = chosen({f"layer{n}": row for n, row in enumerate(rows_of(values))})
    numbers = [int(name.removeprefix("layer")) for name in shown]
    assert {0, 123, 777, 999} <= set(numbers)
    assert numbers == sorted(numbers)
    assert len(numbers) <= ROWS
    assert max(np.diff(numbers)) <= 5
    heat = the_map("param_norm", [f"layer{n}" for n in range(1_000)], values)
    assert f"{len(heat['rows'])} of 1000 parameters" in heat["about"]


def test_log_scales_are_whole_decades_around_the_values():
    scale = decades(np.array([0.0, 2e-3, 5.0, np.inf, np.nan]), "norm", "1")
    assert (scale["low"], scale["high"]) == (1e-3, 10.0)
    assert decades(np.array([1.0]), "norm", "1")["high"] == 10.0
    assert decades(np.array([np.nan]), "norm", "1")["low"] > 0
    lost = decades(np.array([1.0] * 9 + [1e-40, 1e30]), "norm", "1")
    assert (lost["low"], lost["high"]) == (1e-6, 1e6)


@pytest.mark.parametrize(("top", "end"), [(0.9, 1), (1, 1), (1.1, 2), (23, 50), (6e-4, 1e-3), (0, 1)])
def test_scales_of_both_signs_are_even_around_zero(top, end):
    scale = both_signs(np.array([-top, top / 2]), "mean", "1")
    assert (scale["low"], scale["high"]) == pytest.approx((-end, end))


def test_zeros_have_the_lowest_colour_and_the_largest_the_highest():
    codes = cells(the_map("param_grad_norm", "ab", np.array([[0.0, 0.0], [0.1, 10.0]])))
    assert codes.tolist() == [[FIRST_LEVEL, FIRST_LEVEL], [FIRST_LEVEL, LAST_LEVEL]]


@pytest.mark.parametrize(("signal", "ends"), [("dead_unit_share", (0, 1)), ("grad_cosine", (-1, 1))])
def test_shares_and_cosines_have_fixed_scales(signal, ends):
    scale = the_map(signal, "a", np.array([[0.2, 0.3]]))["scale"]
    assert (scale["low"], scale["high"]) == ends


def test_a_long_run_is_read_as_roll_ups_and_keeps_the_spike(tmp_path):
    values = noise(25, 10_000).astype(np.float32)
    values[:, 7_421] *= 1e4
    writer = RunWriter.create(tmp_path, "dense")
    names = [f"layer{n}" for n in range(25)]
    for step, row in enumerate(values.T.tolist()):
        writer.append_many(step, "param_grad_norm", dict(zip(names, row, strict=True)))
    writer.close()
    heat = next(map_of(Run.open(writer.path), "param_grad_norm"))
    assert len(heat["columns"]) == 625
    codes = cells(heat)
    assert (codes[:, 7_421 // 16] == codes.max(axis=1)).all()


def test_every_map_shows_a_signal_of_the_catalogue():
    assert [one.signal for one in MAPS if SIGNALS[one.signal].shape != "layers"] == []
    assert tuple(one.signal for one in MAPS) == figures.MAPS
    assert all("Healthy" in one.about and one.unit for one in MAPS)


def test_hostile_names_stay_text():
    name = "</script><img src=x onerror=alert(1)>\ud800"
    heat = the_map("param_norm", [name], np.ones((1, 2)))
    assert heat["rows"] == [name]
    assert heat["id"] == "param-norm"


def figures_over_depth(**signals):
    return {one["id"]: one for one in depth(PlainSignals(signals))}


def test_outputs_are_in_the_order_of_the_forward_pass_at_the_start_and_now():
    made = figures_over_depth(
        modules=Facts([{"name": n, "order": order} for n, order in (("late", 2), ("early", 1), ("silent", None))]),
        activation_std=LayerSeries.of(late=[3.0, 30.0], early=[2.0, 20.0], silent=[1.0, 1.0]),
        depth_scale=Facts.of({"model": "Net", "layers": [{"name": "early", "activation_std": 7.0}]}),
    )["depth-activation"]  # fmt: skip
    assert [one["y"] for one in made["curves"]] == [[7.0, 3.0], [20.0, 30.0]]
    assert "0 early, 1 late" in made["about"]
    assert made["y"]["scale"] == "log"


def test_gradients_of_weights_are_those_of_one_element_and_zeros_are_said():
    made = figures_over_depth(
        parameters=Facts.of(
            {"name": "first", "shape": [3, 3], "elements": 9}, {"name": "bias", "shape": [3], "elements": 3},
            {"name": "second", "shape": [2, 2], "elements": 4},
        ),
        param_grad_norm=LayerSeries.of(second=[4.0, 0.0], bias=[5.0, 5.0], first=[6.0, 3.0]),
    )["depth-weight-gradient"]  # fmt: skip
    assert [one["y"] for one in made["curves"]] == [[2.0, 2.0], [1.0, 0.0]]
    assert made["about"].endswith("Exactly zero (last look): second.")


def test_one_layer_has_no_depth():
    assert figures_over_depth(activation_std=LayerSeries.of(only=[1.0])) == {}
