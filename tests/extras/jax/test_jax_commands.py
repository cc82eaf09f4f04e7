"""What the commands that repeat training loops of PyTorch say of programs of JAX."""

from __future__ import annotations

from pathlib import Path

import pytest

from netvet.cli import main

PROGRAM = "import jax\nimport optax\n"


@pytest.mark.parametrize("command", ["fix"])
def test_one_line_says_what_works(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (tmp_path / "train.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["netvet", command, "train.py"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert "train.py trains with JAX" in said
    assert "`netvet run train.py`" in said.replace("\n", " ")
    assert "Traceback" not in said
