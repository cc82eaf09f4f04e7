"""Writing a patch: a backup, nothing half, nothing over changes that git does not have."""

import subprocess

import pytest

from netvet.core import NetvetError
from netvet.fixes.apply import BACKUP, apply
from netvet.fixes.source import Patch


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_bytes(b"lr = 5.0\r\n")
    return path


def patch_of(path, before="lr = 5.0\r\n"):
    return Patch({str(path): "lr = 0.5\r\n"}, {str(path): before})


def git(path, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "-C", str(path.parent), *who, *arguments], check=True, capture_output=True)


def test_file_is_written_and_the_old_one_kept(script):
    backups = apply(patch_of(script))
    assert script.read_bytes() == b"lr = 0.5\r\n"
    assert backups == [script.with_name("train.py" + BACKUP)]
    assert backups[0].read_bytes() == b"lr = 5.0\r\n"
    assert len(list(script.parent.iterdir())) == 2


def test_file_that_has_changed_since_is_left_alone(script):
    with pytest.raises(NetvetError, match="not what was tried"):
        apply(patch_of(script, before="lr = 4.0\r\n"))
    assert script.read_bytes() == b"lr = 5.0\r\n"


def test_uncommitted_changes_are_not_written_over(script):
    git(script, "init", "-q")
    git(script, "add", ".")
    git(script, "commit", "-qm", "first")
    script.write_bytes(b"lr = 5.0\n")
    with pytest.raises(NetvetError, match="--allow-dirty"):
        apply(patch_of(script, before="lr = 5.0\n"))
    assert apply(patch_of(script, before="lr = 5.0\n"), dirty=True)


def test_committed_file_is_written(script):
    git(script, "init", "-q")
    git(script, "add", ".")
    git(script, "commit", "-qm", "first")
    assert apply(patch_of(script))
