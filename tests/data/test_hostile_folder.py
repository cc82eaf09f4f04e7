"""A folder with everything that can be wrong with files: all is told, nothing crashes, nothing outside is read."""

import json
import os
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image

from netvet.data.readers import Wanted, open_source
from netvet.data.readers.walk import MAX_BYTES
from netvet.data.scan import problems_of, scan

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs links, pipes and names of any bytes")


def photo(path, seed=0, side=16):
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def bomb(path, side=60_000):
    """A PNG that says it has 3.6 G pixels."""

    def part(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", b"x") + part(b"IEND", b""))


def build(root: Path, outside: Path) -> dict[str, str]:
    """Write the folder; gives what must be told of each entry."""
    for i in range(30):
        photo(root / "cat" / f"{i}.png", i)
        photo(root / "dog" / f"{i}.png", 100 + i)
    cat = root / "cat"
    whole = photo(cat / "whole.jpg", 7, 64).read_bytes()
    (cat / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    png = photo(cat / "whole.png", 8, 64).read_bytes()
    (cat / "cut.png").write_bytes(png[: len(png) // 2])
    (cat / "head.png").write_bytes(png[:20])
    damaged = bytearray(png)
    damaged[200:300] = bytes(100)
    (cat / "damaged.png").write_bytes(bytes(damaged))
    (cat / "zero.png").write_bytes(b"")
    (cat / "zeros.png").write_bytes(bytes(5_000))
    (cat / "text.png").write_text("no image at all")
    (cat / "page.jpg").write_text("<html>404 Not Found</html>")
    (cat / "notes.docx").write_text("who put this here?")
    (cat / "script.svg").write_text("<svg/>")
    bomb(cat / "bomb.png")
    with (cat / "huge.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    (cat / "folder.png").mkdir()
    os.mkfifo(cat / "pipe.png")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(cat)  # the path of a socket may have 107 bytes only
    server.bind("socket.png")
    os.chdir(here)
    server.close()
    photo(outside / "secret.png", 999)
    (cat / "secret.png").symlink_to(outside / "secret.png")
    (cat / "passwd.png").symlink_to("/etc/passwd")
    (cat / "device.png").symlink_to("/dev/zero")
    (root / "away").symlink_to(outside)
    (cat / "self.png").symlink_to("self.png")
    (cat / "gone.png").symlink_to("nowhere.png")
    (cat / "up").symlink_to("..")
    (cat / "twin").symlink_to("../dog")
    (cat / "again.png").symlink_to("0.png")
    for name in ("line\nbreak.png", "\x1b[31mred.png", "gnp.\u202eexe.png", "x" * 240 + ".png"):
        photo(cat / name, len(name))
    os.rename(photo(cat / "latin.png", 5), os.fsencode(cat) + b"/caf\xe9.png")
    photo(root / "loose.png", 11)
    return {
        "cat/cut.jpg": "truncated", "cat/cut.png": "truncated", "cat/head.png": "truncated",
        "cat/damaged.png": "damaged", "cat/zero.png": "empty", "cat/zeros.png": "not an image",
        "cat/text.png": "not an image", "cat/page.jpg": "not an image", "cat/notes.docx": "foreign file",
        "cat/script.svg": "foreign file", "cat/bomb.png": "too large", "cat/huge.png": "too large",
        "cat/folder.png": "folder", "cat/pipe.png": "not a file", "cat/socket.png": "not a file",
        "cat/secret.png": "outside link", "cat/passwd.png": "outside link", "cat/device.png": "outside link",
        "away": "outside link", "cat/self.png": "link loop", "cat/gone.png": "dangling link", "cat/up": "link loop",
        "cat/twin": "linked folder", "cat/line\\x0abreak.png": "odd name", "cat/\\x1b[31mred.png": "odd name",
        "cat/gnp.\\u202eexe.png": "odd name", f"cat/{'x' * 240}.png": "odd name", "cat/caf\\xe9.png": "odd name",
        "loose.png": "no class",
    }  # fmt: skip


def told(source):
    rows, _ = scan(source)
    early = [p for of in problems_of(source).values() for p in of]
    return rows, [*early, *(p for r in rows.values() for p in r.problems)]


def test_everything_is_told_by_its_name_and_the_rest_is_read(tmp_path):
    expected = build(tmp_path / "data", tmp_path / "outside")
    rows, problems = told(open_source(Wanted({"": tmp_path / "data"})))
    assert {p.key: p.what for p in problems} == expected
    keys = set(rows["data"].keys)
    assert {"cat/0.png", "cat/whole.jpg", "cat/again.png", "cat/caf\\xe9.png", "cat/line\\x0abreak.png"} <= keys
    assert len(keys) == 30 + 30 + 2 + 1 + 5
    assert all(key.isprintable() for key in keys)
    assert all(p.message.isprintable() for p in problems)


def test_nothing_outside_is_opened(tmp_path, monkeypatch):
    build(tmp_path / "data", tmp_path / "outside")
    opened, plain = [], os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **named: opened.append(path) or plain(path, *rest, **named))
    told(open_source(Wanted({"": tmp_path / "data"})))
    assert len(opened) > 60
    assert all(os.path.realpath(path).startswith(str(tmp_path / "data")) for path in opened)
    assert not any("pipe" in os.fsdecode(path) or "socket" in os.fsdecode(path) for path in opened)


def test_files_without_permission_are_told(tmp_path, monkeypatch):
    for i in range(3):
        photo(tmp_path / f"{i}.png", i)
    plain = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("1.png") and plain(path, mode))
    rows, problems = told(open_source(Wanted({"": tmp_path})))
    assert [(p.key, p.what) for p in problems] == [("1.png", "unreadable")]
    assert len(rows["data"]) == 2


def test_files_that_vanish_or_turn_into_pipes_after_the_list_are_told(tmp_path):
    for i in range(4):
        photo(tmp_path / f"{i}.png", i)
    source = open_source(Wanted({"": tmp_path}))
    shards = source.shards()
    (tmp_path / "1.png").unlink()
    (tmp_path / "2.png").unlink()
    os.mkfifo(tmp_path / "2.png")
    (tmp_path / "3.png").unlink()
    (tmp_path / "3.png").symlink_to("/etc/passwd")
    (chunk,) = [c for shard in shards for c in source.read(shard)]
    assert [(p.key, p.what) for p in chunk.problems] == [(f"{i}.png", "unreadable") for i in (1, 2, 3)]


def test_a_folder_of_only_bad_files_is_reported_and_not_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.png").write_bytes(b"")
    (tmp_path / "a" / "1.png").write_text("no image")
    rows, problems = told(open_source(Wanted({"": tmp_path})))
    assert sorted(p.what for p in problems) == ["empty", "not an image"]
    assert [len(r) for r in rows.values()] == [0]


def test_the_command_reports_all_of_it_without_a_traceback(tmp_path):
    build(tmp_path / "data", tmp_path / "outside")
    command = [sys.executable, "-m", "netvet", "data", "data", "--json", "report.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr.decode()
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"\x1b[31mred" not in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    found = [f for f in report["findings"] if f["check"] == "corrupt-samples"]
    seen = {what: f["severity"] for f in found for what in f["evidence"]}
    fatal = {"truncated", "damaged", "empty", "not an image", "too large", "not a file", "link loop", "dangling link"}
    assert {what for what, severity in seen.items() if severity == "error"} == fatal
    assert "1 empty (cat/zero.png)" in found[0]["message"]
    assert seen["outside link"] == "warning"
    remarks = {what for what, severity in seen.items() if severity == "note"}
    assert remarks == {"foreign file", "odd name", "folder", "linked folder", "no class"}
