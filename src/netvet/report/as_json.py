"""The report as JSON, and the schema that it keeps."""

from __future__ import annotations

import json
from typing import Any

from netvet.report import schemas
from netvet.report.view import View


def as_json(view: View) -> str:
    """The report as indented JSON, in ASCII, with a newline at the end."""
    return json.dumps(view, indent=2, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of the report."""
    return schemas.schema("report")
