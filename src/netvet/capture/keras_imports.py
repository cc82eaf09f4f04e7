"""Do something as soon as a package is imported: Keras reads its backend then, which the program may set first."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class WhenImported:
    """Calls a function with a package once it is imported; at once where it is already.

    Args:
        name: of the package, at the top level.
        action: must not raise.
    """

    def __init__(self, name: str, action: Callable[[], object]) -> None:
        self._name, self._action = name, action
        self._searching = False

    def install(self) -> None:
        """Begin to wait."""
        if self._name in sys.modules:
            self._action()
        else:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Wait no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the import system asks of each finder: the package is found by the others, and then heard of."""
        if name != self._name or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        execute = loader.exec_module

        def executed(module: ModuleType) -> None:
            execute(module)
            self.remove()
            self._action()

        loader.exec_module = executed
