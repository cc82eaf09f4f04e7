"""Splits against each other: drift, times, groups, layout."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split

from netvet.checks import load
from netvet.core import Facts
from netvet.data.chunks import Chunk
from netvet.data.describe import describe, tensor
from netvet.data.faults import NotAssessable
from netvet.data.faults.drift import split_drift
from netvet.data.faults.layout import split_layout
from netvet.data.faults.provenance import future_in_train, group_overlap
from netvet.data.index import Audited, splits_of
from tests.data.made import audited

DIGITS = load_digits()


def halves(inputs, targets, seed=0, **more):
    a, b, c, d = train_test_split(inputs, targets, test_size=0.3, random_state=seed)
    return {"train": (a, c), "test": (b, d)}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [load_iris, load_wine, load_breast_cancer])
def test_random_splits_have_not_drifted(make, seed):
    data = make()
    assert load("split-drift")(Facts(split_drift(audited(halves(data.data, data.target, seed))))) == []


def test_other_shares_of_labels_are_drift():
    few = np.flatnonzero((DIGITS.target[1000:] != 3) | (np.arange(797) % 20 == 0)) + 1000
    moved = np.concatenate([few, np.flatnonzero(DIGITS.target[:1000] == 5)])
    data = audited(
        {"train": (DIGITS.data[:1000], DIGITS.target[:1000]), "test": (DIGITS.data[moved], DIGITS.target[moved])}
    )
    (finding,) = load("split-drift")(Facts(split_drift(data)))
    assert "class 5 has 10% of train" in finding.message


def test_a_column_in_another_unit_is_drift():
    parts = halves(*load_wine(return_X_y=True))
    parts["test"][0][:, 3] *= 25.4
    (finding,) = load("split-drift")(Facts(split_drift(audited(parts, names=load_wine().feature_names))))
    assert "alcalinity_of_ash" in finding.message
    assert finding.severity == "warning"


@pytest.mark.parametrize("seed", range(3))
def test_windows_of_tokens_of_another_length_have_not_drifted(seed):
    draw = np.random.default_rng(seed)
    rows = {
        split: describe("tokens", Chunk(list(map(str, range(n))), draw.integers(0, 40, (n, length))))
        for split, n, length in (("train", 1200, 20), ("val", 400, 10))
    }
    data = Audited("tokens", "made", *splits_of(rows))
    assert load("split-drift")(Facts(split_drift(data))) == []


def test_a_few_samples_are_not_compared():
    with pytest.raises(NotAssessable, match="30 training samples"):
        split_drift(audited({"train": (np.zeros((20, 2)), None), "test": (np.zeros((20, 2)), None)}))


def timed(train, val, **facts):
    parts = {n: (np.zeros((len(t), 2)), None, {"time": np.asarray(t)}) for n, t in (("train", train), ("val", val))}
    return load("future-in-train")(Facts(future_in_train(audited(parts, **facts))))


def test_a_split_by_time_is_right():
    assert timed(np.arange(80.0), np.arange(80.0, 100), time="day") == []


def test_a_random_split_is_wrong_only_where_the_user_named_a_time():
    random = np.random.default_rng(0).permutation(100).astype(float)
    assert timed(random[:80], random[80:]) == []
    (finding,) = timed(random[:80], random[80:], time="day")
    assert finding.severity == "error"


def test_a_split_that_is_nearly_by_time_is_warned_of():
    (finding,) = timed(np.r_[np.arange(78.0), 95, 96], np.r_[np.arange(78.0, 95), 97:100])
    assert finding.severity == "warning"
    assert "2 of 80 samples" in finding.message
    assert finding.evidence["examples"] == ["79", "78"]


def test_dates_are_shown_as_dates():
    days = np.array([f"2024-01-{d:02d}" for d in range(1, 21)], dtype=object)
    (finding,) = timed(days[[*range(14), 19]], days[14:19], time="day")
    assert "(up to 2024-01-20) are newer than the first of val (2024-01-15)" in finding.message


def grouped(train, val, name="group", **facts):
    parts = {n: (np.zeros((len(g), 2)), None, {name: np.asarray(g)}) for n, g in (("train", train), ("val", val))}
    return group_overlap(audited(parts, **facts))


def test_a_group_in_two_splits_is_an_error():
    (record,) = grouped(["a", "a", "b", "c"], ["c", "d", "c"], group="patient")
    (finding,) = load("group-overlap")(Facts.of(record))
    assert finding.message.startswith("1 of 2 groups (patient) of val are also in train: 2 of 3 samples")
    assert finding.severity == "error"


def test_groups_that_are_apart_are_right():
    assert load("group-overlap")(Facts(grouped(["a", "b"], ["c", "d"], group="patient"))) == []


def test_what_looks_like_an_id_is_a_note():
    ids = np.arange(200) % 40
    (finding,) = load("group-overlap")(Facts(grouped(ids[:150], ids[150:], "user_id")))
    assert finding.severity == "note"
    with pytest.raises(NotAssessable):
        grouped(ids[:150], ids[150:], "width")


def layout_of(change):
    images = DIGITS.data.reshape(-1, 8, 8)
    data = audited(
        {"train": (images[:1200], DIGITS.target[:1200]), "test": (change(images[1200:]), DIGITS.target[1200:])},
        kind="tensor",
    )
    return load("wrong-layout")(Facts(split_layout(data)))


@pytest.mark.parametrize(
    ("look", "change"), [("upside down", lambda i: i[:, ::-1]), ("transposed", lambda i: i.swapaxes(1, 2))]
)
def test_images_in_another_layout_are_found(look, change):
    (finding,) = layout_of(change)
    assert f"look {look} against train" in finding.message


def test_images_in_one_layout_are_right():
    assert layout_of(lambda i: i) == []


def test_swapped_channels_are_found():
    random = np.random.default_rng(0)
    colours = random.normal([0.7, 0.5, 0.2], 0.1, (400, 3))
    names = ("mean red", "mean green", "mean blue")
    parts = {"train": (colours[:300], None), "test": (colours[300:, ::-1], None)}
    (finding,) = load("wrong-layout")(Facts(split_layout(audited(parts, kind="image", names=names))))
    assert "have their channels swapped" in finding.message
    parts["test"] = (colours[300:], None)
    assert load("wrong-layout")(Facts(split_layout(audited(parts, kind="image", names=names)))) == []


@pytest.mark.parametrize("last", [False, True])
def test_swapped_channels_of_tensors_are_found(last):
    random = np.random.default_rng(0)
    tint = np.array([0.8, 0.0, -0.6]).reshape(1, 3, 1, 1)
    images = random.normal(size=(300, 3, 12, 12)) + tint + random.normal(0, 0.3, (300, 3, 1, 1))
    turned = [np.moveaxis(part, 1, 3) if last else part for part in (images[:200], images[200:], images[200:, ::-1])]
    made = [tensor.rows(Chunk([str(i) for i in range(len(one))], one.astype(np.float32))) for one in turned]
    for held, found in ((made[1], []), (made[2], ["channels swapped"])):
        splits, classes = splits_of({"train": made[0], "val": held}, None)
        records = split_layout(Audited("tensor", "made", splits, classes, {}, True, {}))
        assert [r["change"] for r in records if load("wrong-layout")(Facts.of(r))] == found


def patients(alike, name="patient", apart=False, seed=0):
    """120 patients with 4 samples each, shuffled into splits; their diagnoses are theirs, or each sample's own."""
    random = np.random.default_rng(seed)
    who, ill = np.repeat(np.arange(120), 4), random.integers(0, 2, 120)
    labels = ill[who] if alike else random.integers(0, 2, 480)
    order = random.permutation(480)
    names = np.array([f"P{w:03d}" for w in who], dtype=object)
    kept = {"train": order[:360], "val": order[360:]}
    values = random.normal(size=(480, 2))
    prefix = {"train": "", "val": "v" if apart else ""}
    return {
        split: (values[rows], labels[rows], {name: np.array([prefix[split] + n for n in names[rows]], dtype=object)})
        for split, rows in kept.items()
    }


def overlap(parts, **options):
    return [f.severity for f in load("group-overlap")(Facts(group_overlap(audited(parts, **options))))]


@pytest.mark.parametrize("seed", range(3))
def test_groups_whose_targets_tell_those_held_out_are_a_warning_without_being_named(seed):
    assert overlap(patients(True, seed=seed)) == ["warning"]
    assert overlap(patients(True, "PatientID", seed=seed)) == ["warning"]
    assert overlap(patients(False, seed=seed)) == ["note"]
    assert overlap(patients(True, apart=True, seed=seed)) == []


def test_two_splits_that_count_their_own_groups_are_no_warning():
    parts, others = patients(True), patients(True, seed=1)
    assert overlap({"train": parts["train"], "val": others["val"]}) == ["note"]


def test_users_with_a_taste_are_no_warning():
    random = np.random.default_rng(0)
    who = np.repeat(np.arange(100), 20)
    likes = (random.normal(size=100)[who] + 1.5 * random.normal(size=2000) > 0).astype(int)
    rows = random.permutation(2000)
    parts = {
        split: (random.normal(size=(len(r), 2)), likes[r], {"user_id": who[r]})
        for split, r in (("train", rows[:1500]), ("val", rows[1500:]))
    }
    assert overlap(parts) == ["note"]


def test_a_split_in_time_meets_the_same_customers_again():
    random = np.random.default_rng(0)
    who, day = np.tile(np.arange(60), 20), np.repeat(np.arange(20.0), 60)
    sales = 10.0 * (who % 7) + random.normal(size=1200)
    values = np.stack([random.normal(size=1200), day], axis=1)
    parts = {
        split: (values[r], sales[r], {"customer": who[r]})
        for split, r in (("train", slice(0, 900)), ("val", slice(900, None)))
    }
    assert overlap(parts, task="regression") == ["note"]
    order = random.permutation(1200)
    mixed = {
        split: (values[order[r]], sales[order[r]], {"customer": who[order[r]]})
        for split, r in (("train", slice(0, 900)), ("val", slice(900, None)))
    }
    assert overlap(mixed, task="regression") == ["warning"]


@pytest.mark.parametrize("seed", range(2))
def test_splits_that_differ_are_no_random_parts(seed):
    parts = patients(True, seed=seed)
    values, labels, facts = parts["val"]
    parts["val"] = (values + np.array([1.5, 0.0]), labels, facts)
    assert overlap(parts) == ["note"]


def test_a_group_that_is_the_class_is_no_warning():
    random = np.random.default_rng(0)
    who = random.permutation(np.repeat(np.arange(30), 20))
    parts = {
        split: (random.normal(size=(len(who[r]), 2)), who[r], {"speaker": who[r]})
        for split, r in (("train", slice(0, 400)), ("val", slice(400, None)))
    }
    assert overlap(parts, task="classification") == ["note"]
