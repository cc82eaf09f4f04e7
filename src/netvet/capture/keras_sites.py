"""Which lines of the user's code made layers, optimizers and losses, compiled models and filled weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from netvet.capture.keras_patch import Patches
from netvet.capture.site import Site, user_site


@dataclass(slots=True)
class Sites:
    """Lines by the id of the object.

    Attributes:
        made: of layers, optimizers and losses; `compiled`: of models; `loaded`: of variables that were filled.
        alive: holds what is known, so that ids stay theirs.
    """

    made: dict[int, Site] = field(default_factory=dict)
    compiled: dict[int, Site | None] = field(default_factory=dict)
    loaded: dict[int, Site | None] = field(default_factory=dict)
    alive: list[Any] = field(default_factory=list)

    def install(self, patches: Patches) -> None:
        """Begin to take down lines; Keras must be imported."""
        import keras

        patches.method(keras.Layer, "__new__", self._new)
        patches.method(keras.optimizers.Optimizer, "__init__", self._made)
        patches.method(keras.losses.Loss, "__init__", self._made)
        patches.method(keras.Model, "compile", self._compile)
        patches.method(keras.Model, "load_weights", self._load)

    def _note(self, one: Any) -> None:
        site = user_site(3)
        if site is not None:
            self.made[id(one)] = site
            self.alive.append(one)

    def _new(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def new(cls: type, *args: Any, **kwargs: Any) -> Any:
            made = original(cls, *args, **kwargs)
            self._note(made)
            return made

        return new

    def _made(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def made(one: Any, *args: Any, **kwargs: Any) -> Any:
            self._note(one)
            return original(one, *args, **kwargs)

        return made

    def _compile(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def compiled(model: Any, *args: Any, **kwargs: Any) -> Any:
            site = user_site(2)
            self.alive.append(model)
            self.compiled[id(model)] = site
            return original(model, *args, **kwargs)

        return compiled

    def _load(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def load(model: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(model, *args, **kwargs)
            site = user_site(2)
            self.loaded |= {id(v): site for v in model.weights}
            return result

        return load
