"""Names of findings that outlive a change of numbers and of lines, for services that follow them over runs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from netvet.report.view import FindingView


def fingerprints(findings: Sequence[FindingView]) -> list[str]:
    """One for each finding, all different: of those that are alike, the later ones are counted."""
    seen: Counter[str] = Counter()
    found = []
    for finding in findings:
        name = _named(finding)
        seen[name] += 1
        found.append(_digest(name if seen[name] == 1 else f"{name}\0{seen[name]}"))
    return found


def _named(finding: FindingView) -> str:
    """Not by its numbers or its line, which move."""
    file = finding["location"]["file"] if finding["location"] else ""
    return "\0".join((finding["check"], file, finding["where"] or ""))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
