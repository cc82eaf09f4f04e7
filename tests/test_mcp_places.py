"""Which paths the server for assistants takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netvet.core import NetvetError
from netvet.mcp import serve
from netvet.mcp.places import Root


@pytest.fixture
def root(tmp_path: Path) -> Root:
    folder = tmp_path / "root"
    (folder / "pkg").mkdir(parents=True)
    for name in ("train.py", "-x.py", "a=b.csv", "pkg/m.py"):
        (folder / name).write_text("")
    (tmp_path / "outside.py").write_text("")
    (folder / "link.py").symlink_to("train.py")
    (folder / "away").symlink_to(tmp_path)
    (tmp_path / "same").symlink_to(folder)
    return Root.of(tmp_path / "same")


@pytest.mark.parametrize(
    ("text", "path"),
    [("train.py", "train.py"), ("./pkg/m.py", "pkg/m.py"), ("pkg", "pkg"), (".", "."), ("-x.py", "./-x.py")],
)
def test_what_lies_below_the_root_is_taken(root: Root, text: str, path: str) -> None:
    assert root.inside(text) == path
    assert root.inside(str(root.path / text)) == path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("../outside.py", "holds '..'"),
        ("pkg/../train.py", "holds '..'"),
        ("/etc/passwd", "outside of the root"),
        ("link.py", "goes through the link link.py"),
        ("away/outside.py", "goes through the link away"),
        ("nothing.py", "no such file"),
        ("train.py/x", "no such file"),
        ("", "is empty"),
        ("a\0b", "zero character"),
        ("~/x", "no such file"),
    ],
)
def test_everything_else_is_refused_in_a_sentence(root: Root, text: str, message: str) -> None:
    with pytest.raises(NetvetError, match=re.escape(message)):
        root.inside(text)


def test_programs_may_be_functions_of_files(root: Root) -> None:
    assert root.program("pkg/m.py:make") == "pkg/m.py:make"
    for text in ("../outside.py:make", "link.py:make", "pkg.m:make"):
        with pytest.raises(NetvetError):
            root.program(text)


def test_data_may_be_named_by_split(root: Root) -> None:
    assert root.data("val=train.py") == "val=train.py"
    assert root.data("pkg/m.py:make") == "pkg/m.py:make"
    for text in ("val=../outside.py", "val=link.py", "hf:mnist", "--html=train.py", "val="):
        with pytest.raises(NetvetError):
            root.data(text)


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetvetError, match="no such folder"):
        serve(tmp_path / "nothing")
