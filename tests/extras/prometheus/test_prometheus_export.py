"""What the parser of Prometheus' own client reads of an export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.export.runs import exporting, values_in


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return exporting(tmp_path, monkeypatch)


def samples(text: str) -> dict[tuple[str, ...], float]:
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for one in family.samples:
            rest = {k: v for k, v in one.labels.items() if k != "run"}
            found[one.name, *rest.values()] = one.value
    return found


def test_last_values_are_those_of_the_store(place: Any, capsys: Any) -> None:
    run, netvet = place
    assert netvet("--to", "prometheus") == 0
    found = samples(capsys.readouterr().out)
    for name, wanted in values_in(run).items():
        signal, _, key = name.partition("/")
        assert found[f"netvet_{signal}", key] == wanted[-1][1]
    assert found["netvet_last_step",] == 8


def test_findings_are_counted_and_the_diagnosis_named(place: Any, tmp_path: Path, capsys: Any) -> None:
    _, netvet = place
    assert netvet("--to", "prometheus", "-o", "out/netvet.prom") == 0
    found = samples((tmp_path / "out" / "netvet.prom").read_text())
    assert [found["netvet_findings", name] for name in ("error", "warning", "note")] == [1, 2, 1]
    assert found["netvet_diagnosis", "double-softmax", "train.py:5"] == 1
    assert capsys.readouterr().err == "netvet: exported out/netvet.prom\n"
