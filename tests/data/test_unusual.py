"""How unusual samples are as a whole, and which are possibly outliers."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from netvet.data.chunks import Chunk
from netvet.data.describe import describe
from netvet.data.faults import unusual
from netvet.data.faults.outliers import outliers
from netvet.data.index import Audited, splits_of


def audited(inputs, kind="tensor", targets=None):
    rows = {"train": describe(kind, Chunk([str(i) for i in range(len(inputs))], inputs, targets))}
    splits, classes = splits_of(rows)
    return Audited(kind, "data", splits, classes)


def marked(records, fault="outlier"):
    return np.unique(np.concatenate([[], *(r["marked"][fault]["train"] for r in records if fault in r["marked"])]))


def test_far_values_are_mean_distances_in_spreads():
    points = np.random.default_rng(0).normal(3, 2, (400, 5)).astype(np.float32)
    points[7, 2] = 1e6
    exact = points.astype(np.float64)
    low, middle, high = np.quantile(exact, [0.1, 0.5, 0.9], axis=0)
    reference = np.minimum(np.abs(exact - middle) / ((high - low) / 2.563), 10).mean(axis=1)
    np.testing.assert_allclose(unusual.far_values(points), reference, rtol=1e-4)


def test_far_values_leave_out_what_is_constant_or_missing():
    points = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    wider = np.concatenate([points, np.full((400, 1), 5, np.float32)], axis=1)
    np.testing.assert_allclose(unusual.far_values(wider), unusual.far_values(points))
    points[0, 0] = np.nan
    assert np.isfinite(unusual.far_values(points)).all()


def test_residual_is_the_distance_to_the_plane_of_the_others():
    generator = np.random.default_rng(0)
    plane = np.linalg.qr(generator.normal(size=(6, 6)))[0][:, :2]
    points = generator.normal(size=(500, 2)) @ (5 * plane.T) + 0.1 * generator.normal(size=(500, 6))
    off = np.linalg.svd(plane.T)[2][-1]
    points[:40] += 4 * off
    found = unusual.residual(points.astype(np.float32))
    assert found[:40].min() > 3.5
    assert found[40:].max() < 0.6


def test_chances_are_those_of_an_exponential_tail():
    values = np.random.default_rng(0).exponential(size=20_000)
    found = unusual.chances(values)
    for value in (3.0, 5.0, 7.0):
        nearest = found[np.argmin(np.abs(values - value))]
        assert np.exp(-value) / 2 <= nearest  # never much too sure
    normal = np.random.default_rng(0).normal(size=20_000)
    assert unusual.chances(normal)[np.argmax(normal)] < 1e-3


CLEAN = {
    "normal": lambda g: g.normal(size=(1000, 8)),
    "exponential": lambda g: g.exponential(size=(1000, 8)),
    "log-normal": lambda g: g.lognormal(size=(1000, 8)),
    "student": lambda g: g.standard_t(3, (1000, 8)),
    "related": lambda g: g.normal(size=(1000, 3)) @ g.normal(size=(3, 12)) + 0.1 * g.normal(size=(1000, 12)),
    "clusters": lambda g: np.concatenate([0.3 * g.normal(size=(500, 6)), 9 + g.normal(size=(500, 6))]),
    "one-hot": lambda g: np.eye(6)[g.choice(6, 1000, p=[0.5, 0.3, 0.1, 0.06, 0.03, 0.01])],
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CLEAN)
def test_clean_sets_have_hardly_any_possible_ones(name, seed):
    records = outliers(audited(CLEAN[name](np.random.default_rng(seed))))
    assert len(marked(records, "possible outlier")) <= 10
    assert {"many features", "structure", "light"}.isdisjoint(r["axis"] for r in records)


def test_values_of_a_lattice_have_no_tail():
    assert (unusual.possible(np.repeat([0.0, 1.0, 2.0, 9.0], [800, 150, 45, 5])) == 1).all()


def test_many_that_stand_out_a_little_are_possible():
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(size=980), generator.uniform(4.5, 6, 20)])
    found = unusual.possible(values) < 1
    assert found[980:].all()
    assert found[:980].mean() <= 0.01


LABELS = np.repeat([0, 1, 2, 3], [400, 300, 270, 30])


def test_a_class_that_is_of_another_kind_is_no_outlier():
    assert not unusual.strangers(LABELS == 3, LABELS).any()
    share = np.where(LABELS == 3, 0.01, 1.0)
    assert (unusual.unexplained(share, LABELS) == 1).all()


def test_many_are_strangers_only_where_all_classes_have_them():
    everywhere = np.arange(1000) % 33 == 0
    assert (unusual.strangers(everywhere, LABELS) == everywhere & (LABELS < 4)).all()
    of_one = (np.arange(1000) % 11 == 0) & (LABELS == 1)
    assert of_one.sum() > 20
    assert not unusual.strangers(of_one, LABELS).any()
    assert not unusual.strangers(everywhere, np.full(1000, -1)).any()


def test_few_are_strangers_whatever_their_labels():
    few = np.arange(1000) < 5
    assert (unusual.strangers(few, LABELS) == few).all()
    assert (unusual.strangers(few, np.full(1000, -1)) == few).all()


def _digits(share):
    images, labels = load_digits(return_X_y=True)
    images = (images * 15).astype(np.uint8).reshape(-1, 8, 8, 1)
    which = np.random.default_rng(5).choice(len(images), round(share * len(images)), replace=False)
    images[which] = 255 - images[which]
    return list(images), labels, np.sort(which)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1])
def test_inverted_images_are_found_also_where_they_are_near_each_other(share):
    images, labels, which = _digits(share)
    found = marked(outliers(audited(images, "image", labels)))
    assert np.isin(which, found).mean() >= 0.95
    assert np.isin(found, which).mean() >= 0.9


def test_many_alike_without_labels_are_possible_at_most():
    images, _, which = _digits(0.05)
    records = outliers(audited(images, "image"))
    assert {"many features", "structure"}.isdisjoint(r["axis"] for r in records)
    (record,) = (r for r in records if r.get("sure") is False)
    assert np.isin(record["marked"]["possible outlier"]["train"], which).mean() >= 0.8
    assert [e["value"] for e in record["examples"]] == sorted(e["value"] for e in record["examples"])


def test_none_is_both_sure_and_possible():
    images, labels, _ = _digits(0.02)
    records = outliers(audited(images, "image", labels))
    assert not np.intersect1d(marked(records), marked(records, "possible outlier")).size


def test_what_a_column_has_told_is_not_told_again():
    inputs = np.random.default_rng(0).normal(size=(1000, 8))
    inputs[:5] *= 1000
    records = outliers(audited(inputs))
    assert set(range(5)) <= set(marked(records).tolist())
    assert {"many features", "structure"}.isdisjoint(r["axis"] for r in records)
