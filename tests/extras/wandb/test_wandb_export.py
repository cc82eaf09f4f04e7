"""What the file of an offline run of W&B holds; nothing is sent."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from wandb.proto import wandb_internal_pb2

from tests.export.runs import exporting, same, values_in


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run, the records of the file, and what was printed."""
    folder = tmp_path_factory.mktemp("wandb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
        patch.setenv("WANDB_API_KEY", "")
        run, netvet = exporting(folder, patch)
        assert netvet("--to", "wandb") == 0
    (file,) = (folder / ".netvet" / "wandb").glob("offline-run-*/*.wandb")
    return run, records(file), file.parent


BLOCK, HEAD = 32 * 1024, 7


def records(file: Path) -> list[Any]:
    """The messages in a log as LevelDB keeps it: pieces with a head (sum, length, kind) in blocks of 32 KB."""
    data, at, whole, found = file.read_bytes(), HEAD, b"", []
    assert data.startswith(b":W&B")
    while at + HEAD <= len(data):
        if BLOCK - at % BLOCK < HEAD:  # the rest of a block is empty
            at += BLOCK - at % BLOCK
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + HEAD : at + HEAD + size]
        at += HEAD + size
        if kind in (1, 4):  # whole, or the last piece
            found.append(wandb_internal_pb2.Record.FromString(whole))
            whole = b""
    return found


def items(found: Any) -> dict[str, Any]:
    return {one.key or "/".join(one.nested_key): json.loads(one.value_json) for one in found}


def test_values_and_steps_are_those_of_the_store(exported: Any) -> None:
    run, found, _ = exported
    rows = [
        (one.history.step.num, items(one.history.item)) for one in found if one.WhichOneof("record_type") == "history"
    ]
    for name, wanted in values_in(run).items():
        mine = [(step, float(row[name])) for step, row in rows if name in row]
        assert same(mine, wanted)
    assert math.isnan(dict(rows)[1]["loss/train.py:9"])


def test_findings_are_a_table_and_the_diagnosis_the_summary(exported: Any) -> None:
    _, found, folder = exported
    summary: dict[str, Any] = {}
    for one in found:
        if one.WhichOneof("record_type") == "summary":
            summary |= items(one.summary.update)
    assert (summary["netvet/errors"], summary["netvet/warnings"], summary["netvet/notes"]) == (1, 2, 1)
    assert summary["netvet/diagnosis"] == "double-softmax"
    (file,) = folder.rglob("findings*.table.json")
    table = json.loads(file.read_text())
    assert table["columns"][:3] == ["severity", "check", "message"]
    assert table["data"][0][:2] == ["error", "double-softmax"]


def test_an_error_is_an_alert(exported: Any) -> None:
    _, found, _ = exported
    alerts = [one.alert for one in found if one.WhichOneof("record_type") == "alert"]
    assert [(one.title, one.level) for one in alerts] == [("netvet: double-softmax", "ERROR")]


def test_facts_are_the_configuration_and_the_page_goes_along(exported: Any) -> None:
    _, found, folder = exported
    run = next(one.run for one in found if one.WhichOneof("record_type") == "run")
    assert items(run.config.update)["optimizer/Adam/lr"] == 0.5
    assert run.project == "netvet"
    assert [file for file in folder.rglob("*.html") if "netvet" in file.read_text()]
