"""Findings as a code quality report of GitLab (an artifact `codequality`)."""

from __future__ import annotations

import json
from pathlib import Path

from netvet.report.fingerprints import fingerprints
from netvet.report.places import below, place_of
from netvet.report.view import View

_SEVERITIES = {"error": "critical", "warning": "major", "note": "info"}


def as_gitlab(view: View, folder: Path, root: Path | None = None) -> str:
    """A JSON list with an entry for each finding that has a file and is not acknowledged.

    Args:
        view: the report.
        folder: what its paths are relative to.
        root: the checkout, of which GitLab knows the files (the folder).
    """
    entries = []
    for finding, fingerprint in zip(view["findings"], fingerprints(view["findings"]), strict=True):
        place = place_of(finding, view)
        if place is not None and finding["allowed"] is None:
            where = {"path": below(place[0], folder, root or folder), "lines": {"begin": place[1]}}
            entries.append({
                "check_name": finding["check"], "description": finding["message"], "fingerprint": fingerprint,
                "severity": _SEVERITIES[finding["severity"]], "location": where,
            })  # fmt: skip
    return json.dumps(entries, indent=2) + "\n"
