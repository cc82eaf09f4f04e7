"""When enough pairs were seen: a paired test that may be looked at after each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev

# Evidence of 1 / ALPHA is proof; the interval holds the true difference with the rest.
ALPHA = 0.05
# Variance of the differences that are expected, in units of their scatter: faults cost many times what seeds do.
EXPECTED = 20.0
# Share of the evidence that comes from the signs alone: some faults strike at random, and scatter as much as they cost.
SIGNS = 0.25
# Halvings of a bracket: to a millionth of it.
HALVINGS = 20


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

    Two test martingales are mixed: Student's t with a normal prior of the effect size (Lai, "On confidence sequences"
    (1976); Wang and Ramdas, "Anytime-valid t-tests" (2024), section 4), and the signs with a uniform prior of their
    share (Robbins, "Statistical methods related to the law of the iterated logarithm" (1970)). Where there is no
    difference, it has a probability of no more than alpha that they ever reach 1 / alpha.

    Args:
        gaps: changed minus unchanged, one for each pair.

    Raises:
        ValueError: there is no pair.
    """
    if not len(gaps):
        raise ValueError("no pair to compare")
    mean = math.fsum(gaps) / len(gaps)
    low, high = (_limit(gaps, mean, side) for side in (-1.0, 1.0))
    return Evidence(mean, low, high, min(1.0, 1.0 / max(_against(gaps, 0.0), 1e-300)), len(gaps))


def hopeful(gaps: Sequence[float]) -> float:
    """The mean difference and one standard error more: what may be expected of further pairs at best.

    Raises:
        statistics.StatisticsError: there are fewer than two pairs.
    """
    return math.fsum(gaps) / len(gaps) + stdev(gaps) / math.sqrt(len(gaps))


def is_futile(gaps: Sequence[float], least: float, most: int) -> bool:
    """Whether further pairs would prove nothing of use, though they were as good as may be hoped.

    Stopping for it can only take proofs away: the promise of `evidence` stays.

    Args:
        least: gains up to it are of no use; `most`: pairs that are made at most.
    """
    if len(gaps) < 2:
        return False
    hope, scatter = hopeful(gaps), stdev(gaps)
    further = [*gaps, *(hope + (-scatter if n % 2 else scatter) for n in range(most - len(gaps)))]
    proven = any(_against(further[:n], 0.0) >= 1 / ALPHA for n in range(len(gaps), most + 1))
    return hope <= least or not proven


def _against(gaps: Sequence[float], middle: float) -> float:
    """Evidence against the differences scattering around a number."""
    n = len(gaps)
    shifted = [gap - middle for gap in gaps]
    above = sum(gap > 0 for gap in shifted)
    ties = sum(gap == 0 for gap in shifted)
    signed = n - ties
    signs: float = 2.0**signed / ((signed + 1) * math.comb(signed, above))
    total, squares = math.fsum(shifted), math.fsum(gap * gap for gap in shifted)
    if squares == 0.0:
        return 1.0
    growth = 1.0 + n * EXPECTED
    left = squares - total * total / n * (1 - 1 / growth)
    t = (squares / left) ** (n / 2) / math.sqrt(growth)  # one pair tells nothing: 1
    return float((1 - SIGNS) * t + SIGNS * signs)


def _limit(gaps: Sequence[float], mean: float, side: float) -> float:
    """The number on one side of the mean from which on there is proof against it; infinite where there is none."""
    spread = max(gaps) - min(gaps)
    if len(gaps) < 2 or _against(gaps, mean + side * 1e6 * max(spread, abs(mean), 1.0)) < 1 / ALPHA:
        return side * math.inf
    near, far = 0.0, max(spread, 1e-12)
    while _against(gaps, mean + side * far) < 1 / ALPHA:
        near, far = far, 2 * far
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        near, far = (middle, far) if _against(gaps, mean + side * middle) < 1 / ALPHA else (near, middle)
    return mean + side * far
