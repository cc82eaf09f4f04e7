"""Sketches: what is merged over any cut of the rows is what one pass gives, within the stated error."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest

from netvet.data import sketches
from netvet.data.chunks import Chunk
from netvet.data.describe import describe, fingerprints
from netvet.data.sketches import COUNTERS, QUANTILES, SAMPLE, sketched

ROWS = 30_000


def columns(seed=0, rows=ROWS):
    draw = np.random.default_rng(seed)
    holes = draw.normal(size=rows)
    holes[draw.random(rows) < 0.1] = np.nan
    holes[:3] = np.inf
    words = np.array([f"w{i}" for i in draw.zipf(1.5, rows) % 5000], dtype=object)
    words[draw.random(rows) < 0.05] = None
    return {
        "normal": draw.normal(1e9, 5.0, rows),
        "heavy": np.exp(draw.normal(0, 3, rows)),
        "holes": holes,
        "few": draw.integers(0, 5, rows).astype(np.float64),
        "constant": np.full(rows, 3.0),
        "words": words,
    }


def of(columns, first=0):
    rows = len(next(iter(columns.values())))
    chunk = Chunk([str(i) for i in range(rows)], columns)
    return sketched("table", chunk, describe("table", chunk), order(first, rows))


def order(first, rows):
    places = np.arange(first, first + rows, dtype=np.uint64)
    return fingerprints.of_words(np.stack([np.zeros_like(places), places], 1))


def cut(columns, cuts):
    edges = [0, *cuts, len(next(iter(columns.values())))]
    parts = [of({n: v[a:b] for n, v in columns.items()}, a) for a, b in pairwise(edges)]
    return reduce(lambda a, b: a.merged(b), parts)


CUTS = {"none": [], "halves": [ROWS // 2], "uneven": [1, 2, 20_000, 29_999], "many": list(range(500, ROWS, 500))}


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_moments_are_those_of_all_rows(cuts):
    data = columns()
    found = cut(data, cuts).columns
    for name in ("normal", "heavy", "holes", "few", "constant"):
        finite = data[name][np.isfinite(data[name])]
        column = found[name]
        assert column.count == len(finite)
        assert column.missing == np.isnan(data[name]).sum()
        assert column.infinite == np.isinf(data[name]).sum()
        assert column.mean == pytest.approx(finite.mean(), rel=1e-12)
        assert column.std == pytest.approx(finite.std(), rel=1e-6, abs=1e-12)
        assert (column.low, column.high) == (finite.min(), finite.max())
    assert found["words"].count == sum(w is not None for w in data["words"])
    assert found["words"].missing == sum(w is None for w in data["words"])


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("seed", range(3))
def test_quantiles_are_within_the_stated_error_in_rank(seed, cuts):
    data = columns(seed)
    found = cut(data, cuts).columns
    for name in ("normal", "heavy", "holes"):
        values = np.sort(data[name][np.isfinite(data[name])])
        ranks = np.searchsorted(values, found[name].quantiles) / len(values)
        assert np.abs(ranks - QUANTILES).max() < 0.0255, name


def test_quantiles_of_few_rows_are_exact():
    data = columns(rows=SAMPLE)
    found = cut(data, [1000, 1001]).columns["normal"]
    assert found.quantiles == np.quantile(data["normal"], QUANTILES).tolist()


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_a_sample_and_different_values_do_not_depend_on_the_cut(cuts):
    data = columns()
    one, merged = of(data).columns, cut(data, cuts).columns
    for name in data:
        assert np.array_equal(one[name].hashes, merged[name].hashes)
        assert one[name].quantiles == merged[name].quantiles


@pytest.mark.parametrize("different", [1, 5, 1000, 1023, 5000, 30_000])
def test_different_values_are_counted_exactly_if_few_and_else_within_the_stated_error(different):
    values = np.arange(ROWS) % different
    exact = 0 if different < 1024 else 4 / np.sqrt(1022)  # four standard errors
    for column in (values.astype(np.float64), np.array([f"w{v}" for v in values], dtype=object)):
        assert cut({"a": column}, [7, 15_000]).columns["a"].distinct == pytest.approx(different, rel=exact)


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_common_values_are_counted_too_low_at_most_by_the_stated_error(cuts):
    data = columns()
    for name in ("words", "few"):
        values, counts = np.unique(data[name][data[name] != None], return_counts=True)  # noqa: E711
        known = dict(zip(values.tolist(), counts.tolist(), strict=True))
        common = cut(data, cuts).columns[name].common
        assert len(common) <= COUNTERS
        slack = ROWS / (COUNTERS + 1)
        assert all(known[value] - slack <= count <= known[value] for value, count in common.items())
        assert all(value in common for value, count in known.items() if count > slack)
    assert cut(data, cuts).columns["constant"].top() == [(3.0, ROWS)]


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_correlations_are_pearsons(cuts):
    data = columns()
    data["twin"] = -2 * data["heavy"] + 1
    found = cut(data, cuts).together
    kept = np.stack([data[n] for n in found.names], 1)
    kept = kept[np.isfinite(kept).all(axis=1)]
    varying = [i for i, n in enumerate(found.names) if n != "constant"]
    reference = np.corrcoef(kept[:, varying].T)
    assert found.count == len(kept)
    assert np.abs(found.correlations[np.ix_(varying, varying)] - reference).max() < 1e-5
    assert np.isnan(found.correlations[found.names.index("constant")]).all()


def images(rows, shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, *shape)).astype(np.uint8)


def of_images(pictures):
    chunk = Chunk([str(i) for i in range(len(pictures))], pictures)
    return sketched("tensor", chunk, describe("tensor", chunk), order(0, len(pictures)))


def test_the_mean_image_is_that_of_all_samples_of_one_shape():
    pictures = images(100, (6, 5, 3))
    merged = of_images(pictures[:30]).merged(of_images(pictures[30:]))
    assert merged.mean_picture == pytest.approx(pictures.mean(axis=0))
    assert merged.columns["7"].mean == pytest.approx(pictures.reshape(100, -1)[:, 7].mean())
    assert of_images(pictures).merged(of_images(images(3, (4, 4, 3)))).mean_picture is None


def test_of_wide_samples_only_moments_are_kept():
    pictures = images(50, (20, 20))
    found = of_images(pictures)
    assert len(found.columns) == 400
    assert found.columns["399"].std == pytest.approx(pictures.reshape(50, -1)[:, 399].std())
    assert not len(found.columns["0"].sample)
    assert found.together.names == ()


def test_numbers_that_are_too_large_to_square_warn_nobody():
    found = of({"a": np.array([1e300, -1e300, 1.0])})
    assert found.columns["a"].count == 3


def test_nothing_is_drawn_by_chance():
    data = columns()
    a, b = of(data), of(data)
    assert all(np.array_equal(a.columns[n].sample, b.columns[n].sample) for n in data)


def test_a_long_text_is_no_word_of_a_report():
    words = np.array(["x" * 500] * 3, dtype=object)
    assert list(of({"a": words}).columns["a"].common) == ["x" * sketches.MAX_WORD]
