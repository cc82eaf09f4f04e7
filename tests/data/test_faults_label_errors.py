"""Wrong labels are found, overlapping classes are not called wrong."""

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine, make_classification, make_moons

from netvet.checks.label_errors import label_errors
from netvet.core import Facts
from netvet.data.faults import NotAssessable
from netvet.data.faults.cheap import cheap, folds_of
from netvet.data.faults.label_errors import Floor, label_suspects, suspects
from tests.data.made import audited


def swapped(labels, share, seed=0):
    random = np.random.default_rng(seed)
    wrong = random.random(len(labels)) < share
    other = (labels + random.integers(1, labels.max() + 1, len(labels))) % (labels.max() + 1)
    return np.where(wrong, other, labels), wrong


def test_finds_wrong_digits():
    digits = load_digits()
    labels, wrong = swapped(digits.target[:1000], 0.05)
    found = suspects(audited({"train": (digits.data[:1000], labels)}))["train"]
    hit = wrong[found].sum()
    assert hit >= 0.85 * wrong.sum()
    assert hit >= 0.9 * len(found)


def test_suggests_the_true_label_and_estimates_the_share():
    digits = load_digits()
    labels, wrong = swapped(digits.target[:1000], 0.05)
    (record,) = label_suspects(audited({"train": (digits.data[:1000], labels)}))
    right = [one["suggested"] == str(digits.target[one["sample"]]) for one in record["examples"]]
    assert np.mean(right) > 0.85
    assert record["low"] <= wrong.mean() <= record["high"]
    (finding,) = label_errors(Facts.of(record))
    assert finding.severity is None or finding.severity == "warning"


def test_lists_possible_errors_beside_the_sure_ones_the_likeliest_first():
    inputs, truth = make_classification(1000, 10, n_informative=6, n_classes=3, flip_y=0, class_sep=2, random_state=0)
    labels, wrong = swapped(truth, 0.08)
    (record,) = label_suspects(audited({"train": (inputs, labels)}))
    sure, possible = (record["marked"][kind]["train"] for kind in ("label error", "possible label error"))
    assert (record["suspects"], record["possible"]) == (len(sure), len(possible))
    assert not np.isin(possible, sure).any()
    assert wrong[sure].mean() > wrong[possible].mean() > 0.2
    given = [one["given_probability"] for one in record["examples"]]
    assert given == sorted(given)
    assert record["expected"] == pytest.approx(wrong[possible].sum(), rel=0.5)


@pytest.mark.parametrize("seed", range(3))
def test_lists_next_to_nothing_where_labels_are_right(seed):
    of = {"n_informative": 6, "n_classes": 3, "flip_y": 0, "class_sep": 0.8, "random_state": seed}
    records = label_suspects(audited({"train": make_classification(800, 10, **of)}))
    assert sum(r["suspects"] + r["expected"] for r in records) < 0.015 * 800
    assert [f for f in label_errors(Facts(records)) if f.severity != "note"] == []


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_does_not_warn_of_clean_data(load):
    data = load()
    records = label_suspects(audited({"train": (data.data, data.target)}))
    assert [f.severity for f in label_errors(Facts(records)) if f.severity != "note"] == []


def test_does_not_call_overlap_an_error():
    inputs, labels = make_moons(600, noise=0.3, random_state=0)
    records = label_suspects(audited({"train": (inputs, labels)}))
    assert [f.severity for f in label_errors(Facts(records)) if f.severity != "note"] == []


def test_says_that_noise_cannot_be_assessed():
    random = np.random.default_rng(0)
    with pytest.raises(NotAssessable, match="cannot tell the classes apart"):
        label_suspects(audited({"train": (random.normal(size=(300, 4)), random.integers(0, 3, 300))}))


def test_a_rare_class_without_evidence_is_no_error():
    random = np.random.default_rng(0)
    labels = (random.random(1000) < 0.04).astype(int)
    assert suspects(audited({"train": (random.normal(size=(1000, 4)), labels)})) == {}


def test_looks_at_held_out_labels_too():
    wine = load_wine()
    labels = wine.target.copy()
    labels[1::2][:5] = 2
    data = audited({"train": (wine.data[::2], wine.target[::2]), "val": (wine.data[1::2], labels[1::2])})
    assert set(range(5)) <= set(suspects(data)["val"].tolist())


def test_probabilities_of_a_better_model_are_taken():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 400)
    labels, wrong = swapped(truth, 0.05)
    data = audited({"train": (random.normal(size=(400, 4)), labels)})
    sure = 1 - 10 ** -random.uniform(1, 4, (400, 1))
    found = suspects(data, {"train": np.where(truth[:, None] == np.arange(2), sure, 1 - sure)})["train"]
    assert sorted(found) == np.flatnonzero(wrong).tolist()


def test_targets_far_from_similar_samples_are_a_note():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(500, 3))
    targets = inputs.sum(axis=1) + 0.01 * random.normal(size=500)
    targets[7] += 50
    records = label_suspects(audited({"train": (inputs, targets)}))
    assert records[0]["examples"][0]["sample"] == 7
    assert [f.severity for f in label_errors(Facts(records))] == ["note"]


def test_weak_regression_is_not_assessed():
    data = load_diabetes()
    with pytest.raises(NotAssessable, match="explain too little"):
        label_suspects(audited({"train": (data.data, data.target)}, task="regression"))


def test_the_interval_is_that_of_clopper_and_pearson():
    low, high = Floor(3, 100).interval
    assert low == pytest.approx(beta.ppf(0.025, 3, 98))
    assert high == pytest.approx(beta.ppf(0.975, 4, 97))
    assert Floor(0, 10).interval[0] == 0.0


def test_copies_are_in_one_fold():
    prints = np.array([5, 6, 5, 7, 8, 9, 6, 10, 11, 12], dtype=np.uint64)
    folds = folds_of(prints, np.zeros(10))
    assert folds[0] == folds[2]
    assert folds[1] == folds[6]


def test_models_are_fitted_once_for_an_audit():
    wine = load_wine()
    data = audited({"train": (wine.data, wine.target)})
    assert cheap(data) is cheap(data)
    assert cheap(data).score > 0.9
