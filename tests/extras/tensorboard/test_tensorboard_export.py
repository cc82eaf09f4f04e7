"""What TensorBoard itself reads of an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from tests.export.runs import exporting, same, values_in


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return exporting(tmp_path, monkeypatch)


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    found.Reload()
    return found


def test_values_steps_and_times_are_those_of_the_store(place: Any, tmp_path: Path, capsys: Any) -> None:
    run, netvet = place
    assert netvet("--to", "tensorboard", "-o", "logs") == 0
    found = read(tmp_path / "logs" / run.path.name)
    for name, wanted in values_in(run).items():
        # TensorBoard has 32 bits.
        short = [(step, float(np.float32(value))) for step, value in wanted]
        assert same([(one.step, one.value) for one in found.Scalars(name)], short)
    times = [one.wall_time for one in found.Scalars("loss/train.py:9")]
    assert times == sorted(times)
    assert times[-1] - times[0] == pytest.approx(20.0)  # the seconds of the run
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"netvet: exported logs/{run.path.name}; look at it with: tensorboard --logdir logs\n"


def test_verdict_findings_and_counts_are_there(place: Any, tmp_path: Path) -> None:
    run, netvet = place
    assert netvet("--to", "tensorboard") == 0
    found = read(tmp_path / ".netvet" / "tensorboard" / run.path.name)
    assert [found.Scalars(f"netvet/{name}")[0].value for name in ("errors", "warnings", "notes")] == [1, 2, 1]
    verdict, findings = (
        found.Tensors(f"netvet/{name}/text_summary")[0].tensor_proto.string_val[0].decode()
        for name in ("verdict", "findings")
    )
    assert "double-softmax" in verdict
    assert "| error | double-softmax | the output of a softmax enters" in findings


def test_facts_are_hyperparameters(place: Any, tmp_path: Path) -> None:
    run, netvet = place
    assert netvet("--to", "tensorboard") == 0
    found = read(tmp_path / ".netvet" / "tensorboard" / run.path.name)
    content = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    facts = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert facts["optimizer/Adam/lr"].number_value == 0.5
    assert facts["script"].string_value == "train.py"


def test_a_second_export_into_the_same_folder_is_refused(place: Any, capsys: Any) -> None:
    _, netvet = place
    assert netvet("--to", "tensorboard") == 0
    capsys.readouterr()
    assert netvet("--to", "tensorboard") == 2
    assert "holds an export already; remove it, or give another folder with -o" in capsys.readouterr().err


def test_only_the_signals_that_were_asked_go_along(place: Any, tmp_path: Path) -> None:
    run, netvet = place
    assert netvet("--to", "tensorboard", "--only", "lr,loss") == 0
    tags = read(tmp_path / ".netvet" / "tensorboard" / run.path.name).Tags()["scalars"]
    assert {tag.partition("/")[0] for tag in tags} == {"lr", "loss", "netvet"}
