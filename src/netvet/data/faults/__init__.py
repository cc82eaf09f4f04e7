"""What can be wrong with data: functions from all that was kept of them to the records of one signal each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from netvet.core import Record
from netvet.data.index import Audited

Look = Callable[[Audited], list[Record]]

# Signal -> module below and its function.
LOOKS: Mapping[str, str] = {
    "data_splits": "overview:splits",
    "data_problems": "unusable:problems",
    "image_quality": "image_quality:quality",
    "data_features": "features:features",
    "data_tokens": "tokens:tokens",
}


class NotAssessable(Exception):
    """These data cannot be looked at in this way; the message says why."""


def load(signal: str) -> Look:
    """The function that makes a signal."""
    module, _, name = LOOKS[signal].partition(":")
    found: Look = getattr(import_module(f"netvet.data.faults.{module}"), name)
    return found
