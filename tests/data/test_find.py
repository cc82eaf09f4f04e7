"""Search for samples by what is known of them."""

import numpy as np
import pytest

from netvet.core import NetvetError
from netvet.data.find import find, mentions_findings
from netvet.data.index import Audited, Rows, splits_of

SUSPECTS = {"label error": {"train": [1, 3]}, "near duplicate": {"train": np.array([3]), "val": [0]}}


def rows(count, labels, **attributes):
    prints = np.arange(count, dtype=np.uint64)
    features = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    keys = [f"img/{i}.png" for i in range(count)]
    return Rows(keys, prints, features, np.zeros((count, 0), np.uint64), attributes, np.array(labels), ("age", "sex"))


def audited(labels=(3, 1, 3, 1, 3), held=(1, 3)):
    train = rows(
        5, labels, brightness=np.array([0.05, 0.2, 0.5, np.nan, 0.01]), **{"file bytes": np.arange(5.0)},
        camera=np.array(["a", "b", None, "a b", "c"], dtype=object),
    )  # fmt: skip
    val = rows(2, held, brightness=np.array([0.3, 0.02]))
    splits, classes = splits_of({"train": train, "val": val})
    return Audited("image", "pictures", splits, classes)


def keys(expression, **how):
    return [f"{row[0]} {row[1][4]}" for row in find(audited(), SUSPECTS, expression, **how).rows]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("label == 3 and brightness < 0.1", ["train 0", "train 4", "val 1"]),
        ("label == '3' and not split == 'val'", ["train 0", "train 2", "train 4"]),
        ("0.1 < brightness <= 0.3", ["train 1", "val 0"]),
        ("brightness == None", ["train 3"]),
        ("label in (2, 3) and split in ['val']", ["val 1"]),
        ("'file bytes' >= 3", ["train 3", "train 4"]),
        ("file_bytes >= 3", ["train 3", "train 4"]),
        ("camera == 'a'", ["train 0"]),
        ("'a' in camera", ["train 0", "train 3"]),
        ("camera != 'a' and split == 'train'", ["train 1", "train 2", "train 3", "train 4"]),
        ("camera == None and split == 'train'", ["train 2"]),
        ("age > 7 or sample < -1", ["train 4"]),
        ("finding == 'label-errors'", ["train 1", "train 3"]),
        ("'duplicate-samples' in finding", ["train 3", "val 0"]),
        ("finding in ('label-errors', 'duplicate-samples')", ["train 1", "train 3", "val 0"]),
        ("finding and label == 1", ["train 1", "train 3", "val 0"]),
        ("finding == ''", ["train 0", "train 2", "train 4", "val 1"]),
        ("finding == 'near duplicate'", ["train 3", "val 0"]),
        ("finding == 'outlier-samples'", []),
    ],
)
def test_samples_for_which_it_holds(expression, expected):
    assert keys(expression) == expected


def test_order_has_unknown_values_last_both_ways():
    assert keys("split == 'train'", sort="brightness") == ["train 4", "train 0", "train 1", "train 2", "train 3"]
    assert keys("split == 'train'", sort="-brightness") == ["train 2", "train 1", "train 0", "train 4", "train 3"]
    assert keys("split == 'train'", sort="-camera") == ["train 4", "train 1", "train 3", "train 0", "train 2"]


@pytest.mark.parametrize("expression", ["possible label error", "finding == 'possible label error' and age >= 0"])
def test_samples_of_one_finding_come_as_it_lists_them(expression):
    listed = {**SUSPECTS, "possible label error": {"train": [4, 0, 2], "val": [1]}}
    assert mentions_findings(expression, "", [])
    assert [f"{r[0]} {r[1][4]}" for r in find(audited(), listed, expression).rows] == [
        "train 4", "train 0", "train 2", "val 1",
    ]  # fmt: skip
    assert find(audited(), listed, expression, sort="age").rows[0][1] == "img/0.png"


def test_possible_findings_are_none_unless_they_are_named():
    listed = {"possible label error": {"train": [4]}}
    assert find(audited(), listed, "finding").count == 0
    assert find(audited(), listed, "label-errors").count == 0


def test_limit_is_of_all_splits_together_and_all_are_counted():
    found = find(audited(), SUSPECTS, "brightness < 1", sort="brightness", limit=2)
    assert [row[1] for row in found.rows] == ["img/4.png", "img/1.png"]
    assert (found.count, found.total) == (6, 7)


def test_columns_that_are_named_are_shown_once():
    found = find(audited(), SUSPECTS, "finding and age > 1", sort="brightness", show=["sex", "age", "file bytes"])
    assert found.names == ("split", "key", "label", "sex", "age", "file bytes", "brightness", "finding")
    assert found.rows == (
        ("train", "img/1.png", 1.0, 3.0, 2.0, 1.0, 0.2, "label error"),
        ("train", "img/3.png", 1.0, 7.0, 6.0, 3.0, None, "label error, near duplicate"),
    )


def test_cells_hold_what_is_known():
    (row,) = find(audited(), SUSPECTS, "sample == 3", show=["brightness", "camera", "finding"]).rows
    assert row == ("train", "img/3.png", 1.0, None, "a b", "label error, near duplicate", 3.0)


def test_names_of_classes_are_texts_unless_all_are_numbers():
    data = audited(labels=["cat", "dog", "cat", "3", "dog"], held=["cat", "dog"])
    assert len(find(data, {}, "label == 'cat'").rows) == 3
    assert len(find(data, {}, "label == 3").rows) == 1


def test_unknown_name_is_told_with_all_that_are_known():
    with pytest.raises(
        NetvetError, match=r"'brightnes'; did you mean brightness\? \(known: age, brightness, camera"
    ) as e:
        find(audited(), {}, "brightnes < 0.1")
    assert "\n" not in str(e.value)
    for how in ({"sort": "-nothing"}, {"show": ["nothing"]}):
        with pytest.raises(NetvetError, match="'nothing'"):
            find(audited(), {}, **how)


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')", "label.real == 3", "label + 1 == 3", "label", "3", "label == 3 if 1 else 2",
        "[x for x in 'ab'] == 3", "label[0] == 3", "lambda: 3", "(label := 3) == 3", "f'{label}' == '3'", "label is 3",
        "finding < 3", "label == b'3'", "label == 1j", "finding == label", "'a' in (1, 2)", "3 in camera",
    ],
)  # fmt: skip
def test_all_else_is_refused(expression):
    with pytest.raises(NetvetError):
        find(audited(), SUSPECTS, expression)


@pytest.mark.parametrize("expression", ["label ==", "label = 3", "(" * 500, "a\0b", "x" * 3000])
def test_what_cannot_be_read_is_one_line(expression):
    with pytest.raises(NetvetError) as error:
        find(audited(), SUSPECTS, expression)
    assert "expected" in str(error.value)


def test_unknown_check_and_order_of_texts_are_refused():
    with pytest.raises(NetvetError, match="'label-eror': no such finding"):
        find(audited(), SUSPECTS, "finding == 'label-eror'")
    with pytest.raises(NetvetError, match="no order"):
        find(audited(), SUSPECTS, "camera < 3")


def test_findings_are_looked_for_only_where_they_are_named():
    assert mentions_findings("finding == 'x'", "", ())
    assert mentions_findings("", "", ("finding",))
    assert mentions_findings("possible outlier", "", ())
    assert not mentions_findings("label == 3", "loss", ("brightness",))


def test_possible_outliers_are_found_by_their_name_alone():
    suspects = {"outlier": {"train": [0]}, "possible outlier": {"train": [2]}}

    def found(expression):
        return [row[1] for row in find(audited(), suspects, expression).rows]

    assert found("possible outlier") == found("finding == 'possible outlier'") == ["img/2.png"]
    assert found("outlier-samples") == found("finding and split == 'train'") == ["img/0.png"]
    assert "img/2.png" in found("finding == ''")
    assert find(audited(), SUSPECTS, "possible outlier").rows == ()


def test_the_names_of_findings_are_told_where_one_is_not_known():
    with pytest.raises(NetvetError, match="possible outlier"):
        find(audited(), SUSPECTS, "finding == 'possible outliers'")


def test_possible_near_duplicates_are_found_by_their_name_alone():
    suspects = {**SUSPECTS, "possible near duplicate": {"train": np.array([4, 0])}}
    found = find(audited(), suspects, "possible near duplicate")
    assert found.count == 2
    assert {row[1] for row in found.rows} == {"img/4.png", "img/0.png"}
    assert find(audited(), SUSPECTS, "possible near duplicate").count == 0
    assert mentions_findings("possible near duplicate", "", ())
    assert find(audited(), suspects, 'finding == "duplicate-samples"').count == 2
