from __future__ import annotations

import math

import numpy as np
import pytest

from netvet import checks
from netvet.changes import guessing
from netvet.core import Facts, LayerSeries, Series, check
from netvet.diagnose import NotAssessed, diagnose
from netvet.store import MemoryRun

RNG = np.random.default_rng(0)
LOG = Facts.of({"kind": "supervised", "unit": "epoch"})


def epochs(values: object) -> LayerSeries:
    numbers = np.asarray(values, dtype=np.float64)
    return LayerSeries({"loss": Series(np.arange(1, len(numbers) + 1), numbers, None, "epoch")})


def severities(name: str, **signals: object) -> list[str]:
    one = checks.load(name)
    return [found.severity or one.severity for found in one(**signals)]


def test_a_series_of_epochs_outlasts_any_patience():
    assert Series(np.arange(5), np.zeros(5), None, "epoch").lasts(1000)
    assert not Series(np.arange(5), np.zeros(5)).lasts(1000)
    assert not Series(np.arange(5), np.zeros(5), None, "record").lasts(1000)
    assert Series(np.arange(5), np.zeros(5), None, "epoch").finite().since(2).unit == "epoch"


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_a_loss_that_stays_where_a_guess_is_as_good_is_flat(classes):
    loss, accuracy = math.log(classes) + RNG.normal(0, 0.002, 20), 1 / classes + RNG.normal(0, 0.005, 20)
    assert severities("loss-flat", loss=epochs(loss), train_accuracy=epochs(accuracy), log=LOG) == ["warning"]


def test_a_loss_that_came_down_to_a_guess_is_flat():
    loss = epochs([700.0, 40.0, *[2.3] * 18])
    message, since, accuracy = guessing(loss, epochs([0.1] * 20)) or ("", 0, 0.0)
    assert message == (
        "the loss went from 700 to 2.3, and stays there since epoch 3, where a guess is right in 10% of the cases, "
        "and so is the net: in 10%"
    )
    assert (since, accuracy) == (3, 0.1)


@pytest.mark.parametrize(
    ("loss", "accuracy"),
    [
        (np.full(20, 0.1), np.full(20, 0.95)),  # learned before, and fine-tuned
        (np.full(20, 0.33), np.full(20, 0.9)),  # a majority
        (np.full(20, 1.5), np.full(20, 0.5)),  # right more often than a guess at that loss
        (np.linspace(2.3, 1.8, 20), np.linspace(0.1, 0.3, 20)),  # learns
        (np.full(5, 2.3), np.full(5, 0.1)),  # too short
        ([], []),
        (np.full(20, np.nan), np.full(20, 0.1)),
    ],
)
def test_a_net_that_knows_more_than_a_guess_is_not_stuck(loss, accuracy):
    assert guessing(epochs(loss), epochs(accuracy)) is None


@pytest.mark.parametrize(
    ("kind", "times", "expected"),
    [("supervised", 1.5, ["warning"]), ("supervised", 1.1, ["note"]), (None, 1.5, ["note"]), ("reward", 1.5, ["note"])],
)
def test_a_rise_is_a_warning_in_supervised_logs_from_a_limit_on(kind, times, expected):
    loss = epochs(np.linspace(1, times, 20))
    assert severities("loss-diverges", loss=loss, log=Facts.of({"kind": kind})) == expected


def test_a_rate_that_is_gone_before_anything_is_learned_is_named():
    loss, rate = epochs(np.linspace(2.3, 2.25, 40)), epochs(0.1 * 0.5 ** np.arange(40))
    assert severities("lr-decays-early", loss=loss, lr=rate, log=LOG) == ["warning"]
    assert severities("lr-decays-early", loss=loss, lr=rate) == []
    fitted = epochs(np.append(np.linspace(2.3, 0.5, 5), np.full(35, 0.5)))
    assert severities("lr-decays-early", loss=fitted, lr=epochs(0.1 * 0.98 ** np.arange(40)), log=LOG) == []


def not_assessed(run: MemoryRun, *names: str) -> dict[str, str]:
    chosen = [checks.load(name) for name in names]
    return {one.check: one.reason for one in diagnose(run, chosen).not_assessed if isinstance(one, NotAssessed)}


def test_a_check_that_could_never_speak_is_not_assessed():
    run = MemoryRun(_path(), {"loss": epochs(np.ones(20))}, {}, "not there")
    assert not_assessed(run, "lr-too-high", "underfitting") == {"lr-too-high": "not there", "underfitting": "not there"}


def test_a_log_that_is_too_short_for_a_check_is_not_assessed():
    short = {"loss": epochs(np.ones(12)), "log": LOG}
    reason = "the log has 12 values of the loss; it takes 31"
    assert not_assessed(MemoryRun(_path(), short, {}, ""), "loss-spikes") == {"loss-spikes": reason}
    assert not not_assessed(MemoryRun(_path(), {"loss": epochs(np.ones(12))}, {}, ""), "loss-spikes")


def test_a_run_in_memory_reads_as_a_stored_one():
    run = MemoryRun(_path(), {"loss": epochs([1.0]), "log": LOG}, {"lr": "no column"}, "logs hold none")
    assert run.names() == ["log", "loss"]
    assert run.one("loss", "loss") is not None
    assert (run.reason("loss"), run.reason("lr"), run.reason("modules")) == (None, "no column", "logs hold none")
    assert run.thinned("loss", 16) == {}


def test_the_declaration_of_a_check_says_what_it_takes():
    @check(stage="fit", kind="symptom", severity="note", since="0.1", any_of=("lr",), fewest=3)
    def some_fault(loss, lr=None):
        """Something."""
        return ()

    assert (some_fault.any_of, some_fault.fewest) == (("lr",), 3)


def _path():
    from pathlib import Path

    return Path("log")
