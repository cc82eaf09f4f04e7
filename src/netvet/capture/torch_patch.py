"""Replace attributes of PyTorch for the length of a run, and put them back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class Patches:
    """Attributes that were replaced, with what stood there before."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any, bool]] = []

    def wrap(self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Replace `owner.name` by `make(original)`; does nothing where it does not exist."""
        original = getattr(owner, name, None)
        if original is None:
            return
        own = name in vars(owner)
        before = vars(owner)[name] if own else None
        replacement = make(original)
        functools.update_wrapper(replacement, original)
        setattr(owner, name, replacement)
        self._undo.append((owner, name, before, own))

    def undo(self) -> None:
        """Put everything back, last replaced first."""
        while self._undo:
            owner, name, before, own = self._undo.pop()
            if own:
                setattr(owner, name, before)
            else:
                delattr(owner, name)
