"""The report as SARIF 2.1.0, for code hosts and editors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

import netvet
from netvet.report.view import FindingView, PlaceView, View

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(view: View, root: Path | None = None) -> str:
    """The report as SARIF text, with a newline at the end.

    Args:
        view: the report.
        root: folder that the URIs are relative to (the working directory).
    """
    base = root or Path.cwd()
    names = [rule["name"] for rule in view["rules"]]
    run = {
        "tool": {"driver": _driver(view)},
        "invocations": [_invocation(view)],
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The directory in which the script was started."}}},
        "results": [_result(finding, names, view["run"]["script"], base) for finding in view["findings"]],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, allow_nan=False) + "\n"


def _driver(view: View) -> dict[str, Any]:
    rules = [
        {
            "id": rule["name"],
            "shortDescription": {"text": rule["summary"] or rule["name"]},
            "properties": {"stage": rule["stage"]},
        }
        for rule in view["rules"]
    ]
    return {"name": "netvet", "version": netvet.__version__, "rules": rules}


def _invocation(view: View) -> dict[str, Any]:
    notes = [
        {"level": "note", "message": {"text": f"{skipped['check']} was not assessed: {skipped['reason']}"}}
        for skipped in view["not_assessed"]
    ]
    problems = [{"level": "warning", "message": {"text": problem}} for problem in view["problems"]]
    return {"executionSuccessful": True, "toolExecutionNotifications": problems + notes}


def _result(finding: FindingView, names: list[str], script: str | None, base: Path) -> dict[str, Any]:
    location = _location(finding["location"], script, base)
    facts = {key: finding[key] for key in ("kind", "where", "step", "value", "limit", "explains", "evidence", "fixes")}
    result: dict[str, Any] = {
        "ruleId": finding["check"],
        "ruleIndex": names.index(finding["check"]),
        "level": finding["severity"],
        "message": {"text": finding["message"]},
        "locations": [location] if location else [],
        "partialFingerprints": {"netvet/1": _fingerprint(finding)},
        "properties": {key: value for key, value in facts.items() if value is not None},
    }
    if finding["allowed"] is not None:
        result["suppressions"] = [{"kind": "external", "justification": finding["allowed"]}]
    return result


def _location(place: PlaceView | None, script: str | None, base: Path) -> dict[str, Any] | None:
    """The place of a finding; the script as a whole for one that has none."""
    if place is None:
        return {"physicalLocation": {"artifactLocation": _artifact(script, base)}} if script else None
    region: dict[str, Any] = {"startLine": max(1, place["line"])}
    if place["source"]:
        region["snippet"] = {"text": place["source"]}
    return {"physicalLocation": {"artifactLocation": _artifact(place["file"], base), "region": region}}


def _artifact(file: str, base: Path) -> dict[str, str]:
    path = PurePath(file)
    if path.is_absolute() and path.is_relative_to(base):
        path = path.relative_to(base)
    text = quote(path.as_posix().encode("utf-8", "surrogatepass"))
    return {"uri": f"file://{text}"} if path.is_absolute() else {"uri": text, "uriBaseId": "SRCROOT"}


def _fingerprint(finding: FindingView) -> str:
    """Names a finding over runs: not by its numbers or its line, which move."""
    file = finding["location"]["file"] if finding["location"] else ""
    named = "\0".join((finding["check"], file, finding["where"] or ""))
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:16]
