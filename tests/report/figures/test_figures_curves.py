"""Figures of curves: values against naive computations, spikes, growth, and names that mean harm."""

import math

import numpy as np
import pytest

from netvet.core import Facts, LayerSeries, Series
from netvet.report.figures import FIGURES, figures_of, load
from netvet.report.figures.spec import STEPS
from netvet.report.figures.thin import COLUMNS, Buckets, buckets_of, curve, width_of
from netvet.store import Run, RunWriter
from netvet.testing import PlainSignals

HOSTILE = "</script><img src=x onerror=alert(1)>"


def series(values, first=0):
    return Series.of(values, range(first, first + len(values)))


def figure(figures, identifier):
    return next(one for one in figures if one["id"] == identifier)


def drawn(**signals):
    figures, problems = figures_of(PlainSignals(signals))
    assert problems == []
    return figures


def noise(steps, seed=0):
    return np.random.default_rng(seed).lognormal(size=steps)


def test_columns_hold_mean_and_extremes_as_a_naive_computation_has_them():
    values = noise(5_000)
    made = curve("train", series(values), "train")
    width = 8  # 5,000 steps in at most 800 columns
    parts = [values[at : at + width] for at in range(0, len(values), width)]
    assert made["x"] == [float(at) for at in range(0, len(values), width)]
    assert made["y"] == pytest.approx([math.fsum(part) / len(part) for part in parts], rel=1e-5)
    assert made["low"] == pytest.approx([min(part) for part in parts], rel=1e-5)
    assert made["high"] == pytest.approx([max(part) for part in parts], rel=1e-5)


def test_a_short_series_is_drawn_value_by_value():
    made = curve("train", series([3.0, 2.0, 1.0]), "train")
    assert made["y"] == [3.0, 2.0, 1.0]
    assert "low" not in made


@pytest.mark.parametrize("step", [0, 1, 4_711, 9_999])
def test_a_spike_of_one_step_is_in_the_band(step):
    values = np.ones(10_000)
    values[step] = 1e6
    assert max(curve("train", series(values), "train")["high"]) == 1e6


def test_a_column_without_a_finite_value_is_a_gap_and_marked():
    values = np.ones(10_000)
    values[3_000:3_100] = np.nan
    values[5_000] = np.inf
    loss = figure(drawn(loss=LayerSeries({"a": series(values)})), "loss")
    made = loss["curves"][0]
    gap = [x for x, y in zip(made["x"], made["y"], strict=True) if y is None]
    assert gap == [float(at) for at in range(3_008, 3_088, 16)]
    assert loss["marks"] == [{"x": 3_000, "label": "not finite", "severity": "error"}]


@pytest.mark.parametrize(("short", "long"), [(500, 700), (5_000, 6_000), (13_000, 25_000)])
def test_a_growing_run_only_appends(short, long):
    values = noise(long)
    before, after = (curve("train", series(values[:n]), "train") for n in (short, long))
    assert width_of(np.asarray([short - 1])) == width_of(np.asarray([long - 1]))
    for name in ("x", "y", "low", "high"):
        kept = before.get(name, [])[:-1]
        assert after.get(name, [])[: len(kept)] == kept


def test_the_width_of_a_column_doubles_where_the_columns_do_not_suffice():
    assert [width_of(np.asarray([last])) for last in (0, COLUMNS - 1, COLUMNS, 2 * COLUMNS)] == [1, 1, 2, 4]


def test_a_long_run_is_read_as_extremes_of_roll_ups(tmp_path):
    values = noise(300_000)
    values[123_456] = 1e9
    writer = RunWriter.create(tmp_path, "long")
    for step, value in enumerate(values.tolist()):
        writer.append(step, "loss", value, "train.py:1")
    writer.close()
    one = buckets_of(Run.open(writer.path), "loss")["train.py:1"]
    assert len(one) < len(values) / 200  # buckets, not values
    assert int(one.count.sum()) == len(values)
    assert float(np.nanmax(one.high)) == np.float32(1e9)
    assert float(np.nanmin(one.low)) == values.min()
    weighted = float((one.mean * one.count).sum() / one.count.sum())
    assert weighted == pytest.approx(math.fsum(values) / len(values))


def test_ranks_are_read_whole_because_roll_ups_are_those_of_one_rank():
    source = PlainSignals({"ranks": Facts.of({"rank": 0}), "loss": LayerSeries({"a": series(noise(250_000))})})
    assert len(buckets_of(source, "loss")["a"]) == 250_000


def test_infinities_of_roll_ups_are_told_and_leave_finite_extremes():
    values = noise(300_000)
    values[5_000] = np.inf
    one = buckets_of(PlainSignals({"loss": LayerSeries({"a": series(values)})}), "loss")["a"]
    assert one.wrong.sum() == 1
    assert np.isfinite(one.low).all()
    assert np.isfinite(one.high).all()


def test_the_best_evaluation_is_marked():
    evaluated = Series.of([3.0, 1.0, 2.0], [100, 200, 300])
    loss = figure(drawn(val_loss=LayerSeries({"a": evaluated})), "loss")
    assert loss["marks"] == [{"x": 200, "label": "best validation", "severity": "best"}]


@pytest.mark.parametrize(("values", "scale"), [([2.0, 1.0], "linear"), ([2.0, 1e-6], "log"), ([2.0, -1.0], "linear")])
def test_a_loss_over_many_decades_has_a_logarithmic_axis(values, scale):
    assert figure(drawn(loss=LayerSeries.of(a=values)), "loss")["y"]["scale"] == scale


def test_gradient_norms_have_a_logarithmic_axis_and_the_limit_of_clipping():
    figures = drawn(
        grad_norm=LayerSeries.of(SGD=[1.0, 1.0]),
        grad_norm_before_clip=LayerSeries.of(SGD=[5.0, 9.0]),
        clips=Facts.of({"kind": "norm", "max_norm": 1.0}, {"kind": "value", "max_norm": 3.0}),
    )
    norm = figure(figures, "grad-norm")
    assert norm["y"]["scale"] == "log"
    assert [one["name"] for one in norm["curves"]] == ["as used", "before clipping", "limit 1"]
    assert norm["curves"][2]["y"] == [1.0, 1.0]


def test_memory_is_in_megabytes():
    figures = drawn(memory_bytes=Series.of([2e6, 3e6]))
    assert figure(figures, "memory")["curves"][0]["y"] == [2.0, 3.0]


def test_each_metric_of_the_user_has_a_figure_and_an_id_that_is_a_word():
    names = [HOSTILE, "F1", "f1", "", "\ud800", "val/acc"]
    figures = [f for f in drawn(metric=LayerSeries({n: Series.of([1.0]) for n in names})) if f["signals"] == ["metric"]]
    ids = [one["id"] for one in figures]
    assert [one["title"] for one in figures] == names
    assert len(set(ids)) == len(names)
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for one in ids)
    assert figures[-1]["curves"][0]["role"] == "val"


def test_curves_are_named_by_their_keys_where_there_are_several():
    figures = drawn(lr=LayerSeries.of(a=[1.0], b=[2.0]), train_accuracy=LayerSeries.of(only=[0.5]))
    assert [one["name"] for one in figure(figures, "lr")["curves"]] == ["a", "b"]
    assert [one["name"] for one in figure(figures, "accuracy")["curves"]] == ["train"]


def test_nothing_recorded_gives_no_figure():
    assert drawn() == []


def test_a_picture_that_fails_is_told_and_costs_no_other():
    figures, problems = figures_of(PlainSignals({"loss": LayerSeries.of(a=[1.0]), "clips": Facts.of({"kind": "norm"}),
                                                 "graph": Facts.of({"backward": "x", "id": "one"})}))  # fmt: skip
    assert [one["id"] for one in figures] == ["loss"]
    assert len(problems) == 1
    assert problems[0].startswith("no picture of model: ")


def test_every_figure_says_what_it_shows_and_in_which_unit():
    figures = drawn(loss=LayerSeries.of(a=[1.0]), lr=LayerSeries.of(a=[1.0]), step_seconds=Series.of([0.1]),
                    prediction_std=LayerSeries.of(a=[1.0]), live_graphs=Series.of([0.0]))  # fmt: skip
    assert len(figures) == 5
    for one in figures:
        assert one["panel"] in ("training", "cost")
        assert one["title"]
        assert "Healthy" in one["about"]
        assert one["x"]["unit"] == STEPS
        assert one["y"]["unit"]


def test_every_function_of_the_table_exists():
    assert all(callable(load(name)) for name in FIGURES)
    assert [list(load(name)(PlainSignals())) for name in FIGURES] == [[]] * len(FIGURES)


def test_buckets_join_to_what_all_values_give():
    values = noise(100)
    values[7] = np.nan
    once = Buckets.of(series(values)).joined(np.arange(100) // 20)
    twice = Buckets.of(series(values)).joined(np.arange(100) // 5).joined(np.arange(20) // 4)
    assert once.mean == pytest.approx(twice.mean)
    assert once.mean[0] == pytest.approx(math.fsum(v for v in values[:20] if v == v) / 19)
    assert list(once.wrong) == [True, False, False, False, False]
    assert list(once.count) == [19, 20, 20, 20, 20]
