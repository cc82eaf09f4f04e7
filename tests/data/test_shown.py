"""Single samples, read again and made fit for a browser."""

import io
import json
import wave
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Shard
from netvet.data.fetch import KEPT, Sample, Samples
from netvet.data.readers import Wanted, open_source
from netvet.data.scan import scan
from netvet.data.shown import LONGEST_SIDE, shown


@dataclass
class Numbers:
    """Samples 0, 1, 2, ... in shards of 10, of which every fourth cannot be read; nobody says how many are left."""

    kind: str = "tensor"
    name: str = "numbers"
    here_only: bool = True
    read_shards: list = field(default_factory=list)

    def shards(self):
        return [Shard(s, n, 10 * n, None, "") for s in ("train", "val") for n in range(3)]

    def read(self, shard):
        self.read_shards.append((shard.split, shard.number))
        left = [i for i in range(shard.first, shard.first + 10) if i % 4]
        for part in (left[:3], left[3:]):
            value = np.array(part, dtype=np.float64) + (1000 if shard.split == "val" else 0)
            yield Chunk([f"n{i}" for i in part], value[:, None], attributes={"half": value / 2})

    def problems(self):
        return ()


def test_samples_are_those_of_the_rows_of_an_audit():
    source = Numbers()
    rows = scan(source)[0]
    samples = Samples(source, None)
    for split in ("val", "train"):
        for i in (0, 6, 7, 8, 14, 21):
            assert samples.get(split, i).input == rows[split].features[i]
            assert samples.get(split, i).attributes["half"] == rows[split].features[i] / 2


def test_shards_that_were_counted_are_not_read_again(tmp_path):
    source = Numbers()
    scan(source, folder=tmp_path)
    source.read_shards.clear()
    samples = Samples(source, tmp_path, [("val", 20), ("val", 21)])
    assert samples.get("val", 21).input == 1029
    assert samples.get("val", 20).input == 1027
    assert source.read_shards == [("val", 2)]


def test_all_that_is_wanted_of_a_shard_is_kept():
    source = Numbers()
    samples = Samples(source, None, [("train", i) for i in range(7)])
    for i in range(7):
        samples.get("train", i)
    assert source.read_shards.count(("train", 0)) == 2  # to count, and to read


def test_memory_is_bounded(tmp_path):
    x = np.arange(1000.0).reshape(-1, 1)
    np.savez(tmp_path / "a.npz", x=x)
    source = open_source(Wanted({"": tmp_path / "a.npz"}))
    samples = Samples(source, None, [("data", i) for i in range(1000)])
    for i in (0, 999, 500):
        assert samples.get("data", i).input == i
    assert len(samples._kept) <= KEPT


@pytest.mark.parametrize(("split", "number"), [("train", 22), ("test", 0)])
def test_samples_that_are_not_there_are_one_error(split, number):
    with pytest.raises(NetvetError, match="audit"):
        Samples(Numbers(), None).get(split, number)


def picture(kind, array):
    found = shown(kind, Sample(array, {}))
    assert (found.form, found.media_type) == ("picture", "image/png")
    return np.asarray(Image.open(io.BytesIO(found.body)))


@pytest.mark.parametrize("shape", [(6, 5, 3), (6, 5), (6, 5, 1)])
def test_images_are_shown_as_they_are(shape):
    array = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(picture("image", array), array.squeeze())


def test_large_images_are_scaled_down():
    assert max(picture("image", np.zeros((2 * LONGEST_SIDE, 10, 3), np.uint8)).shape) == LONGEST_SIDE


@pytest.mark.parametrize("shape", [(3, 8, 9), (8, 9, 3), (8, 9), (1, 8, 9), (4, 8, 9)])
def test_tensors_that_are_pictures_go_from_black_to_white(shape):
    array = np.random.default_rng(0).normal(size=shape)
    array.flat[0] = np.nan
    found = picture("tensor", array)
    assert found.shape[:2] == (8, 9)
    assert (found.min(), found.max()) == (0, 255) or shape == (4, 8, 9)


def test_other_tensors_are_a_table_of_their_values():
    found = shown("tensor", Sample(np.array([1.5, np.nan, -2.0]), {}))
    assert (found.form, json.loads(found.body)) == ("table", [["0", "1.5"], ["1", ""], ["2", "-2"]])


def test_long_ones_are_cut():
    assert json.loads(shown("tensor", Sample(np.zeros(2000), {})).body)[-1] == ["...", ""]
    assert b"(30,000 characters)" in shown("text", Sample("x" * 30_000, {})).body


def test_rows_of_tables_and_texts_are_data():
    found = shown("table", Sample({"<b>": "<script>", "age": 3.0, "town": None}, {}))
    assert json.loads(found.body) == [["<b>", "<script>"], ["age", "3"], ["town", ""]]
    assert shown("text", Sample("<script>\ud800", {})).body == b"<script>?"
    assert shown("tokens", Sample(np.array([3, 1, 2]), {})).body == b"3 1 2"


def test_sounds_are_wav():
    sound = np.stack([np.linspace(-1, 1, 100), np.zeros(100)], 1)
    found = shown("audio", Sample(sound, {"sample rate": np.float64(8000)}))
    with wave.open(io.BytesIO(found.body)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 100)
        frames = np.frombuffer(file.readframes(100), "<i2").reshape(-1, 2)
    np.testing.assert_allclose(frames / 32_767, sound, atol=1e-4)
