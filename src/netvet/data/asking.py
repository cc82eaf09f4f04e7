"""One person labels samples, one after the other: what is asked next, what was said, what it comes to."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from netvet.core import NetvetError
from netvet.data import human
from netvet.data.annotation import Answer, Asked, Store
from netvet.data.chunks import Kind
from netvet.data.fetch import Samples
from netvet.data.shown import Shown, shown

# `u` takes back, `s` skips.
RESERVED = "us"
KEYS = "1234567890" + "".join(c for c in string.ascii_lowercase if c not in RESERVED)


def keys_for(classes: Sequence[str]) -> list[str] | None:
    """The key of each class: its own name where that is one letter or digit; None where there are too few keys."""
    if len(classes) > len(KEYS):
        return None
    own: dict[str, str] = {}
    for name in classes:
        if len(name) == 1 and name.lower() in KEYS and name.lower() not in own.values():
            own[name] = name.lower()
    free = iter([key for key in KEYS if key not in own.values()])
    return [own[name] if name in own else next(free) for name in classes]


class Asking:
    """The questions of a store for one person; every answer is kept at once.

    Args:
        annotator: by what name answers are kept.
    """

    def __init__(self, store: Store, samples: Samples, kind: Kind, annotator: str) -> None:
        self.store, self.annotator = store, annotator
        self._samples, self._kind = samples, kind
        self._plan: list[Asked] = store.plan()
        self._classes = store.classes

    @property
    def at(self) -> int:
        """Position of the question that is open; the number of all after the last one."""
        given = {a.position for a in self.store.answers(self.annotator)}
        return next((a.position for a in self._plan if a.position not in given), len(self._plan))

    def state(self) -> dict[str, Any]:
        """What the page shows: nothing from which the label could be told."""
        at = self.at
        told: dict[str, Any] = {
            "data": self.store.name, "annotator": self.annotator, "position": at, "total": len(self._plan),
            "classes": list(self._classes), "keys": keys_for(self._classes), "finished": at == len(self._plan),
        }  # fmt: skip
        if at == len(self._plan):
            return told | {"baseline": self._baseline(), "lines": human.lines(self.store)}
        try:
            told["form"] = self.sample(at).form
        except NetvetError as error:
            told["problem"] = str(error)
        return told

    def sample(self, position: int) -> Shown:
        """The sample of a question.

        Raises:
            NetvetError: there is no such question, or the sample cannot be shown.
        """
        if not 0 <= position < len(self._plan):
            raise NetvetError(f"question {position} of {len(self._plan)}: there is none")
        asked = self._plan[position]
        try:
            return shown(self._kind, self._samples.get(asked.split, asked.sample))
        except (OSError, ValueError, TypeError, MemoryError) as error:
            raise NetvetError(f"the sample cannot be shown ({type(error).__name__}); skip it") from error

    def answer(self, position: int, choice: int | None, seconds: float) -> bool:
        """Keep an answer to the open question; False where another one is open: a key was pressed twice.

        Args:
            choice: number of the class, None to skip.

        Raises:
            NetvetError: there is no such class or time.
        """
        if choice is not None and not 0 <= choice < len(self._classes):
            raise NetvetError(f"class {choice}: expected 0 to {len(self._classes) - 1}")
        if not math.isfinite(seconds) or seconds < 0:
            raise NetvetError(f"{seconds} s: expected the time from the sight of the sample to the answer")
        if position != self.at or position >= len(self._plan):
            return False
        label = None if choice is None else self._classes[choice]
        self.store.answer(Answer(self.annotator, position, label, seconds))
        return True

    def undo(self) -> None:
        """Take the last answer back."""
        self.store.undo(self.annotator)

    def _baseline(self) -> dict[str, Any] | None:
        for one in human.baselines(self.store):
            if one.annotator == self.annotator and one.samples:
                low, high = one.interval
                return {
                    "accuracy": one.accuracy, "low": low, "high": high, "right": one.right, "samples": one.samples,
                    "skipped": one.skipped, "seconds": one.seconds, "repeated": one.repeated, "same": one.same,
                    "kappa": one.kappa, "confusion": one.confusion.tolist(),
                }  # fmt: skip
        return None
