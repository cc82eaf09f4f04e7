"""Go vet for neural nets: it finds out why a network does not learn, and shows the proof.

The public names load on first use, so that `import netvet` costs nothing and pulls in no framework.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netvet.audit import Audit, audit
    from netvet.core import (
        Check,
        Facts,
        Finding,
        Fix,
        LayerSeries,
        Location,
        NetvetError,
        Series,
        TrainingStopped,
        check,
    )
    from netvet.diagnose import Diagnosis, Settings
    from netvet.diagnosed import diagnose
    from netvet.experiments.setup import Setup
    from netvet.fix import Fixes, fix
    from netvet.recipe import Recipe, recipe
    from netvet.store import Run
    from netvet.watch import WatchedRun, watch

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "Check",
    "Diagnosis",
    "Facts",
    "Finding",
    "Fix",
    "Fixes",
    "LayerSeries",
    "Location",
    "NetvetError",
    "Recipe",
    "Run",
    "Series",
    "Settings",
    "Setup",
    "TrainingStopped",
    "WatchedRun",
    "__version__",
    "audit",
    "check",
    "diagnose",
    "fix",
    "recipe",
    "watch",
]

_HOMES = {
    "audit": ("Audit", "audit"),
    "core": (
        "Check",
        "Facts",
        "Finding",
        "Fix",
        "LayerSeries",
        "Location",
        "NetvetError",
        "Series",
        "TrainingStopped",
        "check",
    ),
    "diagnose": ("Diagnosis", "Settings"),
    "diagnosed": ("diagnose",),
    "experiments.setup": ("Setup",),
    "fix": ("Fixes", "fix"),
    "recipe": ("Recipe", "recipe"),
    "store": ("Run",),
    "watch": ("WatchedRun", "watch"),
}
_HOME = {name: f"netvet.{module}" for module, names in _HOMES.items() for name in names}


class _Package(ModuleType):
    """The package itself, in which a public function keeps its name beside a module of the same name.

    Importing `netvet.diagnose` binds the module to `diagnose` here; `netvet.diagnose(...)` must stay the function.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Package
