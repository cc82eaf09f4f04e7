from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from netvet.core import Facts, Finding, LayerSeries, check
from netvet.diagnose import Settings, diagnose
from netvet.report.as_json import as_json, schema
from netvet.report.view import build, plain
from netvet.testing import PlainSignals
from tests.report.samples import RUN, SOURCE, signals, softmax_signals, view_of


def closed(part: Any) -> Any:
    """The schema with no field allowed that it does not describe."""
    if isinstance(part, dict):
        extra = {"additionalProperties": False} if "properties" in part else {}
        return {key: closed(value) for key, value in part.items()} | extra
    return [closed(item) for item in part] if isinstance(part, list) else part


VIEWS = {
    "healthy": view_of(signals()),
    "causes and symptoms": view_of(softmax_signals()),
    "undetermined": view_of(signals(loss=LayerSeries.of(a=[2.3] * 5))),
    "allowed": view_of(softmax_signals(), Settings(allow={"double-softmax": "an old net"})),
    "nothing recorded": view_of(PlainSignals(), problems=["no optimizer step was seen"]),
    "exception": view_of(
        signals(run=Facts.of({**RUN, "exception": "ValueError", "exception_file": "a.py", "exception_line": 3}))
    ),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_report_keeps_the_schema_and_the_schema_describes_every_field(view: Any) -> None:
    described = schema()
    jsonschema.Draft202012Validator.check_schema(described)
    jsonschema.validate(json.loads(as_json(view)), closed(described), jsonschema.Draft202012Validator)


def test_the_json_is_the_view_and_strict() -> None:
    view = view_of(softmax_signals())
    text = as_json(view)
    assert json.loads(text, parse_constant=pytest.fail) == view
    assert text == as_json(view_of(softmax_signals()))


def test_numbers_that_json_lacks_become_texts() -> None:
    assert plain({"a": float("nan"), "b": [np.float32("inf"), np.int64(3), np.bool_(True)], 3: (-np.inf,)}) == {
        "a": "nan",
        "b": ["inf", 3, True],
        "3": ["-inf"],
    }
    assert plain(np.arange(2)) == [0, 1]
    assert plain(Path("x")) == "x"


def test_a_finding_without_a_number_and_one_that_is_nan() -> None:
    @check(stage="fit", kind="cause", severity="error", since="0.1")
    def odd(loss: LayerSeries) -> list[Finding]:
        return [Finding("one"), Finding("two", value=float("nan"), limit=1.0)]

    source = signals()
    view = build(diagnose(source, [odd]), source, selected=["odd"])
    assert [finding["value"] for finding in view["findings"]] == [None, "nan"]
    jsonschema.validate(json.loads(as_json(view)), schema())


def test_a_verdict_points_at_what_it_rests_on_and_what_it_explains() -> None:
    view = view_of(softmax_signals())
    first = view["diagnosis"][0]
    assert first["check"] == "double-softmax"
    assert [view["findings"][i]["check"] for i in first["findings"]] == ["double-softmax"]
    assert [view["findings"][i]["check"] for i in first["folded"]] == ["loss-plateau", "small-gradients"]
    assert first["explains"] == ["loss-plateau", "small-gradients"]
    assert first["next"].startswith("Return the raw scores")


def test_candidates_are_ruled_out_only_when_they_could_look() -> None:
    (verdict,) = view_of(signals(loss=LayerSeries.of(a=[2.3] * 5)))["diagnosis"]
    assert verdict["undetermined"]
    assert verdict["ruled_out"] == ["double-softmax", "lr-too-high"]
    assert verdict["not_ruled_out"] == ["dead-relu", "unknown-thing"]


def test_a_skipped_check_is_not_counted_as_having_looked() -> None:
    assert view_of(signals(), Settings(skip=("lr-too-high",)))["checks_looked"] == 4
    assert view_of(signals(), Settings(only=("lr-too-high",)))["checks_looked"] == 1


def test_overhead_is_a_share_of_the_wall_time_and_unknown_without_it() -> None:
    assert view_of(signals())["overhead"] == {"seconds": 0.16, "share": pytest.approx(0.008)}
    bare = view_of(signals(run=Facts.of({"script": "a.py"})))
    assert bare["overhead"] == {"seconds": None, "share": None}


def source_of_the_first_verdict(root: Path) -> str | None:
    location = view_of(softmax_signals(run=Facts.of({**RUN, "started": "2026-01-01T00:00:00+00:00"})), root=root)[
        "diagnosis"
    ][0]["location"]
    assert location is not None
    return location["source"]


def test_the_source_line_is_quoted_unless_it_changed_since_the_run(tmp_path: Path) -> None:
    assert source_of_the_first_verdict(tmp_path) is None
    file = tmp_path / "train.py"
    file.write_text(SOURCE)
    os.utime(file, (1e9, 1e9))
    assert source_of_the_first_verdict(tmp_path) == "return F.softmax(self.out(x), dim=1)  # classes"
    os.utime(file, (4e9, 4e9))
    assert source_of_the_first_verdict(tmp_path) is None


def test_a_source_that_is_no_text_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "train.py").mkdir()
    assert source_of_the_first_verdict(tmp_path) is None


def test_a_run_without_an_end_has_the_steps_that_were_stored() -> None:
    record = {"started": "2026-01-01T00:00:00+00:00", "ended": None, "steps": 0, "seconds": 0.0, "netvet_seconds": 0.0}
    source = PlainSignals({"run": Facts.of(record), "loss": LayerSeries.of(train=[3.0, 2.0, 1.0])})
    made = build(diagnose(source, []), source, selected=[])
    assert made["run"]["steps"] == 3
    assert made["run"]["seconds"] is None
    assert made["overhead"] == {"seconds": None, "share": None}
