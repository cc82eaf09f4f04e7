"""Notice that a training has failed, where its library tells callbacks of the end alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Noticing:
    """A method of an object that tells of what it raises, until `remove`.

    It is pickled as the method itself: a copy of the object that is kept meanwhile is one without it.

    Args:
        owner: the object; it gets an attribute that hides the method of its class.
        name: the method.
        tell: called with the exception before it goes on.
        passing: exceptions by which the library steers its own loops.
    """

    def __init__(
        self,
        owner: Any,
        name: str,
        tell: Callable[[BaseException], object],
        passing: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._owner, self._name, self._tell, self._passing = owner, name, tell, passing
        self._method = getattr(owner, name)
        owner.__dict__[name] = self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the method gives."""
        try:
            return self._method(*args, **kwargs)
        except self._passing:
            raise
        except BaseException as error:
            self.remove()
            self._tell(error)
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._owner, self._name)

    def remove(self) -> None:
        """The object is as it was."""
        if self._owner.__dict__.get(self._name) is self:
            del self._owner.__dict__[self._name]
