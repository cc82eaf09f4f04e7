from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netvet.core import Finding, LayerSeries, Location, check
from netvet.diagnose import Settings, diagnose
from netvet.report.sarif import as_sarif
from netvet.report.view import build
from tests.report.samples import SOURCE, signals, softmax_signals, view_of


def log_of(view: Any, root: Path | None = None) -> Any:
    (run,) = json.loads(as_sarif(view, root))["runs"]
    return run


def test_results_point_at_rules_and_lines(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SOURCE)
    run = log_of(view_of(softmax_signals(), root=tmp_path), tmp_path)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("double-softmax", "error")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "train.py", "uriBaseId": "SRCROOT"}
    assert place["region"]["startLine"] == 5
    assert place["region"]["snippet"]["text"].startswith("return F.softmax")


def test_levels_are_the_severities() -> None:
    levels = {result["ruleId"]: result["level"] for result in log_of(view_of(softmax_signals()))["results"]}
    assert levels == {
        "double-softmax": "error",
        "lr-too-high": "warning",
        "loss-plateau": "warning",
        "small-gradients": "warning",
        "small-batches": "note",
    }


def test_a_finding_without_a_line_points_at_the_script() -> None:
    results = log_of(view_of(softmax_signals()))["results"]
    unplaced = next(result for result in results if result["ruleId"] == "small-gradients")
    assert unplaced["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "train.py", "uriBaseId": "SRCROOT"}}}
    ]


def test_uris_are_relative_below_the_root_and_escaped() -> None:
    @check(stage="fit", kind="cause", severity="error", since="0.1")
    def spread(loss: LayerSeries) -> list[Finding]:
        return [Finding("x", location=Location(file, 1)) for file in ("/repo/a b/ü.py", "/other/x.py", "s\ud800.py")]

    source = signals()
    run = log_of(build(diagnose(source, [spread]), source, selected=["spread"]), Path("/repo"))
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"]]
    assert [place["uri"] for place in places] == ["a%20b/%C3%BC.py", "file:///other/x.py", "s%ED%A0%80.py"]
    assert [place.get("uriBaseId") for place in places] == ["SRCROOT", None, "SRCROOT"]


def test_an_allowed_finding_is_suppressed_with_its_reason() -> None:
    run = log_of(view_of(softmax_signals(), Settings(allow={"double-softmax": "an old net"})))
    suppressed = [result for result in run["results"] if "suppressions" in result]
    assert [result["ruleId"] for result in suppressed] == ["double-softmax"]
    assert suppressed[0]["suppressions"] == [{"kind": "external", "justification": "an old net"}]


def test_what_was_not_assessed_is_told_as_a_notification() -> None:
    (invocation,) = log_of(view_of(signals(), problems=["the disk is full"]))["invocations"]
    texts = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert texts == ["the disk is full", "dead-relu was not assessed: the model has no ReLU"]


def test_a_fingerprint_outlives_a_change_of_numbers() -> None:
    def prints(rate: float) -> list[str]:
        view = view_of(signals(lr=LayerSeries.of(Adam=[rate])))
        return [result["partialFingerprints"]["netvet/1"] for result in log_of(view)["results"]]

    assert prints(0.5) == prints(0.7)
    assert len(prints(0.5)) == 1
