from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from netvet import cli
from netvet.core import NetvetError
from netvet.report.schemas import NAMES, schema, text_of


def netvet(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    return int(left.value.code or 0)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_sound_and_names_itself(name: str) -> None:
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$id"] == found["properties"]["schema"]["const"] == f"netvet.{name}/1"
    assert set(found["required"]) <= set(found["properties"])


def test_every_schema_file_is_in_the_table() -> None:
    here = [file.name for file in files("netvet.report.schemas").iterdir()]
    assert {name for name in here if name.endswith(".json")} == {f"{name}.json" for name in NAMES}


def test_the_command_prints_a_schema_as_it_is(capsys: Any) -> None:
    assert netvet("schema", "report") == 0
    assert capsys.readouterr().out == text_of("report")


def test_the_command_lists_all_schemas(capsys: Any) -> None:
    assert netvet("schema") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(NAMES)


def test_an_unknown_name_is_one_line(capsys: Any) -> None:
    assert netvet("schema", "../view") == 2
    assert capsys.readouterr().err == f"netvet: error: no schema '../view'; there are: {', '.join(NAMES)}\n"
    with pytest.raises(NetvetError, match="no schema"):
        text_of("page")


def test_published_schemas_are_those_of_the_package() -> None:
    from tools.generate_docs import DOCS

    for name in NAMES:
        assert json.loads((DOCS / "schema" / f"netvet.{name}-1.json").read_text()) == schema(name)
