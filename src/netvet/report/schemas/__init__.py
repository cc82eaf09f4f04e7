"""The JSON schemas (2020-12) of all that netvet writes as JSON: one file a schema, named by the command."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from netvet.core import NetvetError

# Name -> what it describes.
NAMES = {
    "report": "the report of a run or of data (run, diagnose, report, data --json)",
    "logs": "the logs of several runs (diagnose --json)",
    "recipe": "the checklist (recipe --json)",
    "fix": "what trials of fixes have shown (fix --json)",
    "compare": "what differs between two runs (compare --json)",
    "tune": "what a search for settings has found (tune --json)",
    "replay": "what the repeated step has shown (replay --json)",
    "samples": "samples that were searched for (data --find --json)",
}


def text_of(name: str) -> str:
    """A schema as it is published.

    Raises:
        NetvetError: there is none of this name.
    """
    if name not in NAMES:
        raise NetvetError(f"no schema {name!r}; there are: {', '.join(NAMES)}")
    return files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")


def schema(name: str) -> dict[str, Any]:
    """A schema.

    Raises:
        NetvetError: there is none of this name.
    """
    loaded: dict[str, Any] = json.loads(text_of(name))
    return loaded
