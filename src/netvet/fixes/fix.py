"""What a fix is: one change of a program, declared beside the function that makes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from netvet.capture.frameworks import Framework
from netvet.fixes.program import Program
from netvet.fixes.source import Editor

Make = Callable[[Program], Iterator[Editor]]
Cost = Literal["nothing", "memory", "time", "accuracy elsewhere"]


@dataclass(frozen=True)
class Intervention:
    """One change that can be tried.

    Args:
        name: in kebab-case; `title`: what is changed, in a few words.
        mends: checks whose cause it takes away.
        make: gives its variants for a program of `framework`, most likely first; raises `NotApplicable`. For other
            frameworks, `edits_of` knows what gives them.
        doc: its page; `cost`: what it costs where it helps.
        changes_loss: the training loss is another one after it, so that it cannot be compared.
        metric: it is judged by, where both runs have it: accuracy falls where rare classes are met more often.
        corrects_score: the score itself was wrong (samples leaked, labels were misread), so that it may fall.
    """

    name: str
    title: str
    mends: tuple[str, ...]
    make: Make
    doc: str
    cost: Cost = "nothing"
    changes_loss: bool = False
    corrects_score: bool = False
    metric: str = ""
    framework: Framework = "torch"


def fix(
    *,
    title: str,
    mends: tuple[str, ...] = (),
    cost: Cost = "nothing",
    changes_loss: bool = False,
    corrects_score: bool = False,
    metric: str = "",
    framework: Framework = "torch",
) -> Callable[[Make], Intervention]:
    """Declare a fix; its name is that of the function."""

    def declare(make: Make) -> Intervention:
        name = make.__name__.replace("_", "-")
        return Intervention(
            name, title, mends, make, inspect.getdoc(make) or "", cost, changes_loss, corrects_score, metric, framework
        )

    return declare
