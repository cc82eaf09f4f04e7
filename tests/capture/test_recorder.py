"""Which steps are looked at closely."""

import itertools
from time import perf_counter, sleep

from netvet.capture.recorder import DENSE_STEPS, MAX_INTERVAL, Recorder, Schedule
from netvet.store import RunWriter


def test_a_run_without_time_left_is_still_seen_as_it_goes_on():
    schedule = Schedule(0.0)
    schedule.spent = 1e9
    seen = [step for step in range(5_000) if schedule.deep(step)]
    assert seen[:DENSE_STEPS] == list(range(DENSE_STEPS))
    assert len([s for s in seen if 100 <= s < 1_000]) > 5
    assert max(b - a for a, b in itertools.pairwise(seen)) <= MAX_INTERVAL
    assert len(seen) < 50


def test_a_fixed_interval_is_kept():
    schedule = Schedule(0.0, every=3)
    assert [step for step in range(10) if schedule.deep(step)] == [0, 3, 6, 9]


def test_time_within_time_is_counted_once(tmp_path):
    recorder = Recorder(RunWriter.create(tmp_path, "test"), Schedule(0.0))
    inner = recorder.guard("inner", lambda: sleep(0.05))
    outer = recorder.guard("outer", inner)
    began = perf_counter()
    outer()
    assert 0.05 <= recorder.cost <= perf_counter() - began
    recorder.writer.close()
