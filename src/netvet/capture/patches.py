"""Replace attributes of a framework for the length of a run, and put them back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Make = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(slots=True, eq=False)
class _Patch:
    """One replaced attribute. `own`: the owner itself had it, rather than a base; `rests`: taken out while asleep."""

    owner: Any
    name: str
    before: Any
    own: bool
    replacement: Any
    rests: bool

    def put_in(self) -> None:
        setattr(self.owner, self.name, self.replacement)

    def is_out(self) -> bool:
        """What stands there is what stood there before: nobody else has put something in since."""
        found = vars(self.owner).get(self.name)
        return found is self.before if self.own else found is None

    def take_out(self) -> None:
        if self.own:
            setattr(self.owner, self.name, self.before)
        else:
            delattr(self.owner, self.name)


class Patches:
    """Attributes that were replaced, with what stood there before."""

    def __init__(self) -> None:
        self._all: list[_Patch] = []
        self._resting: list[_Patch] = []

    def wrap(self, owner: Any, name: str, make: Make, *, rests: bool = False) -> None:
        """Replace `owner.name` by `make(original)`; does nothing where it does not exist.

        Args:
            rests: taken out while nobody listens, since the program calls it many times in a step.
        """
        found = getattr(owner, name, None)
        if found is None:
            return
        own = name in vars(owner)
        before = vars(owner)[name] if own else None
        replacement = make(found)
        functools.update_wrapper(replacement, found)
        patch = _Patch(owner, name, before, own, replacement, rests)
        patch.put_in()
        self._all.append(patch)

    def rest(self) -> None:
        """Take out those that rest, until `resume`; one that somebody else has wrapped since stays where it is."""
        for patch in reversed(self._all):
            if patch.rests and vars(patch.owner).get(patch.name) is patch.replacement:
                patch.take_out()
                self._resting.append(patch)

    def resume(self) -> None:
        """Put back in what rests; what somebody else has put in its place meanwhile is left alone."""
        while self._resting:
            patch = self._resting.pop()
            if patch.is_out():
                patch.put_in()
            else:
                self._all.remove(patch)

    def undo(self) -> None:
        """Put everything back, last replaced first."""
        self.resume()
        while self._all:
            self._all.pop().take_out()
