"""Records and pictures of what enters a net."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from netvet.core import NetvetError
from netvet.data.net_inputs import Shown, net_inputs


class Named:
    classes = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Tokenizer:
    def get_vocab(self):
        return {"good": 0, "bad": 1, "film": 2}


class Texts:
    def __init__(self):
        self.tokenizer = Tokenizer()


def test_pictures_have_a_sheet_with_their_classes_names(tmp_path):
    digits = load_digits()
    values = digits.images[:20, None].astype(np.float32) / 16
    record = net_inputs([Shown("train", values, digits.target[:20], (Named(),))], tmp_path / "p")[0]
    assert (record["kind"], record["layout"], record["colours"]) == ("picture", "CHW", "grey")
    assert [e["label"] for e in record["examples"][:3]] == ["zero", "one", "two"]
    with Image.open(record["file"]) as sheet:
        first = np.asarray(sheet)[6 : 6 + 96 : 12, 6 : 6 + 96 : 12, 0]
    np.testing.assert_array_equal(first, np.round(values[0, 0] * 255))


def test_tokens_are_words_of_the_vocabulary_behind_the_data_set(tmp_path):
    ids = np.array([[0, 2, 1], [1, 1, 2]])
    record = net_inputs([Shown("val", ids, [1, 0], (Texts(),))], tmp_path)[0]
    assert (record["kind"], record["vocabulary"]) == ("tokens", 3)
    assert (tmp_path / "val.txt").read_text() == "1\tgood film bad\n0\tbad bad film\n"


def test_tables_are_curves_and_numbers_and_nothing_is_guessed_of_them(tmp_path):
    values = np.random.default_rng(0).normal(size=(9, 5))
    values[2, 1] = np.nan
    record = net_inputs([Shown("train", values)], tmp_path)[0]
    assert (record["kind"], record["normalisation"], record["vocabulary"]) == ("numbers", None, None)
    assert (tmp_path / "train.png").exists()


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NetvetError, match="--pictures"):
        net_inputs([Shown("train", np.zeros((2, 3)))], tmp_path / "file" / "below")
