from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netvet import config
from netvet.config import Configuration
from netvet.core import NetvetError, check
from netvet.diagnose import Settings
from tests.report.samples import CHECKS


@check(stage="fit", kind="cause", severity="error", since="0.1")
def typed(
    *, share: float = 0.5, patience: int = 3, strict: bool = False, word: str = "a", some: tuple[int, ...] = (1,)
):
    """A check with a setting of each type."""
    return ()


def load(folder: Path, text: str) -> Configuration:
    (folder / "pyproject.toml").write_text(text)
    return config.load(folder, (*CHECKS, typed))


def test_without_a_file_nothing_is_set(tmp_path: Path) -> None:
    assert config.load(tmp_path, CHECKS) == Configuration()


def test_every_key_is_read(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        [tool.netvet]
        only = ["lr-too-high", "double-softmax"]
        skip = ["dead-relu"]
        fail-on = "warning"
        store = "logs/runs"
        [tool.netvet.checks.lr-too-high]
        limit = 1
        [tool.netvet.allow]
        "double-softmax" = "an old net"
        "lr-too-high:Adam/0" = "on purpose"
        """,
    )
    assert found.fail_on == "warning"
    assert found.store == tmp_path / "logs/runs"
    assert found.settings == Settings(
        only=("lr-too-high", "double-softmax"),
        skip=("dead-relu",),
        allow={"double-softmax": "an old net", "lr-too-high:Adam/0": "on purpose"},
        limits={"lr-too-high": {"limit": 1.0}},
    )


def test_the_nearest_file_with_the_table_counts(tmp_path: Path) -> None:
    load(tmp_path, '[tool.netvet]\nfail-on = "note"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\n")
    assert config.load(inner, CHECKS).fail_on == "note"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[tool.netvet", ["cannot be read", "TOML"]),
        ("[tool]\nnetvet = 3", ["tool.netvet", "a table", "3"]),
        ("[tool.netvet]\nfail_on = 'error'", ["tool.netvet.fail_on", "fail-on"]),
        ("[tool.netvet]\nfail-on = 'fatal'", ["tool.netvet.fail-on", "one of error", "'fatal'"]),
        ("[tool.netvet]\nfail-on = ['error']", ["tool.netvet.fail-on", "one of error"]),
        ("[tool.netvet]\nonly = 'lr-too-high'", ["tool.netvet.only", "a list of names"]),
        ("[tool.netvet]\nskip = [1]", ["tool.netvet.skip", "a list of names"]),
        ("[tool.netvet]\nskip = ['lr-too-hgh']", ["tool.netvet.skip", "lr-too-hgh", "did you mean lr-too-high?"]),
        ("[tool.netvet]\nstore = 3", ["tool.netvet.store", "path of a folder"]),
        ("[tool.netvet]\nallow = ['x']", ["tool.netvet.allow", "a table"]),
        ("[tool.netvet.allow]\ndead-relu = ' '", ['allow."dead-relu"', "a reason"]),
        ("[tool.netvet.allow]\n'dead:x' = 'y'", ["tool.netvet.allow", "'dead'"]),
        ("[tool.netvet.checks]\ndead-relu = 3", ["tool.netvet.checks", "tables"]),
        ("[tool.netvet.checks.nothing]\nx = 3", ["tool.netvet.checks", "'nothing'"]),
        ("[tool.netvet.checks.lr-too-high]\nlimits = 3", ["lr-too-high.limits", "it has: limit"]),
        ("[tool.netvet.checks.lr-too-high]\nlimit = 'x'", ["lr-too-high.limit", "a number", "'x'"]),
    ],
)
def test_a_mistake_names_file_key_and_what_was_expected(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(NetvetError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "pyproject.toml"))
    assert [part for part in parts if part not in message] == []


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NetvetError, match="cannot be read"):
        config.load(tmp_path, CHECKS)


def merged(**given: Any) -> Settings:
    return config.merged(Settings(only=("dead-relu",), skip=("typed",)), (*CHECKS, typed), **given)


def test_the_command_line_goes_above_the_file() -> None:
    found = merged(
        only=["lr-too-high,double-softmax", "dead-relu"],
        skip=["loss-plateau"],
        allow=["dead-relu:train.py:4=a = b"],
        limits=["lr-too-high.limit=1e-2"],
    )
    assert found == Settings(
        only=("lr-too-high", "double-softmax", "dead-relu"),
        skip=("typed", "loss-plateau"),
        allow={"dead-relu:train.py:4": "a = b"},
        limits={"lr-too-high": {"limit": 0.01}},
    )
    assert merged().only == ("dead-relu",)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("share=1", 1.0),
        ("patience=7", 7),
        ("strict=true", True),
        ("word=b", "b"),
        ("word='b c'", "b c"),
        ("some=[1, 2]", (1, 2)),
    ],
)
def test_a_setting_is_read_in_the_type_of_its_default(text: str, value: object) -> None:
    key = text.partition("=")[0]
    found = merged(limits=[f"typed.{text}"]).limits["typed"][key]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["share=x", "share=nan", "share=true", "patience=1.5", "strict=1", "some=3", "word=3", "none=3"]
)
def test_a_setting_of_another_type_is_an_error(text: str) -> None:
    with pytest.raises(NetvetError, match="--set typed"):
        merged(limits=[f"typed.{text}"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"only": ["dead-rleu"]}, "--only.*did you mean dead-relu"),
        ({"skip": ["xyz"]}, "--skip.*netvet explain"),
        ({"allow": ["dead-relu"]}, "expected check=reason"),
        ({"allow": ["dead-relu="]}, "expected check=reason"),
        ({"allow": ["xyz=why"]}, "--allow.*xyz"),
        ({"limits": ["lr-too-high=3"]}, "expected check.setting=value"),
        ({"limits": ["lr-too-high.limit"]}, "expected check.setting=value"),
        ({"limits": ["xyz.limit=3"]}, "--set.*xyz"),
    ],
)
def test_a_mistake_on_the_command_line_names_the_option(given: dict[str, list[str]], message: str) -> None:
    with pytest.raises(NetvetError, match=message):
        merged(**given)


def test_selected_are_those_asked_for_and_not_skipped() -> None:
    assert config.selected(CHECKS, Settings(only=("lr-too-high", "dead-relu"), skip=("dead-relu",))) == ["lr-too-high"]
    assert len(config.selected(CHECKS, Settings())) == len(CHECKS)
