"""Near points, hashes and signatures."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from netvet.data.faults import neighbours


def naive_pairs(points, limit):
    apart = cdist(points.astype(np.float64), points.astype(np.float64))
    first, second = np.nonzero(apart <= limit)
    return {(int(a), int(b)) for a, b in zip(first, second, strict=True) if a < b}


def found(pairs):
    return {(int(a), int(b)) for a, b in zip(pairs.first, pairs.second, strict=True)}


def planted(samples, width, limit, seed=0):
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(samples, width)).astype(np.float32)
    moved = generator.normal(size=(50, width))
    points[50:100] = points[:50] + 0.9 * limit * moved / np.linalg.norm(moved, axis=1)[:, None]
    return points


def test_few_points_give_exactly_the_naive_pairs():
    points = planted(400, 6, 0.3)
    assert found(neighbours.near_points(points, 0.3)) == naive_pairs(points, 0.3)


@pytest.mark.parametrize(("width", "limit"), [(6, 0.05), (64, 1.0), (64, 3.0)])
def test_grids_find_next_to_all_pairs_and_no_others(width, limit, monkeypatch):
    monkeypatch.setattr(neighbours, "ALL_PAIRS", 0)
    points = planted(1500, width, limit)
    true, seen = naive_pairs(points, limit), found(neighbours.near_points(points, limit))
    assert seen <= true
    assert len(seen) >= 0.93 * len(true)


def test_pairs_are_the_same_every_time(monkeypatch):
    monkeypatch.setattr(neighbours, "ALL_PAIRS", 0)
    points = planted(500, 8, 0.2)
    assert found(neighbours.near_points(points, 0.2)) == found(neighbours.near_points(points, 0.2))


def test_a_crowd_of_near_points_is_one_group(monkeypatch):
    monkeypatch.setattr(neighbours, "ALL_PAIRS", 0)
    generator = np.random.default_rng(0)
    crowd = 5 + 1e-4 * generator.normal(size=(2000, 4))
    points = np.concatenate([crowd, 20 * generator.normal(size=(500, 4))]).astype(np.float32)
    groups = neighbours.near_points(points, 0.05).groups(len(points))
    assert len(np.unique(groups[:2000])) == 1
    assert len(np.unique(groups)) > 450


def test_signatures_are_paired_by_their_similarity():
    generator = np.random.default_rng(0)
    words = generator.integers(0, 2**60, (300, 128)).astype(np.uint64)
    words[1] = words[0]
    words[1, :13] = 1  # 0.9 alike
    words[3] = words[2]
    words[3, :64] = 2  # half alike
    pairs = neighbours.near_signatures(words, 0.8)
    assert found(pairs) == {(0, 1)}
    assert pairs.distance[0] == pytest.approx(13 / 128)


def test_nearest_are_the_naive_ones():
    points = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    apart = np.linalg.norm(points[:, None].astype(np.float64) - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    distance, numbers = neighbours.nearest(points, np.arange(200), 3)
    np.testing.assert_allclose(distance, np.sort(apart, axis=1)[:, :3], rtol=1e-5)
    np.testing.assert_array_equal(numbers, np.argsort(apart, axis=1)[:, :3])


@pytest.mark.parametrize("count", [1, 3, 10])
def test_the_smallest_of_many_numbers_are_those_that_sorting_gives(count):
    values = np.random.default_rng(0).integers(0, 500, (20, 2777)).astype(np.float32)
    values[:, ::50], values[:, 1] = np.inf, np.nan
    found = np.take_along_axis(values, neighbours.smallest(values, count), 1)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(values, axis=1)[:, :count])


def test_very_many_pairs_are_still_the_groups_that_they_were(monkeypatch):
    monkeypatch.setattr(neighbours, "ALL_PAIRS", 0)
    generator = np.random.default_rng(0)
    centres = 50 * generator.normal(size=(60, 4))
    points = (centres.repeat(200, axis=0) + 1e-3 * generator.normal(size=(12_000, 4))).astype(np.float32)
    every = neighbours.near_points(points, 0.05)
    monkeypatch.setattr(neighbours, "MANY", 100_000)
    fewer = neighbours.near_points(points, 0.05)
    assert len(fewer) <= len(every)
    np.testing.assert_array_equal(fewer.groups(len(points)), every.groups(len(points)))


def test_features_of_many_units_are_brought_to_one_scale():
    generator = np.random.default_rng(0)
    units = np.array([1.0, 1e3, 1e-3])
    values = np.concatenate([generator.normal(size=(500, 3)) * units, np.full((500, 1), 7.0)], axis=1)
    values[3, 0] = np.nan
    scaled = neighbours.scaled(values.astype(np.float32))
    assert scaled.shape == (500, 3)
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled[:, :2].std(axis=0), 1.0, atol=0.2)


def test_features_of_one_unit_stay_as_they_are():
    values = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    scaled = neighbours.scaled(values)
    np.testing.assert_allclose(scaled - scaled[0], values - values[0], atol=1e-5)
