"""Tables: every form gives the same rows, cut wherever; what is broken is told and costs nothing else."""

import csv
import io
import pickle
import random

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet
from sklearn import datasets

from netvet.core import NetvetError
from netvet.data.readers import Wanted, csv_ranges, open_source
from netvet.data.scan import scan

WORDS = ["plain", "two\nlines", 'a "quoted" word', "a,b", "", "Grüße"]


def table(rows=3000, seed=0):
    draw = np.random.default_rng(seed)
    return pa.table(
        {
            "id": np.arange(rows),
            "x": draw.normal(size=rows),
            "n": draw.integers(0, 9, rows),
            "word": [WORDS[i] or None for i in draw.integers(0, len(WORDS), rows)],
            "flag": draw.integers(0, 2, rows) > 0,
            "when": [f"2024-01-{1 + i % 28:02} 10:00:00" for i in range(rows)],
            "who": [f"p{i}" for i in draw.integers(0, 50, rows)],
            "label": [("cat", "dog")[i] for i in draw.integers(0, 2, rows)],
        }
    )


def as_csv(rows, path, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(rows.column_names)
        writer.writerows(zip(*(rows.column(n).to_pylist() for n in rows.column_names), strict=True))


def as_stream(rows, path):
    with path.open("wb") as file, ipc.new_stream(file, rows.schema) as writer:
        for batch in rows.to_batches(max_chunksize=700):
            writer.write_batch(batch)


FORMS = {
    "a.csv": as_csv,
    "a.tsv": lambda rows, path: as_csv(rows, path, "\t"),
    "semicolon.csv": lambda rows, path: as_csv(rows, path, ";"),
    "a.parquet": lambda rows, path: parquet.write_table(rows, path, row_group_size=700),
    "a.feather": lambda rows, path: feather.write_feather(rows, path, chunksize=700),
    "a.arrow": as_stream,
    "a.jsonl": lambda rows, path: path.write_text("".join(f"{one}\n" for one in map(to_json, rows.to_pylist()))),
}


def to_json(one):
    import json

    return json.dumps(one, ensure_ascii=False)


def read(path, **wanted):
    source = open_source(Wanted({"train": path} if not isinstance(path, dict) else path, **wanted))
    return source, scan(source)[0]


def assert_same(a, b):
    assert np.array_equal(a.prints, b.prints)
    assert np.array_equal(a.features, b.features, equal_nan=True)
    assert a.targets.tolist() == b.targets.tolist()
    assert a.names == b.names
    for name, values in a.attributes.items():
        assert values.tolist() == b.attributes[name].tolist(), name


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_rows(name, tmp_path):
    rows = table()
    FORMS[name](rows, tmp_path / name)
    parquet.write_table(rows, tmp_path / "whole.parquet")
    columns = {"time": "when", "group": "who"}
    source, found = read(tmp_path / name, columns=columns)
    _, whole = read(tmp_path / "whole.parquet", columns=columns)
    assert_same(found["train"], whole["train"])
    assert source.kind == "table"
    assert found["train"].names == ("x", "n", "word", "flag")
    assert found["train"].categorical == ("word",)
    assert np.array_equal(found["train"].features[:, 0], np.float32(rows["x"].to_numpy()))
    assert set(found["train"].attributes) == {"time", "group", "id"}
    assert found["train"].attributes["time"][0] == 1704103200.0
    assert found["train"].targets.tolist() == rows["label"].to_pylist()
    assert found["train"].keys is None
    assert not found["train"].problems
    assert pickle.loads(pickle.dumps(source)) == source


@pytest.mark.parametrize("size", [60, 97, 1000, 20_000])
def test_a_csv_cut_anywhere_keeps_its_rows_whole(size, tmp_path, monkeypatch):
    as_csv(table(400), tmp_path / "a.csv")
    _, whole = read(tmp_path / "a.csv")
    monkeypatch.setattr(csv_ranges, "RANGE", size)
    source, cut = read(tmp_path / "a.csv")
    assert len(source.shards()) > 1
    assert_same(cut["train"], whole["train"])
    assert [s.first for s in source.shards()] == np.cumsum([0, *map(len_of(source), source.shards()[:-1])]).tolist()


def len_of(source):
    return lambda shard: sum(len(chunk) for chunk in source.read(shard))


def test_ranges_end_where_rows_end_whatever_is_quoted(tmp_path):
    draw = random.Random(0)
    for case in range(30):
        rows = [[draw.choice(WORDS), draw.choice(WORDS), str(i)] for i in range(draw.randint(1, 60))]
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=draw.choice(["\n", "\r\n"])).writerows([["a", "b", "c"], *rows])
        path = tmp_path / f"{case}.csv"
        path.write_bytes(text.getvalue().encode())
        dialect = csv_ranges.dialect_of(path)
        content, found = path.read_bytes(), []
        for part in csv_ranges.ranges(path, dialect, draw.randint(20, 200)):
            assert part.row == len(found)
            found += csv.reader(io.StringIO(content[part.begin : part.end].decode(), newline=""))
        assert found == rows


def test_quotation_marks_that_stand_for_themselves_cost_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_ranges, "RANGE", 64)
    lines = [f'{i},{i % 7}" disk,{i % 3}' for i in range(101)]
    (tmp_path / "a.csv").write_text("x,name,y\n" + "\n".join(lines) + "\n")
    _, found = read(tmp_path / "a.csv")
    assert len(found["train"]) == 101


def test_rows_with_too_few_or_too_many_values_are_told_by_their_number(tmp_path, monkeypatch):
    lines = [f"{i * i % 97},{i % 5},{i % 2}" for i in range(200)]
    lines[7], lines[150] = "1,2", "1,2,3,4"
    (tmp_path / "a.csv").write_text("a,b,label\n" + "\n".join(lines))
    for size in (8 << 20, 100):
        monkeypatch.setattr(csv_ranges, "RANGE", size)
        rows = read(tmp_path / "a.csv")[1]["train"]
        assert [(p.key, p.what) for p in rows.problems] == [("7", "broken row"), ("150", "broken row")]
        assert len(rows) == 198
        assert rows.keys[7] == "8"
        assert rows.keys[148:150] == ["149", "151"]


def test_a_word_in_a_column_of_numbers_is_a_problem_of_its_row(tmp_path):
    lines = [f"{i * i % 97},{('true', 'false')[i % 2]},{i % 2}" for i in range(300)]
    lines[12] = "oops,true,1"
    (tmp_path / "a.csv").write_text("a,b,label\n" + "\n".join(lines))
    rows = read(tmp_path / "a.csv")[1]["train"]
    assert [(p.key, p.what) for p in rows.problems] == [("12", "not a number")]
    assert "'oops' in column a" in rows.problems[0].message
    assert len(rows) == 299
    assert rows.features[:3].tolist() == [[0, 1], [1, 0], [4, 1]]


def test_what_is_missing_is_nan_and_words_have_codes_of_their_own(tmp_path):
    text = "a,w,label\n1,x,1\n,y,0\nNA,,1\n?,x,0\n-2e3,NaN,1\n"
    (tmp_path / "a.csv").write_text(text)
    rows = read(tmp_path / "a.csv")[1]["train"]
    numbers, codes = rows.features[:, 0], rows.features[:, 1]
    assert np.array_equal(numbers, np.float32([1, np.nan, np.nan, np.nan, -2000]), equal_nan=True)
    assert codes[0] == codes[3] != codes[1]
    assert np.isnan(codes[[2, 4]]).all()


def test_equal_words_have_equal_codes_in_other_files(tmp_path):
    (tmp_path / "a.csv").write_text("a,w\n1,x\n2,y\n")
    (tmp_path / "b.csv").write_text("a,w\n1,y\n2,z\n1,x\n")
    rows = read({"train": tmp_path / "a.csv", "val": tmp_path / "b.csv"})[1]
    assert rows["train"].features[1, 1] == rows["val"].features[0, 1]
    assert rows["train"].prints[0] == rows["val"].prints[2]
    assert len({*rows["train"].prints, *rows["val"].prints}) == 4


@pytest.mark.parametrize("name", ["label", "Target", "CLASS", "y"])
def test_the_target_is_known_by_its_name_and_the_last_column_is_not(name, tmp_path):
    (tmp_path / "a.csv").write_text(f"{name},a\n1,3\n0,4\n")
    source, rows = read(tmp_path / "a.csv")
    assert source.plan.target == (name, "number")
    assert rows["train"].targets.tolist() == [1, 0]
    (tmp_path / "b.csv").write_text("a,last\n1,3\n0,4\n")
    assert read(tmp_path / "b.csv")[1]["train"].targets is None


def test_numbers_are_targets_as_they_are(tmp_path):
    (tmp_path / "a.csv").write_text("a,price\n1,3.5\n0,4\n7,\n")
    targets = read(tmp_path / "a.csv", target="price")[1]["train"].targets
    assert np.array_equal(targets, [3.5, 4, np.nan], equal_nan=True)


@pytest.mark.parametrize("option", [{"target": "nix"}, {"columns": {"group": "nix"}}])
def test_a_column_that_is_not_there_is_told_with_those_that_are(option, tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,3\n")
    with pytest.raises(NetvetError, match=r"nix: there is no such column; the columns are a, b"):
        read(tmp_path / "a.csv", **option)


def test_identifiers_are_attributes_and_no_features(tmp_path):
    draw = np.random.default_rng(0)
    shuffled = draw.permutation(100)
    rows = pa.table({"": shuffled, "user_id": shuffled + 7, "value": shuffled, "x": draw.integers(0, 9, 100)})
    as_csv(rows, tmp_path / "a.csv")
    source, found = read(tmp_path / "a.csv")
    assert set(source.plan.inputs) == {"value", "x"}
    assert set(found["train"].attributes) == {"", "user_id"}


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        ("a,b\n1,2\n".encode("utf-16"), "zero bytes"),
        (b"PAR1 no parquet", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(content, match, tmp_path):
    path = tmp_path / ("a.parquet" if content.startswith(b"PAR1") else "a.csv")
    path.write_bytes(content)
    with pytest.raises(NetvetError, match=match) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["a.arrow", "a.feather", "a.parquet"])
def test_half_of_a_file_is_told(name, tmp_path):
    FORMS[name](table(), tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(NetvetError, match="cannot be read"):
        read(tmp_path / name)


def test_in_a_folder_a_broken_file_is_a_problem_and_the_others_are_read(tmp_path):
    parquet.write_table(table(100), tmp_path / "train-0.parquet")
    parquet.write_table(table(50, seed=1), tmp_path / "train-1.parquet")
    (tmp_path / "train-2.parquet").write_bytes(b"PAR1")
    (tmp_path / "test").mkdir()
    parquet.write_table(table(30, seed=2), tmp_path / "test" / "a.parquet")
    source, rows = read({"": tmp_path})
    assert {name: len(one) for name, one in rows.items()} == {"train": 150, "test": 30}
    assert [(split, p.key, p.what) for split, p in source.problems()] == [("train", "train-2.parquet", "unreadable")]
    assert rows["train"].keys[0] == "train-0.parquet:0"
    assert rows["train"].keys[-1] == "train-1.parquet:49"


def test_a_hostile_folder_is_told_and_nothing_outside_is_read(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    as_csv(table(50), folder / "a.csv")
    as_csv(table(50), tmp_path / "outside.csv")
    (folder / "empty.csv").touch()
    (folder / "out.csv").symlink_to(tmp_path / "outside.csv")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    (folder / "zeros.csv").write_bytes(bytes(100))
    (folder / "notes.md").write_text("no table")
    source, rows = read({"": folder})
    assert {name: len(one) for name, one in rows.items()} == {"data": 50}
    assert {(p.key, p.what) for _, p in source.problems()} == {
        ("empty.csv", "empty"),
        ("out.csv", "outside link"),
        ("loop.csv", "link loop"),
        ("zeros.csv", "unreadable"),
        ("notes.md", "foreign file"),
    }


def test_a_header_without_rows_is_a_split_without_samples(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,3\n")
    (tmp_path / "b.csv").write_text("a,b\n")
    rows = read({"train": tmp_path / "a.csv", "val": tmp_path / "b.csv"})[1]
    assert [len(rows[s]) for s in ("train", "val")] == [1, 0]


def test_numbers_without_a_header_are_all_rows(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    rows = read(tmp_path / "a.csv")[1]["train"]
    assert rows.features.tolist() == [[1, 2], [3, 4]]
    assert rows.names == ("column 0", "column 1")


def test_bytes_that_are_no_utf8_and_a_byte_order_mark_are_read(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfa,w\n1,x\n2,caf\xe9\n")
    source, rows = read(tmp_path / "a.csv")
    assert list(source.plan.inputs) == ["a", "w"]
    assert len(rows["train"]) == 2


def test_nested_columns_are_left_out(tmp_path):
    parquet.write_table(pa.table({"x": [1.0, 2.0], "list": [[1], [2, 3]], "raw": [b"a", b"b"]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[1]["train"].names == ("x",)


def test_a_table_of_texts_is_read_as_texts(tmp_path):
    lines = [f'"a review about film {i}, which was rather long",{i % 2}' for i in range(40)]
    (tmp_path / "a.csv").write_text("review,label\n" + "\n".join(lines))
    source, rows = read(tmp_path / "a.csv")
    assert source.kind == "text"
    assert rows["train"].near.shape == (40, 48)
    assert rows["train"].targets.tolist() == [i % 2 for i in range(40)]


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_well_known_sets_come_through_as_they_are(name, tmp_path):
    found = getattr(datasets, f"load_{name}")()
    names = [str(n) for n in found.feature_names] if hasattr(found, "feature_names") else []
    columns = {n: found.data[:, i] for i, n in enumerate(names)}
    as_csv(pa.table({**columns, "target": found.target}), tmp_path / "a.csv")
    rows = read(tmp_path / "a.csv")[1]["train"]
    assert np.array_equal(rows.features, found.data.astype(np.float32))
    assert np.array_equal(rows.targets, found.target)
    assert not rows.problems
    assert len(np.unique(rows.prints)) == len(np.unique(found.data, axis=0))
