"""Distributions at a few looks: against a naive reference, and bounded whatever the length of the run."""

from base64 import b64decode

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from netvet.capture.torch_histograms import BEYOND, BINS, FULL, MAX_LOOKS, MAX_ROWS, TAIL, Histogram, HistogramCollector
from netvet.capture.torch_sampling import SampleMatrix


def naive(values):
    """Ends and bins of finite values that are not zero, in float64."""
    some = np.sort(values[np.isfinite(values) & (values != 0)].astype(np.float64))
    low, high = (np.quantile(some, q, method="nearest") for q in (TAIL, 1 - TAIL))
    apart = BEYOND * (high - low)
    low, high = max(some[0], low - apart), min(some[-1], high + apart)
    counts, _ = np.histogram(np.clip(some, low, high), BINS, (low, high))
    return low, high, counts


def levels(one):
    return np.frombuffer(one.bins, dtype=np.uint8)


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "exponential"])
def test_bins_agree_with_a_naive_reference(draw):
    values = getattr(np.random.default_rng(0), draw)(size=4000)
    values[:100], values[100:103] = 0, (np.nan, np.inf, -np.inf)
    found = Histogram.of(values)
    low, high, counts = naive(values)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.zeros, found.non_finite) == (pytest.approx(100 / 4000), 3)
    assert levels(found) == pytest.approx(FULL * counts / counts.max(), abs=0.51)


def test_far_elements_do_not_move_the_ends():
    values = np.random.default_rng(0).normal(size=4000)
    values[:5] = 1e9
    assert Histogram.of(values).high < 10
    assert levels(Histogram.of(values))[-1] > 0


def test_what_has_no_width_is_no_error():
    assert Histogram.of(np.full(10, 3.0)).low == 3.0
    assert Histogram.of(np.zeros(10)) == Histogram(None, None, 1.0, 0, bytes(BINS))
    assert Histogram.of(np.array([np.nan, np.inf])) == Histogram(None, None, 0.0, 2, bytes(BINS))


def train(steps, look=None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        x, y = torch.randn(40, 6), torch.randint(3, (40,))
        optimizer.zero_grad()
        hidden = model[1](model[0](x)).detach()
        F.cross_entropy(model(x), y).backward()
        if look is not None:
            look(model[0].weight.detach().double(), model[0].weight.grad.double(), hidden.double())
        optimizer.step()
    return [p.detach() for p in model.parameters()]


def record(run, kind, name):
    (found,) = [r for r in run.get("histograms") if (r["kind"], r["name"]) == (kind, name)]
    bins = np.frombuffer(b64decode(found["bins"]), dtype=np.uint8)
    return found | {"bins": bins.reshape(len(found["steps"]), BINS)}


def test_records_weights_gradients_and_outputs_of_a_step(watch):
    seen = []
    run = watch(lambda: train(12, look=lambda *three: seen.append([t.clone().numpy().ravel() for t in three])))
    for at, (kind, name) in enumerate([("weights", "0.weight"), ("gradients", "0.weight"), ("outputs", "1")]):
        found = record(run, kind, name)
        assert found["steps"][0] == 0
        assert found["steps"] == sorted(set(found["steps"]))
        for look, step in enumerate(found["steps"]):
            values = seen[step][at]
            low, high, counts = naive(values)
            assert (found["low"][look], found["high"][look]) == pytest.approx((low, high), rel=1e-3)
            assert found["zeros"][look] == pytest.approx((values == 0).mean(), rel=1e-4)
            # An element at the edge of two bins may be in either, in float32.
            assert abs(found["bins"][look] - FULL * counts / counts.max()).sum() <= 8 * FULL / counts.max() + BINS


def test_training_is_bitwise_the_same(watch):
    plain = train(30)
    kept = []
    watch(lambda: kept.extend(train(30)))
    assert all(torch.equal(a, b) for a, b in zip(plain, kept, strict=True))


class Shared:
    """What a collector needs of a session."""

    def __init__(self):
        self.options, self.told = {}, {}
        self.recorder = self

    def guard(self, _part, function):
        return function

    def facts(self, signal, records):
        self.told[signal] = records


def test_looks_are_bounded_and_spread_over_a_run_of_any_length():
    session = Shared()
    collector = HistogramCollector(session)
    matrix = SampleMatrix(1, torch.zeros(1), 8)
    for step in range(200_000):
        if step < 1000 or step % 50 == 0:
            matrix.put(0, torch.full((8,), float(step + 1)))
            collector.outputs(step, ["layer"], matrix)
    collector.on_report(None)
    (found,) = session.told["histograms"]
    steps = found["steps"]
    assert MAX_LOOKS // 2 <= len(steps) <= MAX_LOOKS
    assert steps[0] == 0
    assert steps[-1] > 0.9 * 200_000
    assert found["low"] == pytest.approx([step + 1 for step in steps], rel=1e-4)
    gaps = np.diff(np.log(np.array(steps[1:-1])))
    assert gaps.max() < 4 * gaps.min()


def test_tensors_are_bounded_and_chosen_evenly():
    session = Shared()
    collector = HistogramCollector(session)
    names = [f"layer{number}" for number in range(500)]
    matrix = SampleMatrix(len(names), torch.zeros(1), 8)
    for row in range(len(names)):
        matrix.put(row, torch.full((8,), float(row + 1)))
    for step in range(3):
        collector.outputs(step, names, matrix)
    collector.on_report(None)
    records = session.told["histograms"]
    assert len(records) == MAX_ROWS
    assert [records[0]["name"], records[-1]["name"]] == ["layer0", "layer499"]
    assert all(r["low"] == [float(r["name"].removeprefix("layer")) + 1] * 3 for r in records)


def test_of_several_optimizers_each_is_seen_at_late_looks(watch):
    def program():
        torch.manual_seed(0)
        first, second = nn.Linear(4, 4), nn.Linear(4, 1)
        optimizers = [torch.optim.SGD(m.parameters(), lr=0.01) for m in (first, second)]
        for _ in range(60):
            second(first(torch.randn(8, 4))).square().mean().backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()

    run = watch(program)
    late = {r["name"]: r["steps"][-1] for r in run.get("histograms") if r["kind"] == "weights"}
    assert len(late) == 4
    assert min(late.values()) > 90
