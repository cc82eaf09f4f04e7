"""Copies, near copies and what is equal by chance."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from netvet.data.chunks import Chunk
from netvet.data.describe import describe
from netvet.data.faults import NotAssessable, duplicates
from netvet.data.faults.pool import Pool, by_chance, pool_of
from netvet.data.index import Audited, splits_of


def audited(kind, targets=None, **inputs):
    rows = {}
    for name, values in inputs.items():
        aimed = None if targets is None else np.asarray(targets[name])
        rows[name] = describe(kind, Chunk([f"{name}{i}" for i in range(len(values))], values, aimed))
    splits, classes = splits_of(rows)
    return Audited(kind, "data", splits, classes)


def points(samples, width=6, seed=0):
    return np.random.default_rng(seed).normal(size=(samples, width))


def only(records):
    (record,) = records
    return record


def test_copies_are_counted_and_named():
    train = points(100)
    train[[5, 7]] = train[3]
    record = only(duplicates.samples(audited("tensor", train=train)))
    assert (record["train_seen"], record["train"], record["duplicates"]) == (100, 98, 2)
    assert record["duplicate_keys"] == [["train3", "train5"], ["train3", "train7"]]
    assert record["by_chance"] is False
    assert record["marked"]["duplicate"]["train"].tolist() == [3, 5, 7]


def test_overlap_is_counted_for_each_held_out_split():
    train, val, test = points(100), points(50, seed=1), points(50, seed=2)
    val[:5] = train[:5]
    val[5] = train[0]
    first, second = duplicates.samples(audited("tensor", train=train, val=val, test=test))
    assert (first["split"], first["overlap"], first["eval"]) == ("val", 6, 50)
    assert first["overlap_keys"][0] == ["val: val0", "train: train0"]
    assert (second["split"], second["overlap"]) == ("test", 0)
    assert first["marked"]["overlap"]["val"].tolist() == [0, 1, 2, 3, 4, 5]


def test_inputs_with_several_targets_are_counted():
    train = points(60)
    train[1], train[3] = train[0], train[2]
    record = only(duplicates.samples(audited("tensor", {"train": [0, 1] + [0] * 29 + [1] * 29}, train=train)))
    assert record["conflicting"] == 1


def test_without_training_data_nothing_is_said():
    with pytest.raises(NotAssessable, match="train"):
        duplicates.samples(audited("tensor", a=points(30), b=points(30)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("values", [(3, 5), (2, 12), (4, 4)])
def test_few_discrete_values_meet_by_chance(values, seed):
    choices, width = values
    data = audited("tensor", train=np.random.default_rng(seed).integers(0, choices, (800, width)))
    assert by_chance(data, pool_of(data))


@pytest.mark.parametrize("seed", range(3))
def test_sparse_features_meet_by_chance(seed):
    data = audited("tensor", train=np.random.default_rng(seed).random((800, 40)) < 0.05)
    assert by_chance(data, pool_of(data))


@pytest.mark.parametrize("share", [0.002, 0.1, 0.4])
def test_copied_rows_of_measured_numbers_are_no_chance(share):
    train = points(1000).round(2)
    train[: int(share * 1000)] = train[-int(share * 1000) :]
    data = audited("tensor", train=train)
    assert not by_chance(data, pool_of(data))


def test_near_copies_are_found_within_and_between_splits():
    train, test = points(400, 10), points(200, 10, seed=1)
    train[10] = train[0] + 0.001
    test[0] = train[1] - 0.001
    test[1] = train[2]
    within, between = duplicates.near(audited("tensor", train=train, test=test))
    assert (within["split"], within["other"], within["samples"]) == ("train", None, 1)
    assert within["examples"][0]["samples"] == ["train: train0", "train: train10"]
    assert (between["split"], between["other"], between["samples"]) == ("test", "train", 1)
    assert within["marked"]["near duplicate"]["test"].tolist() == [0]


@pytest.mark.parametrize("width", [2, 3, 8, 30])
@pytest.mark.parametrize("seed", range(4))
def test_clean_points_of_any_dimension_have_no_near_copies(width, seed):
    assert sum(r["samples"] for r in duplicates.near(audited("tensor", train=points(600, width, seed)))) <= 1


def test_many_near_copies_do_not_hide_themselves():
    train = points(1000, 10)
    train[:150] = train[-150:] + 0.002 * points(150, 10, seed=1)
    record = only(duplicates.near(audited("tensor", train=train)))
    assert record["samples"] >= 145


def test_edited_texts_are_near_and_others_not():
    pytest.importorskip("rensa")
    generator = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(3000)])
    texts = [" ".join(generator.choice(words, 60)) for _ in range(200)]
    edited = texts[0].split()
    edited[30] = "another"
    texts[100] = " ".join(edited)
    record = only(duplicates.near(audited("text", train=texts)))
    assert record["examples"][0]["samples"] == ["train0", "train100"]
    assert record["samples"] == 1


def test_short_texts_are_equal_by_chance():
    pytest.importorskip("rensa")
    record = only(duplicates.samples(audited("text", train=["yes"] * 50 + ["no"] * 50)))
    assert record["duplicates"] == 0


def test_images_are_known_again_when_lighter_or_compressed():
    generator = np.random.default_rng(0)
    coarse = generator.random((120, 8, 8, 3))
    images = (np.kron(coarse, np.ones((1, 6, 6, 1))) * 200).astype(np.uint8)
    images[60] = np.clip(images[0] * 1.1 + 3, 0, 255).astype(np.uint8)
    images[61] = np.clip(images[1] + generator.normal(0, 3, images[1].shape), 0, 255).astype(np.uint8)
    record = only(duplicates.near(audited("image", train=images)))
    assert sorted(e["samples"] for e in record["examples"]) == [["train0", "train60"], ["train1", "train61"]]


def textured(count, side, seed=0):
    """Different images of coarse boxes, smooth enough to be moved."""
    coarse = np.random.default_rng(seed).integers(0, 200, (count, 7, 7, 1))
    fine = np.kron(coarse, np.ones((1, side // 7 + 1, side // 7 + 1, 1)))[:, :side, :side]
    return ((fine + np.roll(fine, 1, 1) + np.roll(fine, 1, 2)) / 3).astype(np.uint8)


def zoomed(one, margin):
    image = pytest.importorskip("PIL.Image")
    size = one.shape[1], one.shape[0]
    inner = image.fromarray(one[margin:-margin, margin:-margin, 0])
    return np.asarray(inner.resize(size))[..., None]


@pytest.mark.parametrize("side", [14, 28, 56])
def test_images_are_known_again_when_shifted_and_cropped(side):
    images = textured(200, side)
    images[100] = np.pad(images[0], ((1, 0), (1, 0), (0, 0)), mode="edge")[:-1, :-1]
    images[101] = zoomed(images[1], 1)
    images[102] = np.pad(images[2], ((0, 1), (2, 0), (0, 0)), mode="edge")[1:, :-2]
    found = duplicates.near(audited("image", train=images))
    marked = {name: splits["train"].tolist() for name, splits in found[0]["marked"].items()}
    assert sorted(number for numbers in marked.values() for number in numbers) == [0, 1, 2, 100, 101, 102]
    assert len(marked["near duplicate"]) >= 4


@pytest.mark.parametrize("seed", range(3))
def test_different_images_are_no_near_duplicates(seed):
    found = duplicates.near(audited("image", train=textured(300, 28, seed)))
    assert not [r for r in found if r["samples"]]
    assert sum(r["possible"] for r in found) <= 2


def test_boxes_of_other_brightness_are_not_one_image():
    images = textured(100, 28)
    for number, light in ((10, 80), (60, 220)):
        images[number] = 0
        images[number, 8 + number // 20 :, 6:] = light
    found = duplicates.near(audited("image", train=images))
    assert not [r for r in found if r["samples"]]


def test_possible_near_duplicates_are_listed_apart_from_sure_ones():
    digits = (load_digits().images * 15.9).astype(np.uint8)[..., None]
    (record,) = duplicates.near(audited("image", train=digits))
    assert record["samples"] == 0
    assert set(record["marked"]) == {"possible near duplicate"}
    marked = record["marked"]["possible near duplicate"]["train"].tolist()
    assert len(marked) <= 10
    nearest = record["possible_examples"][0]["samples"]
    assert nearest == [f"train{number}" for number in sorted(marked[:2])]


def priced(count, seed=0):
    """Rows of things on sale: many alike, all numbers rounded, most made of the first."""
    draw = np.random.default_rng(seed)
    size = np.round(draw.choice([0.3, 0.5, 0.7, 1.0, 1.5], count) + np.abs(draw.normal(0, 0.05, count)), 2)
    noise = draw.normal(size=(count, 4))
    sides = np.round(6.5 * np.cbrt(size)[:, None] + 0.03 * noise[:, :3], 2)
    return np.column_stack([size, sides, np.round(4000 * size**1.6 * (1 + 0.1 * noise[:, 3]))])


@pytest.mark.parametrize("seed", range(3))
def test_a_jittered_row_in_a_crowd_is_near_and_others_are_not(seed):
    rows = priced(3000, seed)
    before = sum(r["samples"] for r in duplicates.near(audited("tensor", train=rows)))
    assert before <= 4
    rows[2000] = rows[7] + 1e-3 * rows.std(axis=0) * np.array([1, -1, 0.5, -0.7, 1])
    record = only(duplicates.near(audited("tensor", train=rows)))
    found = {tuple(e["samples"]) for e in record["examples"]}
    assert ("train7", "train2000") in found
    assert record["samples"] <= 5


@pytest.mark.parametrize("seed", range(3))
def test_rows_on_a_surface_are_no_near_copies(seed):
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(3000, 2)) @ draw.normal(size=(2, 8))
    assert sum(r["samples"] for r in duplicates.near(audited("tensor", train=rows))) <= 1


def test_a_pool_numbers_samples_of_all_splits_through():
    data = audited("tensor", train=points(5), test=points(3, seed=1))
    pool = Pool.of(tuple(data.splits.values()))
    assert [pool.key(i) for i in (0, 4, 5, 7)] == ["train: train0", "train: train4", "test: test0", "test: test2"]
    assert pool.starts.tolist() == [0, 5, 8]


def test_copies_of_nearly_all_samples_made_before_the_split_are_found():
    random = np.random.default_rng(0)
    clean = load_digits().images.reshape(-1, 64)[:800] / 16
    noisy = np.clip(clean + random.normal(0, 0.03, clean.shape), 0, 1)
    pool = np.concatenate([clean, noisy, np.clip(clean * 1.1, 0, 1)])[random.permutation(2400)]
    data = audited("tensor", train=pool[:1900], val=pool[1900:])
    (shared,) = [r for r in duplicates.near(data) if r["other"]]
    assert shared["share"] > 0.7
    alone = audited("tensor", train=clean[:600], val=clean[600:])
    assert [r for r in duplicates.near(alone) if r["share"] >= 0.05] == []


def test_blank_images_are_no_copies_and_no_conflict():
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    images[[3, 9, 20]] = 0
    data = audited("image", {"train": np.arange(40) % 2}, train=list(images))
    record = only(duplicates.samples(data))
    assert (record["duplicates"], record["conflicting"]) == (0, 0)
