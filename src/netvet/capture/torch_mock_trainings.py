"""Trainings that are no trainings: finders of learning rates go up until the loss diverges, and put all back then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

from netvet.capture.imports import ImportListener
from netvet.capture.torch_events import Session
from netvet.capture.torch_patch import Patches

# Module -> class and method. What `attach` of Ignite gives is entered for as long as its finder works.
_CALLS = {"fastai.callback.schedule": ("Learner", "lr_find")}
_CONTEXTS = {"ignite.handlers.lr_finder": ("FastaiLRFinder", "attach")}


class MockTrainings:
    """Keeps the steps of such trainings out of the run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._patches = Patches()
        guard = session.recorder.guard
        wanted = {name: (place, _around_call) for name, place in _CALLS.items()}
        wanted |= {name: (place, _around_context) for name, place in _CONTEXTS.items()}
        self._listener = ImportListener({
            name: guard("finders of learning rates", partial(self._hear, *place, around))
            for name, (place, around) in wanted.items()
        })  # fmt: skip

    def install(self) -> None:
        """Listen for the libraries that have such."""
        self._listener.install()

    def remove(self) -> None:
        """Take everything out."""
        self._listener.remove()
        self._patches.undo()

    def _hear(self, cls: str, name: str, around: Callable[..., Any], module: ModuleType) -> None:
        self._patches.wrap(getattr(module, cls), name, partial(around, self._left_out))

    @contextmanager
    def _left_out(self) -> Iterator[None]:
        session, recorder = self._session, self._session.recorder
        if session.asleep and session.sleeper is not None:  # losses are kept in sleep too
            session.sleeper.new_phase()
        before, recorder.suspended = recorder.suspended, True
        try:
            yield
        finally:
            recorder.suspended = before


def _around_call(left_out: Callable[[], Any], original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with left_out():
            return original(*args, **kwargs)

    return call


def _around_context(left_out: Callable[[], Any], original: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def entered(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with left_out(), original(*args, **kwargs) as found:
            yield found

    return entered
