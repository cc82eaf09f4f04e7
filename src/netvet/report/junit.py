"""The report as JUnit XML: one test case a check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from netvet.core import SEVERITIES, Check
from netvet.report.plain import clean
from netvet.report.view import FindingView, Number, View

_MAX_TEXT = 1000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)


def as_junit(view: View, checks: Sequence[Check], fail_on: str = "error") -> str:
    """The report as XML text, with a newline at the end.

    A check that found something at or above `fail_on` fails; one that could not look is skipped, with its reason;
    what is below, or acknowledged, is told in the output of a check that passes.

    Args:
        view: the report.
        checks: those that were asked to look.
        fail_on: `error`, `warning`, `note`, or `never`.
    """
    graves = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on in SEVERITIES else ()
    reasons = {skipped["check"]: skipped["reason"] for skipped in view["not_assessed"]}
    cases = [_case(one, view, reasons.get(one.name), graves) for one in checks]
    run = view["run"]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": _seconds(run["seconds"]),
    }
    whole = Xml.Element("testsuites", {"name": "netvet", **counts})
    suite = Xml.SubElement(whole, "testsuite", {"name": clean(run["name"] or "netvet"), **counts})
    if _TIME.match(run["started"] or ""):
        suite.set("timestamp", str(run["started"])[:19])
    properties = Xml.SubElement(suite, "properties")
    for name, value in (("script", run["script"]), ("steps", run["steps"]), ("ended", run["ended"])):
        if value is not None:
            Xml.SubElement(properties, "property", name=name, value=clean(value))
    suite.extend(cases)
    if view["problems"]:
        Xml.SubElement(suite, "system-out").text = "\n".join(clean(one, _MAX_TEXT) for one in view["problems"])
    Xml.indent(whole)
    return Xml.tostring(whole, encoding="unicode", xml_declaration=False) + "\n"


def _case(one: Check, view: View, reason: str | None, graves: Sequence[str]) -> Xml.Element:
    case = Xml.Element("testcase", classname=f"netvet.{one.stage}", name=one.name, time="0")
    found = [finding for finding in view["findings"] if finding["check"] == one.name]
    bad = [finding for finding in found if finding["allowed"] is None and finding["severity"] in graves]
    place = next((finding["location"] for finding in bad if finding["location"]), None)
    if place is not None:
        case.set("file", clean(place["file"], _MAX_TEXT))
        case.set("line", str(max(1, place["line"])))
    if bad:
        message = clean(bad[0]["message"], _MAX_TEXT)
        failure = Xml.SubElement(case, "failure", message=message, type=bad[0]["severity"])
        failure.text = "\n".join(map(_told, bad))
    elif reason is not None:
        Xml.SubElement(case, "skipped", message=clean(reason, _MAX_TEXT))
    others = [finding for finding in found if finding not in bad]
    if others:
        Xml.SubElement(case, "system-out").text = "\n".join(map(_told, others))
    return case


def _told(finding: FindingView) -> str:
    place = finding["location"]
    where = f"{place['file']}:{place['line']}: " if place else ""
    allowed = f" (acknowledged: {finding['allowed']})" if finding["allowed"] is not None else ""
    return clean(f"{where}{finding['severity']}: {finding['message']}{allowed}", _MAX_TEXT)


def _seconds(value: Number | None) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "0"
