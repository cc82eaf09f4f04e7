"""From a chunk of samples to one row each: fingerprint, features, attributes. One module for each kind of sample."""

from __future__ import annotations

from importlib import import_module

from netvet.data.chunks import Chunk, Kind
from netvet.data.index import Rows


def describe(kind: Kind, chunk: Chunk) -> Rows:
    """The rows of a chunk, in its order."""
    found: Rows = import_module(f"netvet.data.describe.{kind}").rows(chunk)
    return found
