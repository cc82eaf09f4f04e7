"""Long runs: what a file keeps exactly, what it keeps thinned out, and that nobody takes the one for the other."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks.store import PLACE, Training, check, kill, table, write
from netvet.core import LayerSeries, Series
from netvet.store import Run, RunWriter, thin
from netvet.store.encoding import BUCKET, buckets, decode_buckets, encode_buckets, joined
from tests.store.machine import query, series_of

LIMIT = 64 << 10
STEPS, LAYERS = 20_000, 12


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that outgrew every level of its limits."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(thin, "LEVEL_LIMIT", LIMIT)
        return write(tmp_path_factory.mktemp("runs"), "dense", STEPS, LAYERS).path


def bytes_of(path: Path, factor: int) -> int:
    where = "chunk" if factor == 1 else f"rollup WHERE factor = {factor}"
    return int(str(query(path, f"SELECT coalesce(sum(size), 0) FROM {where}")[0][0]))


def layers_of(path: Path) -> LayerSeries:
    found = Run.open(path).get("param_norm")
    assert isinstance(found, LayerSeries)
    return found


def test_every_level_stays_below_its_limit(small: Path) -> None:
    stay = 3 * 512 * 4 * (LAYERS + 3)  # the first and the newest chunks of a series
    assert LIMIT / 2 < bytes_of(small, 1) <= LIMIT + stay
    assert bytes_of(small, 16) <= LIMIT
    assert (small / "rank0.db").stat().st_size < STEPS * LAYERS * 4 / 2


def test_what_is_left_are_values_that_were_recorded_at_their_steps(small: Path) -> None:
    values = table(LAYERS)
    for layer, series in enumerate(layers_of(small).values()):
        assert series.stands_for is not None
        assert check(series, values[:, layer]) == STEPS
        assert (series.stands_for[:512] == 1).all(), "the first steps stay exact"
        assert (series.stands_for[-512:] == 1).all(), "the newest steps stay exact"
        assert series.stands_for.max() >= 256


def test_signals_of_few_series_stay_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thin, "LEVEL_LIMIT", 4 * LIMIT)
    path = write(tmp_path, "dense", 8_000, LAYERS).path
    loss = series_of(Run.open(path), "loss", PLACE)
    assert loss.stands_for is None
    assert loss.steps.tolist() == list(range(8_000))
    assert all(series.stands_for is not None for series in layers_of(path).values())


def test_a_part_of_a_series_knows_what_it_stands_for(small: Path) -> None:
    series = layers_of(small)["blocks.0.weight"]
    half = series.since(STEPS // 2)
    assert half.stands_for is not None
    assert len(half.stands_for) == len(half) == (series.steps >= STEPS // 2).sum()
    assert Series.of([1.0, np.nan]).finite().stands_for is None


def test_a_picture_has_every_extreme(small: Path) -> None:
    column = table(LAYERS)[:, 3].astype(np.float64)[np.arange(STEPS) % len(table(LAYERS))]
    for factor in (16, 256):
        thinned = Run.open(small).thinned("param_norm", factor, "blocks.3.weight")["blocks.3.weight"]
        assert int(thinned.count.sum()) == STEPS
        assert (thinned.minimum.min(), thinned.maximum.max()) == (column.min(), column.max())
        starts = np.cumsum(thinned.count) - thinned.count
        np.testing.assert_array_equal(thinned.steps, starts)
        np.testing.assert_array_equal(thinned.maximum, np.maximum.reduceat(column, starts))
        means = np.add.reduceat(column, starts) / thinned.count
        np.testing.assert_allclose(thinned.mean, means, rtol=1e-6)


def test_one_series_is_the_same_as_one_of_all(small: Path) -> None:
    run = Run.open(small)
    one, all_of_them = run.one("param_norm", "blocks.5.weight"), layers_of(small)["blocks.5.weight"]
    assert one is not None
    np.testing.assert_array_equal(one.steps, all_of_them.steps)
    np.testing.assert_array_equal(one.values, all_of_them.values)
    assert run.one("param_norm", "no such layer") is None


def test_a_short_run_is_exact(tmp_path: Path) -> None:
    written = write(tmp_path, "dense", 3_000, 4)
    found = layers_of(written.path)["blocks.0.weight"]
    assert found.stands_for is None
    assert found.steps.tolist() == list(range(3_000))


def test_goes_on_thinning_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thin, "LEVEL_LIMIT", LIMIT)
    writer, step, rng = RunWriter.create(tmp_path, "restarted"), 0, random.Random(0)
    for _ in range(5):
        training = Training(writer, LAYERS, "dense")
        for _ in range(rng.randrange(1_000, 4_000)):
            training.step(step)
            step += 1
        writer.close()
        assert writer.error is None
        writer = RunWriter.join(writer.path)
    writer.close()
    for layer, series in enumerate(layers_of(writer.path).values()):
        assert check(series, table(LAYERS)[:, layer]) == step


def test_survives_kills_while_it_thins(tmp_path: Path) -> None:
    kill(tmp_path, 3, layers=20)  # raises when something is wrong or gone


def test_buckets_of_buckets_are_those_of_the_values() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=1_000)
    values[rng.random(1_000) < 0.2] = np.nan
    steps = np.cumsum(rng.integers(1, 5, 1_000))
    twice, once = joined(buckets(steps, values, 16), 16), buckets(steps, values, 256)
    for name in BUCKET.names or ():
        np.testing.assert_allclose(twice[name], once[name], rtol=1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_buckets_come_back_as_they_were(kind: type) -> None:
    rng = np.random.default_rng(1)
    rows = buckets(np.cumsum(rng.integers(1, 9, 100)), rng.normal(size=100).astype(kind).astype(np.float64), 7)
    back = decode_buckets(encode_buckets(rows))
    for name in set(BUCKET.names or ()) - {"mean"}:
        np.testing.assert_array_equal(back[name], rows[name])
    np.testing.assert_allclose(back["mean"], rows["mean"], rtol=1e-6)


def test_a_damaged_roll_up_is_an_error() -> None:
    data = encode_buckets(buckets(np.arange(50), np.arange(50.0), 7))
    for wrong in (b"", data[:3], data[:-1], data[:20]):
        with pytest.raises(ValueError):
            decode_buckets(wrong)
