"""Samples beyond the tail."""

import numpy as np
import pytest

from netvet.data.chunks import Chunk
from netvet.data.describe import describe
from netvet.data.faults import NotAssessable, neighbours, outliers
from netvet.data.index import Audited, splits_of


def audited(inputs, kind="tensor"):
    rows = {"train": describe(kind, Chunk([str(i) for i in range(len(inputs))], inputs))}
    splits, classes = splits_of(rows)
    return Audited(kind, "data", splits, classes)


CLEAN = {
    "normal": lambda g: g.normal(size=(1000, 6)),
    "uniform": lambda g: g.random((1000, 6)),
    "exponential": lambda g: g.exponential(size=(1000, 6)),
    "log-normal": lambda g: g.lognormal(size=(1000, 6)),
    "discrete": lambda g: g.integers(0, 4, (1000, 6)),
    "clusters": lambda g: np.concatenate([0.3 * g.normal(size=(500, 6)), 9 + g.normal(size=(500, 6))]),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CLEAN)
def test_clean_sets_have_hardly_any(name, seed):
    found = outliers.outliers(audited(CLEAN[name](np.random.default_rng(seed))))
    assert sum(r["samples"] for r in found) <= 2


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1])
def test_gross_errors_are_found(share):
    generator = np.random.default_rng(0)
    inputs, count = generator.normal(size=(2000, 6)), int(share * 2000)
    inputs[:count, 2] *= 1000
    found = outliers.outliers(audited(inputs))
    marked = np.unique(np.concatenate([r["marked"]["outlier"]["train"] for r in found]))
    assert np.isin(np.arange(count), marked).mean() >= 0.95
    assert (marked < count).mean() >= 0.9 or count < 5


def test_columns_of_a_table_are_looked_at_one_by_one():
    generator = np.random.default_rng(0)
    columns = {"height": generator.normal(170, 10, 500), "weight": generator.normal(70, 9, 500)}
    columns["height"][7] = 1.75
    (record,) = (r for r in outliers.outliers(_table(columns)) if r["axis"] != "features")
    assert (record["axis"], record["side"], record["samples"]) == ("height", "low", 1)
    assert record["examples"] == [{"sample": "7", "value": pytest.approx(1.75)}]
    assert record["spreads"] > 10


def _table(columns):
    count = len(next(iter(columns.values())))
    rows = {"train": describe("table", Chunk([str(i) for i in range(count)], _Columns(columns, count)))}
    splits, classes = splits_of(rows)
    return Audited("table", "data", splits, classes)


class _Columns(dict):
    def __init__(self, columns, count):
        super().__init__(columns)
        self.count = count


def test_several_beyond_a_light_tail_count_without_a_gap():
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(size=2000), generator.uniform(3.6, 5.0, 12)])
    limit = outliers.tail_limit(values)
    assert 3.2 < limit < 3.8


@pytest.mark.parametrize("seed", range(3))
def test_heavy_tails_on_both_sides_are_no_outliers(seed):
    tailed = np.random.default_rng(seed).standard_t(2, (2000, 1))
    assert [r["axis"] for r in outliers.outliers(audited(tailed))] == []


def test_a_level_of_discrete_values_is_no_gap():
    values = np.random.default_rng(0).choice([0.0, 0.06, 0.1, 0.14, 0.2, 0.24, 0.3, 0.64], 1000)
    values += 1e-9 * np.arange(1000)
    values[values > 0.6] = 0.64
    assert outliers.tail_limit(values) == np.inf


def test_distances_of_many_samples_are_near_the_exact_ones(monkeypatch):
    points = np.random.default_rng(0).normal(size=(3000, 4)).astype(np.float32)
    points[:3] += 30
    data = audited(points)
    exact = outliers.neighbour_distance(data, points)
    monkeypatch.setattr(neighbours, "EFFORT", 1.0)
    found = outliers.neighbour_distance(data, points)
    assert np.corrcoef(found, exact)[0, 1] > 0.9
    assert (found[:3] > 5 * np.median(found)).all()


def _priced(targets):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(len(targets), 3))
    names = [str(i) for i in range(len(targets))]
    splits, classes = splits_of({"train": describe("tensor", Chunk(names, inputs, np.asarray(targets, np.float64)))})
    return Audited("tensor", "data", splits, classes)


@pytest.mark.parametrize("seed", range(3))
def test_a_number_that_stands_for_unknown_is_found_among_targets(seed):
    generator = np.random.default_rng(seed)
    targets = 250 + 60 * generator.normal(size=1000)
    unknown = generator.random(1000) < 0.03
    found = [r for r in outliers.outliers(_priced(np.where(unknown, -9999, targets))) if r["axis"] == "the target"]
    assert [r["samples"] for r in found] == [unknown.sum()]
    for clean in (targets, generator.lognormal(size=1000), generator.standard_t(3, 1000), generator.poisson(3.0, 1000)):
        assert not [r for r in outliers.outliers(_priced(clean)) if r["axis"] == "the target"]


def test_few_samples_have_no_tail():
    with pytest.raises(NotAssessable, match="fewer"):
        outliers.outliers(audited(np.ones((10, 3))))


WORDS = [
    "the", "model", "reads", "every", "image", "once", "and", "writes", "what", "it", "has", "seen", "of", "them", "to",
    "file", "near", "others",
]  # fmt: skip


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1])
def test_texts_of_random_letters_are_found(share):
    generator = np.random.default_rng(0)
    texts, count = [" ".join(generator.choice(WORDS, 30)) for _ in range(1000)], int(share * 1000)
    texts[:count] = ["".join(generator.choice(list("qxzjkvwpyg0123456789"), 150)) for _ in range(count)]
    found = outliers.outliers(audited(texts, "text"))
    marked = next(r["marked"]["outlier"]["train"] for r in found if r["axis"] == "letters")
    assert marked.tolist() == list(range(count))


def test_topics_and_lengths_have_no_strange_letters():
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(WORDS[i % 3 * 6 : i % 3 * 6 + 6], 10 + i % 50)) for i in range(1000)]
    assert [r for r in outliers.outliers(audited(texts, "text")) if r["axis"] == "letters"] == []
