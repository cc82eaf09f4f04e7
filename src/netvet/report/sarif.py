"""The report as SARIF 2.1.0, for code hosts and editors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

import netvet
from netvet.core import Check
from netvet.report.fingerprints import fingerprints
from netvet.report.view import FindingView, PlaceView, RuleView, View

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(view: View, root: Path | None = None, checks: Sequence[Check] = ()) -> str:
    """The report as SARIF text, with a newline at the end.

    Args:
        view: the report.
        root: folder that the URIs are relative to (the working directory).
        checks: whose pages become the help of the rules.
    """
    base = root or Path.cwd()
    names = [rule["name"] for rule in view["rules"]]
    prints = fingerprints(view["findings"])
    script = view["run"]["script"]
    run = {
        "tool": {"driver": _driver(view, {one.name: one for one in checks})},
        # Runs of one program replace each other; those of others stand beside them.
        "automationDetails": {"id": f"netvet/{PurePath(script).name if script else 'run'}/"},
        "invocations": [_invocation(view)],
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The directory in which the script was started."}}},
        "results": [
            _result(finding, names.index(finding["check"]), script, base, fingerprint)
            for finding, fingerprint in zip(view["findings"], prints, strict=True)
        ],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, allow_nan=False) + "\n"


def _driver(view: View, known: dict[str, Check]) -> dict[str, Any]:
    rules = [_rule(rule, known.get(rule["name"])) for rule in view["rules"]]
    return {"name": "netvet", "version": netvet.__version__, "rules": rules}


def _rule(rule: RuleView, one: Check | None) -> dict[str, Any]:
    summary = {"text": rule["summary"] or rule["name"]}
    tags = [rule["stage"], *([one.kind] if one else [])]
    made: dict[str, Any] = {"id": rule["name"], "shortDescription": summary, "fullDescription": summary}
    if one is not None:
        words = "\n".join(f"- {fix.advice}" for fix in one.fixes)
        page = f"{one.doc}\n\n## What to change\n\n{words}" if words else one.doc
        made["help"] = {"text": page or rule["name"], "markdown": page or rule["name"]}
        made["defaultConfiguration"] = {"level": one.severity}
    return made | {"properties": {"stage": rule["stage"], "tags": tags}}


def _invocation(view: View) -> dict[str, Any]:
    notes = [
        {
            "level": "note",
            "message": {"text": f"{skipped['check']} was not assessed: {skipped['reason']}"},
            "associatedRule": {"id": skipped["check"]},
        }
        for skipped in view["not_assessed"]
    ]
    problems = [{"level": "warning", "message": {"text": problem}} for problem in view["problems"]]
    return {"executionSuccessful": True, "toolExecutionNotifications": problems + notes}


def _result(finding: FindingView, rule: int, script: str | None, base: Path, fingerprint: str) -> dict[str, Any]:
    location = _location(finding["location"], script, base)
    facts = {key: finding[key] for key in ("kind", "where", "step", "value", "limit", "explains", "evidence", "fixes")}
    result: dict[str, Any] = {
        "ruleId": finding["check"],
        "ruleIndex": rule,
        "level": finding["severity"],
        "message": {"text": finding["message"]},
        "locations": [location] if location else [],
        "partialFingerprints": {"netvet/1": fingerprint},
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
