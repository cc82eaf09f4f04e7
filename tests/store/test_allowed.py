"""What somebody has acknowledged of a run, kept beside it."""

import errno
from pathlib import Path

import pytest

from netvet.core import NetvetError
from netvet.store.allowed import FILE, MAX_BYTES, allow, allowed_of


def test_what_was_acknowledged_is_kept_and_taken_back(tmp_path):
    allow(tmp_path, "dead-relu:a", "on purpose")
    allow(tmp_path, "overfitting", "known")
    assert allowed_of(tmp_path) == {"dead-relu:a": "on purpose", "overfitting": "known"}
    allow(tmp_path, "dead-relu:a", None)
    assert allowed_of(tmp_path) == {"overfitting": "known"}


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b'{"a": "' + b"x" * MAX_BYTES + b'"}'])
def test_a_file_that_is_none_of_ours_allows_nothing(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    assert allowed_of(tmp_path) == {}


def test_a_full_disk_is_one_clear_error_and_keeps_what_there_was(tmp_path, monkeypatch):
    allow(tmp_path, "overfitting", "known")

    def full(*_args, **_more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(NetvetError, match="No space left"):
        allow(tmp_path, "dead-relu", "on purpose")
    monkeypatch.undo()
    assert allowed_of(tmp_path) == {"overfitting": "known"}
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
