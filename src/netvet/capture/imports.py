"""Be told when the program imports a module: a library that it may never use need not be imported to be listened to."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

Tell = Callable[[ModuleType], object]


class ImportListener:
    """A finder that finds nothing itself: it lets the others find a module, and tells of it once it is complete.

    Args:
        wanted: names of modules, and what is called with each; it must not raise.
    """

    def __init__(self, wanted: Mapping[str, Tell]) -> None:
        self._wanted = dict(wanted)
        self._asking = False

    def install(self) -> None:
        """Begin to listen; modules that are there already are told of at once."""
        for name in [name for name in self._wanted if _is_complete(sys.modules.get(name))]:
            self._wanted.pop(name)(sys.modules[name])
        if self._wanted:
            sys.meta_path.insert(0, self)

    def remove(self) -> None:
        """Listen no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, with a loader that tells when it is done."""
        tell = self._wanted.get(name)
        if tell is None or self._asking:
            return None
        self._asking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._asking = False
        loader = spec.loader if spec is not None else None
        run = getattr(loader, "exec_module", None)
        if run is None or isinstance(loader, type):  # the loader of what is built in is a class
            return None

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module  # type: ignore[union-attr]
            run(module)
            if self._wanted.pop(name, None) is not None and self in sys.meta_path:
                tell(module)

        loader.exec_module = exec_module  # type: ignore[union-attr, method-assign]
        return spec


def _is_complete(module: ModuleType | None) -> bool:
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)
