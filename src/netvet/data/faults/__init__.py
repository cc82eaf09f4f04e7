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
    "samples": "duplicates:samples",
    "near_duplicates": "duplicates:near",
    "conflicts": "conflicts:conflicts",
    "outliers": "outliers:outliers",
    "data_problems": "unusable:problems",
    "image_quality": "image_quality:quality",
    "targets": "sides:targets",
    "inputs": "sides:inputs",
    "target_in_input": "sides:target_in_input",
    "label_suspects": "label_errors:label_suspects",
    "feature_leaks": "leaks:feature_leaks",
    "spurious_features": "metadata:spurious_features",
    "time_order": "provenance:future_in_train",
    "group_overlap": "provenance:group_overlap",
    "split_drift": "drift:split_drift",
    "split_layout": "layout:split_layout",
    "random_labels": "learnable:random_labels",
    "learning_curve": "learnable:learning_curve",
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
