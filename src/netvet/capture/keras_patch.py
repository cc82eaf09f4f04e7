"""Methods of Keras put aside and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]


class Patches:
    """Attributes of classes and modules that are replaced until `undo`."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any]] = []

    def method(self, cls: type, name: str, wrap: Wrapper) -> None:
        """Wrap a method where it is defined: in the class or in what it inherits from."""
        owner = next((c for c in cls.__mro__ if name in c.__dict__), None)
        if owner is not None:
            old = owner.__dict__[name]
            plain = old.__func__ if isinstance(old, staticmethod) else old
            new: Any = wrap(plain)
            self._put(owner, name, staticmethod(new) if isinstance(old, staticmethod) else new, old)

    def _put(self, owner: Any, name: str, new: Any, old: Any) -> None:
        self._done.append((owner, name, old))
        setattr(owner, name, new)

    def undo(self) -> None:
        """Put everything back, the newest first."""
        while self._done:
            owner, name, old = self._done.pop()
            setattr(owner, name, old)
