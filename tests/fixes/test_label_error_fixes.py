"""Samples with suspect labels left out."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris, load_wine, make_classification

from netvet.fixes.drop_label_errors import RULE
from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code
from tests.fixes.test_array_fixes import BY_HAND, LOADED, by_hand, loaded

CLASSES = [{"phase": "train", "kind": "classes", "site": "s"}]


@pytest.fixture(scope="module")
def plausible():
    names = {"torch": torch}
    exec(RULE.format(rule="plausible"), names)
    return names["plausible"]


def naive(x, y, neighbours=15):
    """The same in float64, one sample after the other."""
    x = (x - x.mean(0)) / np.maximum(x.std(0, ddof=1), 1e-9)
    kept = []
    for i in range(len(x)):
        order = np.argsort(((x - x[i]) ** 2).sum(1), kind="stable")
        near = y[[j for j in order if j != i][:neighbours]]
        shares = [np.mean(near == c) for c in range(y.max() + 1)]
        other = max(s for c, s in enumerate(shares) if c != y[i])
        kept.append(other - shares[y[i]] < 0.5)
    return kept


def flipped(y, rate, seed):
    random = np.random.default_rng(seed)
    wrong = random.permutation(len(y))[: int(rate * len(y))]
    given = y.copy()
    given[wrong] = (given[wrong] + random.integers(1, y.max() + 1, len(wrong))) % (y.max() + 1)
    return given, wrong


def test_rule_is_that_of_a_naive_search(plausible):
    x, y = load_wine(return_X_y=True)
    given, _ = flipped(y, 0.1, 0)
    assert plausible(x, given).tolist() == naive(x, given)


@pytest.mark.parametrize("seed", range(3))
def test_flipped_digits_are_found(plausible, seed):
    x, y = load_digits(return_X_y=True)
    given, wrong = flipped(y, 0.1, seed)
    dropped = np.flatnonzero(~plausible(x, given).numpy())
    right = len(set(wrong) & set(dropped))
    assert right / len(wrong) > 0.9
    assert right / len(dropped) > 0.9


@pytest.mark.parametrize(
    "data",
    [load_digits(return_X_y=True), load_iris(return_X_y=True), make_classification(600, class_sep=0.5, random_state=0)],
    ids=["digits", "iris", "overlapping classes"],
)
def test_hardly_any_sample_with_a_right_label_is_dropped(plausible, data):
    x, y = data
    assert plausible(x, y).float().mean() > 0.97


def test_rule_takes_images_and_single_features(plausible):
    images, y = load_digits().images[:100], load_digits().target[:100]
    assert plausible(images, y).shape == (100,)
    ordered = [*[0] * 20, *[1] * 20]
    assert plausible(np.arange(40.0), ordered).all()


def test_training_set_of_a_loader_is_cut(tmp_path):
    code = Code(tmp_path, LOADED)
    (text,) = code.patches("drop-label-errors", **loaded(code), targets=CLASSES)
    assert "train_set = without_suspect_labels(train_set)\ntrain = DataLoader(train_set, batch_size=8)" in text
    assert "DataLoader(val_set, batch_size=9)" in text


def test_training_arrays_are_cut(tmp_path):
    code = Code(tmp_path, BY_HAND)
    record = {"phase": "train", "function": "cross_entropy", "feeds_backward": True, **code.at("# train")}
    (text,) = code.patches("drop-label-errors", **by_hand(code, samples=100), losses=[record], targets=CLASSES)
    assert "kept = plausible(x_train, y_train)\n    x_train, y_train = x_train[kept], y_train[kept]\n" in text
    assert "x_val" not in text.partition("kept =")[2].partition("model(x_val)")[0]


@pytest.mark.parametrize(
    ("inputs", "targets", "reason"),
    [
        ({"dtype": "int64"}, CLASSES, "no numbers"),
        ({}, [{"phase": "train", "kind": "regression"}], "one class a sample"),
        ({"samples": 90_000}, CLASSES, "too long"),
    ],
)
def test_is_not_tried_where_it_means_nothing(tmp_path, inputs, targets, reason):
    code = Code(tmp_path, BY_HAND)
    record = {"phase": "train", "function": "cross_entropy", "feeds_backward": True, **code.at("# train")}
    with pytest.raises(NotApplicable, match=reason):
        code.patches("drop-label-errors", **by_hand(code, **inputs), losses=[record], targets=targets)
