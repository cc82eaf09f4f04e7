"""The figure that a program prints of itself, where its user would rather have it judged by that."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from netvet.fixes.measured import ERROR, SCORE, Measured, Score

# Between the text and its number: ` = `, ` of the last epoch: `.
GAP = 30
_NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?!\w)|[-+]?(?:nan|inf)\b)"


@dataclass(frozen=True)
class Printed:
    """The last number that a program prints after a text (capital letters or not).

    Args:
        text: stands before the number, on the same line; `lower`: smaller is better.
    """

    text: str
    lower: bool = False

    @property
    def metric(self) -> str:
        """What it is called."""
        return ERROR if self.lower else SCORE

    def values(self, output: str) -> list[float]:
        """All numbers after the text, in order."""
        pattern = re.escape(self.text) + rf"[^\d\n]{{0,{GAP}}}?" + _NUMBER
        return [float(found) for found in re.findall(pattern, output, re.IGNORECASE)]

    def judged(self, found: Measured, output: str) -> Measured:
        """What was measured of a run, judged by what it has printed; as it is where it printed no such number."""
        values = self.values(output)
        if not values:
            return found
        finite = [v for v in values if math.isfinite(v)] or [math.nan]
        best = min(finite) if self.lower else max(finite)
        curve = [[float(n), v] for n, v in enumerate(values)]
        return replace(
            found, metric=self.metric, higher_is_better=not self.lower, split="val", value=values[-1], best=best,
            curve=curve, scores={**found.scores, self.metric: Score(values[-1], best, curve)}, samples=0,
            how=f"the last number printed after {self.text!r}", unmeasured="",
        )  # fmt: skip
