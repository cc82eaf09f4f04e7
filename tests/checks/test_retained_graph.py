"""Autograd graphs of past steps that are kept in memory."""

import math

import pytest

from netvet.checks.retained_graph import retained_graph
from netvet.core import Facts, Location, Series


def test_fires_when_every_loss_is_kept():
    holders = Facts.of({"holder": "history in train", "file": "train.py", "line": 12})
    memory = Series.of([1e9, 1.5e9], [0, 199])
    (finding,) = retained_graph(Series.of(range(200)), holders, memory)
    assert finding.message == (
        "the graphs of earlier losses pile up: 199 are in memory at step 199, 1 more with every step, "
        "held by history in train; memory grew by 477 MiB"
    )
    assert finding.location == Location("train.py", 12)


def test_counts_steps_and_not_rows():
    sparse = Series.of([0, 100, 200, 300], [0, 100, 200, 300])
    assert "1 more with every step" in retained_graph(sparse)[0].message


def test_fires_on_a_total_that_is_reset_each_epoch():
    (finding,) = retained_graph(Series.of([i % 100 for i in range(300)]))
    assert finding.value == 99


@pytest.mark.parametrize(
    "values",
    [
        [1] * 300,
        [0, 1, 2, 3, 4] * 60,
        [i % 20 for i in range(300)],
        [0.05 * i for i in range(1000)],
        [math.nan] * 50,
        [5],
        [],
    ],
)
def test_is_quiet_on_bounded_graphs(values):
    assert retained_graph(Series.of(values)) == []


def test_is_quiet_about_holders_it_does_not_know():
    assert len(retained_graph(Series.of(range(200)), Facts.of({}), Series.of([]))) == 1


HELD = Facts.of({"holder": "outputs", "file": "train.py", "line": 45})
NONE = Series.of([0] * 300)


def test_fires_on_outputs_that_are_kept_for_the_whole_run():
    (finding,) = retained_graph(NONE, HELD, live_outputs=Series.of(range(300)))
    assert finding.message.startswith("the graphs of earlier outputs of the model pile up: 299 are in memory at step")
    assert finding.location == Location("train.py", 45)
    assert retained_graph(NONE, HELD, live_outputs=Series.of([0.1 * i for i in range(600)]))


def test_is_quiet_on_outputs_of_an_epoch_on_the_latest_ones_and_where_nobody_holds_them():
    assert not retained_graph(NONE, HELD, live_outputs=Series.of([i % 100 for i in range(300)]))
    assert not retained_graph(NONE, HELD, live_outputs=Series.of([min(i, 100) for i in range(300)]))
    assert not retained_graph(NONE, Facts.of(), live_outputs=Series.of(range(300)))
    assert not retained_graph(NONE, HELD, live_outputs=Series.of([]))
