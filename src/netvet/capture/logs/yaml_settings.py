"""Hyper-parameters of YAML files: the plain subset that loggers write; nothing of a tag is ever made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netvet.capture.logs.lines import whole
from netvet.capture.logs.table import MAX_DEPTH, UnreadableLog, number

MAX_LINES = 5_000
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def settings_of(file: Path) -> dict[str, Any]:
    """What is set in a file; empty where it cannot be read. W&B's `{value: ...}` is unwrapped."""
    try:
        text = whole(file)
    except (OSError, UnreadableLog):
        return {}
    found = parsed(text)
    return {
        key: value["value"]
        if isinstance(value, dict) and "value" in value and set(value) <= {"value", "desc"}
        else value
        for key, value in found.items()
        if key not in ("_wandb", "wandb_version")
    }


def parsed(text: str) -> dict[str, Any]:
    """Nested mappings of scalars and lists of scalars; all else is left out."""
    root: dict[str, Any] = {}
    # Open mappings, the innermost last: indentation of their keys, the mapping, and the last key without a value.
    stack: list[tuple[int, dict[str, Any]]] = [(0, root)]
    waiting: tuple[int, dict[str, Any], str] | None = None
    for line in text.splitlines()[:MAX_LINES]:
        bare = line.split(" #")[0].rstrip()
        if not bare.strip() or bare.lstrip().startswith(("#", "---", "...")):
            continue
        indent, bare = len(bare) - len(bare.lstrip()), bare.strip()
        if bare.startswith("- ") or bare == "-":
            if waiting is not None:
                listed = waiting[1].setdefault(waiting[2], [])
                if isinstance(listed, list):
                    listed.append(scalar(bare[1:].strip()))
            continue
        key, colon, value = bare.partition(":")
        if not colon or not key.strip() or (value and not value.startswith(" ")):
            continue
        if waiting is not None and indent > waiting[0] and waiting[2] not in waiting[1] and len(stack) < MAX_DEPTH:
            inner: dict[str, Any] = {}
            waiting[1][waiting[2]] = inner
            stack.append((indent, inner))
        while len(stack) > 1 and indent < stack[-1][0]:
            stack.pop()
        name, value = str(scalar(key)), value.strip()
        if not value or value.startswith(("!", "&")):
            waiting = (indent, stack[-1][1], name)
        else:
            stack[-1][1][name], waiting = scalar(value), None
    return root


def scalar(text: str) -> Any:
    """A plain value: number, truth, nothing, list in brackets, or the text itself."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text.startswith(("[", "{")):
        try:
            return json.loads(text.replace("'", '"'))
        except (ValueError, RecursionError):
            return text
    value = number(text.removeprefix(".").replace("-.", "-") if "nf" in text.lower() or "nan" in text.lower() else text)
    if value is None:
        return text
    return int(value) if text.lstrip("+-").isdigit() and len(text) < 19 else value
