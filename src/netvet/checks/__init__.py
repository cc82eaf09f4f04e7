"""The table of checks: one module each, loaded when first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from netvet.core import Check

NAMES: tuple[str, ...] = ()


@cache
def load(name: str) -> Check:
    """The check of this name (kebab-case).

    Raises:
        KeyError: there is no such check.
    """
    if name not in NAMES:
        raise KeyError(name)
    snake = name.replace("-", "_")
    found = getattr(import_module(f"netvet.checks.{snake}"), snake)
    assert isinstance(found, Check)
    return found


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of the table: data, skeleton, fit."""
    return tuple(load(name) for name in NAMES)
