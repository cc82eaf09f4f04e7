"""WebDataset tars."""

import gzip
import io
import json
import tarfile

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from netvet.core import NetvetError
from netvet.data.readers import Wanted, open_source
from netvet.data.readers.walk import MAX_BYTES
from netvet.data.scan import scan


def png(seed):
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (9, 9, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def member(name, data=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    return info, data


def write(path, *members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def samples(first, count):
    return [
        m
        for i in range(first, first + count)
        for m in (member(f"{i:04}.png", png(i)), member(f"{i:04}.cls", b"%d" % (i % 3)))
    ]


def read(path):
    source = open_source(Wanted({"": path}))
    rows = scan(source)[0]
    return source, rows


def test_members_with_one_stem_are_a_sample(tmp_path):
    source, rows = read(write(tmp_path / "a.tar", *samples(0, 6)))
    assert source.kind == "image"
    assert rows["data"].keys[:2] == ["a.tar/0000.png", "a.tar/0001.png"]
    assert rows["data"].targets.tolist() == [0, 1, 2, 0, 1, 2]


def test_tars_are_shards_and_their_names_tell_splits(tmp_path):
    for name, first in (("x-val-000.tar", 8), ("x-train-001.tar", 4), ("x-train-000.tar", 0)):
        write(tmp_path / name, *samples(first, 4))
    source, rows = read(tmp_path)
    assert [(s.split, s.number) for s in source.shards()] == [("train", 0), ("train", 1), ("val", 0)]
    assert {name: len(r) for name, r in rows.items()} == {"train": 8, "val": 4}


def test_labels_come_from_json_too(tmp_path):
    told = [json.dumps({"label": "cat", "width": 3}).encode(), b"{broken", json.dumps([1]).encode()]
    members = [m for i, t in enumerate(told) for m in (member(f"{i}.png", png(i)), member(f"{i}.json", t))]
    _, rows = read(write(tmp_path / "a.tar", *members[:2]))
    assert rows["data"].targets.tolist() == ["cat"]
    _, rows = read(write(tmp_path / "b.tar", *members))
    assert rows["data"].targets is None


def test_texts(tmp_path):
    members = [
        member("1.txt", "grüße".encode()),
        member("1.cls", b"a"),
        member("2.txt", b"\xff\xfe\xff"),
        member("3.cls", b"b"),
    ]
    source = open_source(Wanted({"": write(tmp_path / "a.tar", *members)}))
    (chunk,) = source.read(source.shards()[0])
    assert source.kind == "text"
    assert (list(chunk.inputs), chunk.targets.tolist()) == (["grüße"], ["a"])
    assert [(p.key, p.what) for p in chunk.problems] == [("a.tar/2.txt", "damaged"), ("a.tar/3", "no text")]


def test_members_that_lead_out_are_only_names(tmp_path):
    members = [
        *samples(0, 2), member("../../out.png", png(7)), member("/etc/out.png", png(8)),
        member("link.png", kind=tarfile.SYMTYPE, link="/etc/passwd"), member("pipe.png", kind=tarfile.FIFOTYPE),
        member("a\x1b.png", png(9)), member("cut.png", png(3)[:40]), member("none.png"), member("alone.cls", b"1"),
    ]  # fmt: skip
    _, rows = read(write(tmp_path / "in" / "a.tar", *members))
    told = {(p.key, p.what) for p in rows["data"].problems}
    assert told == {
        ("a.tar/../../out.png", "odd name"), ("a.tar//etc/out.png", "odd name"), ("a.tar/link.png", "not a file"),
        ("a.tar/pipe.png", "not a file"), ("a.tar/a\\x1b.png", "odd name"), ("a.tar/cut.png", "truncated"),
        ("a.tar/none.png", "empty"), ("a.tar/alone", "no image"),
    }  # fmt: skip
    assert len(rows["data"]) == 5
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "a.tar"]


@pytest.mark.parametrize("keep", [0.35, 0.8])
def test_a_tar_that_ends_too_early_gives_what_it_has(tmp_path, keep):
    path = write(tmp_path / "a.tar", *samples(0, 20))
    end = 20 * 2 * 1024  # each member: a block of head and one of data
    path.write_bytes(path.read_bytes()[: int(end * keep) + 700])
    _, rows = read(path)
    assert len(rows["data"]) == int(20 * keep)
    assert {p.what for p in rows["data"].problems} == {"truncated"}
    assert rows["data"].problems[-1].key == "a.tar"


def test_a_member_that_lies_about_its_size_is_told(tmp_path):
    first, (lying, data) = samples(0, 2), member("liar.png", png(5))
    path = write(tmp_path / "a.tar", *first)
    lying.size = 10 * 2**20
    whole = path.read_bytes()[: 4 * 1024]
    path.write_bytes(whole + lying.tobuf() + data)
    _, rows = read(path)
    assert len(rows["data"]) == 2
    assert [(p.key, p.what) for p in rows["data"].problems] == [("a.tar/liar.png", "truncated"), ("a.tar", "truncated")]
    lying.size = MAX_BYTES * 4
    path.write_bytes(whole + lying.tobuf(tarfile.GNU_FORMAT) + data)
    _, rows = read(path)
    assert "too large" in [p.what for p in rows["data"].problems]


def test_what_is_no_tar_is_told(tmp_path):
    write(tmp_path / "a.tar", *samples(0, 2))
    (tmp_path / "b.tar").write_text("no tar " * 200)
    (tmp_path / "c.tar").write_bytes(b"")
    source, rows = read(tmp_path)
    assert [(p.key, p.what) for p in rows["data"].problems] == [("b.tar", "damaged")]
    assert [(p.key, p.what) for _, p in source.problems()] == [("c.tar", "empty")]
    with pytest.raises(NetvetError, match="no member is"):
        open_source(Wanted({"": tmp_path / "b.tar"}))
    with pytest.raises(NetvetError, match="no tar that can be read"):
        open_source(Wanted({"": tmp_path / "c.tar"}))


@pytest.mark.parametrize("ending", [".tar.gz", ".tgz"])
def test_compressed_tars_are_shards_too(tmp_path, ending):
    for split in ("train", "val"):
        plain = write(tmp_path / f"{split}.x", *samples(0, 6)).read_bytes()
        (tmp_path / f"set-{split}-0{ending}").write_bytes(gzip.compress(plain))
    assert {name: len(r) for name, r in read(tmp_path)[1].items()} == {"train": 6, "val": 6}
    assert read(tmp_path / f"set-val-0{ending}")[1]["val"].targets.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(("cut", "what"), [(lambda d: d[:-800], "truncated"), (lambda d: d[:900] + b"x" * 900, None)])
def test_a_compressed_tar_that_is_broken_gives_what_it_has(tmp_path, cut, what):
    packed = gzip.compress(write(tmp_path / "a.x", *samples(0, 9)).read_bytes())
    path = tmp_path / "a.tar.gz"
    path.write_bytes(cut(packed))
    _, rows = read(path)
    (problem,) = rows["data"].problems
    assert problem.what in (what, "damaged")
    assert 0 < len(rows["data"]) < 9
