from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from netvet.core import Finding, LayerSeries, Location, check
from netvet.diagnose import Settings, diagnose
from netvet.report.fingerprints import fingerprints
from netvet.report.github import as_github
from netvet.report.gitlab import as_gitlab
from netvet.report.junit import as_junit
from netvet.report.sarif import as_sarif
from netvet.report.view import build
from tests.report.samples import CHECKS, signals, softmax_signals, view_of


def view_with(*findings: Finding) -> Any:
    @check(stage="fit", kind="cause", severity="error", since="0.1", fixes={"mend": "Mend it: 100%, now."})
    def fault(loss: LayerSeries) -> list[Finding]:
        """A fault."""
        return list(findings)

    source = signals()
    return build(diagnose(source, [fault]), source, selected=["fault"]), [fault]


def test_an_annotation_has_severity_file_line_title_and_advice() -> None:
    first, *rest = as_github(view_of(softmax_signals()), Path("/repo")).splitlines()
    assert first.startswith("::error file=train.py,line=5,title=netvet double-softmax::the output of a softmax enters")
    assert first.endswith("%0AReturn the raw scores from forward; the loss applies the softmax itself.")
    assert [line.split(" ")[0] for line in rest] == ["::warning", "::warning", "::warning", "::notice"]


def test_no_text_of_a_program_ends_an_annotation_or_begins_another() -> None:
    place = Location("a,b:c%\nd.py", 3)
    view, _ = view_with(Finding("50% off, a: b\n::error::forged\r\x1b[31m", location=place))
    text = as_github(view, Path("/repo"))
    assert text.count("\n") == 1
    assert text == (
        "::error file=a%2Cb%3Ac%25%0Ad.py,line=3,title=netvet fault::"
        "50%25 off, a: b ::error::forged \\x1b[31m%0AMend it: 100%25, now.\n"
    )


@pytest.mark.parametrize(
    ("file", "shown"),
    [("/repo/sub/a.py", "sub/a.py"), ("../lib/a.py", "lib/a.py"), ("a.py", "sub/a.py"), ("/else/a.py", "/else/a.py")],
)
def test_files_are_named_as_the_host_knows_them(file: str, shown: str) -> None:
    view, _ = view_with(Finding("x", location=Location(file, 1)))
    assert f"file={shown}," in as_github(view, Path("/repo/sub"), Path("/repo"))
    assert json.loads(as_gitlab(view, Path("/repo/sub"), Path("/repo")))[0]["location"]["path"] == shown


def test_a_finding_without_a_line_is_put_at_the_script_and_without_a_script_nowhere() -> None:
    view, _ = view_with(Finding("x"))
    assert as_github(view, Path("/repo")).startswith("::error file=train.py,line=1,")
    view["run"]["script"] = None
    assert as_github(view, Path("/repo")).startswith("::error title=netvet fault::x")
    assert json.loads(as_gitlab(view, Path("/repo"))) == []


def test_what_is_acknowledged_is_not_annotated() -> None:
    view = view_of(softmax_signals(), Settings(allow={"double-softmax": "an old net"}))
    assert "double-softmax" not in as_github(view, Path("/repo"))
    assert "double-softmax" not in as_gitlab(view, Path("/repo"))


def cases(fail_on: str, settings: Settings | None = None) -> dict[str, Any]:
    text = as_junit(view_of(softmax_signals(), settings), CHECKS, fail_on)
    whole = ElementTree.fromstring(text)
    suite = whole[0]
    found = {case.attrib["name"]: case for case in suite.iter("testcase")}
    for one in (whole, suite):
        assert int(one.attrib["tests"]) == len(found) == len(CHECKS)
        assert int(one.attrib["failures"]) == len(list(suite.iter("failure")))
        assert int(one.attrib["skipped"]) == len(list(suite.iter("skipped")))
    return found


def test_a_check_is_a_test_case_that_fails_at_the_asked_severity() -> None:
    for fail_on, failed in (
        ("error", {"double-softmax"}),
        ("warning", {"double-softmax", "lr-too-high", "loss-plateau", "small-gradients"}),
        ("note", {"double-softmax", "lr-too-high", "loss-plateau", "small-gradients", "small-batches"}),
        ("never", set()),
    ):
        assert {name for name, case in cases(fail_on).items() if case.find("failure") is not None} == failed


def test_a_failure_has_the_message_and_the_place() -> None:
    case = cases("error")["double-softmax"]
    failure = case.find("failure")
    assert (case.attrib["classname"], case.attrib["file"], case.attrib["line"]) == ("netvet.skeleton", "train.py", "5")
    assert failure.attrib["type"] == "error"
    assert failure.text.startswith("train.py:5: error: the output of a softmax enters")


def test_a_check_that_could_not_look_is_skipped_with_its_reason() -> None:
    assert cases("error")["dead-relu"].find("skipped").attrib["message"] == "the model has no ReLU"


def test_what_does_not_fail_is_told_in_the_output() -> None:
    found = cases("error", Settings(allow={"double-softmax": "an old net"}))
    assert found["double-softmax"].find("failure") is None
    assert "(acknowledged: an old net)" in found["double-softmax"].find("system-out").text
    assert "warning: Adam/0 steps with a rate of 0.5" in found["lr-too-high"].find("system-out").text


def test_no_text_of_a_program_breaks_the_xml() -> None:
    view, checks = view_with(Finding('<a> & "b" \x00\x1b]]>\ud800', location=Location("<&>.py", 1)))
    case = ElementTree.fromstring(as_junit(view, checks)).find(".//testcase")
    assert case.attrib["file"] == "<&>.py"
    assert case.find("failure").attrib["message"] == '<a> & "b" \\x00\\x1b]]>\\ud800'


def test_gitlab_gets_different_fingerprints_that_outlive_a_change_of_numbers() -> None:
    def prints(*messages: str) -> list[str]:
        view, _ = view_with(*(Finding(one, "layer1") for one in messages))
        entries = json.loads(as_gitlab(view, Path("/repo")))
        assert [one["severity"] for one in entries] == ["critical"] * len(messages)
        assert [one["fingerprint"] for one in entries] == fingerprints(view["findings"])
        return [one["fingerprint"] for one in entries]

    first, second = prints("1", "2")
    assert first != second
    assert prints("3") == [first]


def test_rules_of_sarif_have_the_page_of_their_check_and_what_to_change() -> None:
    (run,) = json.loads(as_sarif(view_of(softmax_signals()), Path("/repo"), CHECKS))["runs"]
    rule = run["tool"]["driver"]["rules"][0]
    assert rule["id"] == "double-softmax"
    assert "## Why it matters" in rule["help"]["markdown"]
    assert rule["help"]["text"].endswith("- Return the raw scores from forward; the loss applies the softmax itself.")
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert run["automationDetails"] == {"id": "netvet/train.py/"}
