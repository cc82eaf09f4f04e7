"""Files of tokens: windows of both sizes, what a vocabulary lacks, what is repeated."""

import numpy as np
import pytest

from netvet.core import NetvetError
from netvet.data.audit import Options, audit
from netvet.data.readers import Wanted, open_source, tokens
from netvet.data.scan import scan


def write(path, values, dtype):
    np.asarray(values, dtype=dtype).tofile(path)


def source(path, **paths):
    return open_source(Wanted({"train": path, **paths}))


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@pytest.mark.parametrize("size", [4, 65, 300, 50_257])
def test_both_sizes_of_tokens_are_told_apart(size, dtype, tmp_path):
    values = np.random.default_rng(0).integers(0, size, 10_000)
    write(tmp_path / "train.bin", values, dtype)
    found = list(source(tmp_path / "train.bin").read(source(tmp_path / "train.bin").shards()[0]))
    assert np.concatenate([c.inputs.ravel() for c in found]).tolist() == values.tolist()


def test_large_vocabularies_are_of_32_bits(tmp_path):
    values = np.random.default_rng(0).integers(0, 128_256, 10_000)
    write(tmp_path / "train.bin", values, np.uint32)
    assert source(tmp_path / "train.bin").files[0].dtype == "<u4"


@pytest.mark.parametrize("count", [1, 255, 256, 257, 5000])
def test_no_token_is_lost_however_the_file_is_cut(count, tmp_path, monkeypatch):
    values = np.random.default_rng(0).integers(0, 1000, count)
    write(tmp_path / "train.bin", values, np.uint16)
    monkeypatch.setattr(tokens, "SHARD", 3)
    monkeypatch.setattr(tokens, "CHUNK", 2)
    made = source(tmp_path / "train.bin")
    chunks = [chunk for shard in made.shards() for chunk in made.read(shard)]
    assert np.concatenate([c.inputs.ravel() for c in chunks]).tolist() == values.tolist()
    rows, _, sketches = scan(made)
    assert len(rows["train"]) == -(-count // 256)
    assert rows["train"].attributes["highest token"].max() == values.max()
    assert sketches["train"].columns["token"].count == count


def test_an_array_file_of_one_row_of_whole_numbers_holds_tokens(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(1000, dtype=np.int64) % 50)
    assert source(tmp_path / "a.npy").kind == "tokens"
    np.save(tmp_path / "b.npy", np.zeros((1000, 3)))
    assert source(tmp_path / "b.npy").kind == "tensor"


def test_the_share_of_the_commonest_and_the_different_tokens_are_counted(tmp_path):
    write(tmp_path / "train.bin", [7] * 192 + list(range(10, 74)) + [1, 2], np.uint16)
    rows = scan(source(tmp_path / "train.bin"))[0]["train"]
    assert rows.attributes["share of the commonest token"].tolist() == [0.75, 0.5]
    assert rows.attributes["different tokens"].tolist() == [65, 2]


def test_repeated_windows_have_equal_prints(tmp_path):
    window = np.random.default_rng(0).integers(0, 1000, 256)
    write(tmp_path / "train.bin", np.concatenate([window, window + 1, window]), np.uint16)
    prints = scan(source(tmp_path / "train.bin"))[0]["train"].prints
    assert prints[0] == prints[2] != prints[1]


def test_tokens_that_a_vocabulary_lacks_are_counted_in_windows(tmp_path):
    values = np.zeros(2560, int)
    values[[5, 6, 600]] = 65
    write(tmp_path / "train.bin", values, np.uint16)
    for size, outside, examples in ((65, 2, ["0", "2"]), (66, 0, []), (None, 0, [])):
        found = audit(source(tmp_path / "train.bin"), Options(facts={"vocabulary": size} if size else {}))
        (record,) = found.signals["data_tokens"]
        assert (record["outside"], record["examples"], record["high"]) == (outside, examples, 65)
        assert (record["tokens"], record["distinct"]) == (2560, 2)


def test_bytes_after_the_last_token_are_a_problem(tmp_path):
    write(tmp_path / "train.bin", range(1000), np.uint16)
    with (tmp_path / "train.bin").open("ab") as file:
        file.write(b"x")
    data = audit(source(tmp_path / "train.bin"), Options()).data
    assert [p.what for p in data.splits["train"].rows.problems] == ["truncated"]


@pytest.mark.parametrize(("name", "content"), [("a.bin", b""), ("a.bin", b"x")])
def test_a_file_without_tokens_is_one_clear_line(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NetvetError, match="expected tokens"):
        source(tmp_path / name)
