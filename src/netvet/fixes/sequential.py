"""When enough pairs were seen: a paired test that may be looked at after each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Evidence of 1 / ALPHA is proof; the interval holds the true difference with the rest.
ALPHA = 0.05
# Variance of the differences that are expected, in units of their scatter: faults cost many times what seeds do.
EXPECTED = 10.0


@dataclass(frozen=True)
class Evidence:
    """What the differences of some pairs say.

    Args:
        effect: mean difference; `low`, `high`: its interval (95 %, at all numbers of pairs at once).
        p: valid at any number of pairs; `pairs`: how many.
    """

    effect: float
    low: float
    high: float
    p: float
    pairs: int

    def record(self) -> dict[str, float | int | None]:
        """JSON types; infinite limits are None."""
        low, high = (value if math.isfinite(value) else None for value in (self.low, self.high))
        return {"effect": self.effect, "low": low, "high": high, "p": self.p, "pairs": self.pairs}


def evidence(gaps: Sequence[float]) -> Evidence:
    """Test differences of pairs against zero, whenever that is done.

    A normal mixture over the effect size makes a test martingale of Student's t: it exceeds 1 / alpha with a
    probability of no more than alpha, however often it is looked at (Lai, "On confidence sequences", 1976; Wang and
    Ramdas, "Anytime-valid t-tests", 2024, section 4).

    Args:
        gaps: changed minus unchanged, one for each pair.

    Raises:
        ValueError: there is no pair.
    """
    n = len(gaps)
    if n == 0:
        raise ValueError("no pair to compare")
    mean = math.fsum(gaps) / n
    growth = 1.0 + n * EXPECTED
    spread = math.sqrt(math.fsum((g - mean) ** 2 for g in gaps) / (n - 1)) if n > 1 else math.inf
    # Ratio of squares at which the evidence is 1 / alpha; however clear the data, it is less than `growth`.
    needed = (math.sqrt(growth) / ALPHA) ** (2 / n)
    if n < 2 or needed >= growth:
        return Evidence(mean, -math.inf, math.inf, _p(n, mean, spread, growth), n)
    squared = (n - 1) * (needed - 1) / (1 - needed / growth)
    reach = math.sqrt(squared * spread**2 / n)
    return Evidence(mean, mean - reach, mean + reach, _p(n, mean, spread, growth), n)


def _p(n: int, mean: float, spread: float, growth: float) -> float:
    if n < 2 or mean == 0.0:
        return 1.0
    if spread == 0.0:
        ratio = growth
    else:
        share = n * mean**2 / spread**2 / (n - 1)
        ratio = (1 + share) / (1 + share / growth)
    return float(min(1.0, math.sqrt(growth) / ratio ** (n / 2)))
