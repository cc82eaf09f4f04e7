"""Whether a change helped: the differences between twins, with an interval and not by eye."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

# Below this probability a difference is not luck; the interval holds the rest.
ALPHA = 0.05

Verdict = Literal["better", "worse", "no difference", "undecided"]


@dataclass(frozen=True)
class Comparison:
    """Differences `changed - unchanged` of a quantity over pairs.

    Args:
        effect: mean difference; `low`, `high`: its confidence interval; `p`: of a two-sided paired t-test.
        size: mean difference in units of its standard deviation over pairs (Cohen's d of paired samples).
        pairs: how many.
    """

    effect: float
    low: float
    high: float
    p: float
    size: float
    pairs: int

    def verdict(self, *, less_is_better: bool, matters: float) -> Verdict:
        """What the differences say.

        Args:
            matters: a difference smaller than this is none.
        """
        good, bad = (self.high < 0, self.low > 0) if less_is_better else (self.low > 0, self.high < 0)
        if abs(self.effect) >= matters and (good or bad):
            return "better" if good else "worse"
        return "no difference" if max(abs(self.low), abs(self.high)) < matters else "undecided"

    def record(self) -> dict[str, float | int]:
        """JSON types."""
        return {
            "effect": self.effect, "low": self.low, "high": self.high, "p": self.p, "size": self.size,
            "pairs": self.pairs,
        }  # fmt: skip


def compare(changed: Sequence[float], unchanged: Sequence[float]) -> Comparison | None:
    """Compare twins, pair by pair (Student's paired t-test); None for fewer than two finite pairs.

    Pairs of which one is not finite (diverged) are for the caller to tell of.
    """
    from scipy import stats  # type: ignore[import-untyped]

    pairs = [(a, b) for a, b in zip(changed, unchanged, strict=True) if math.isfinite(a) and math.isfinite(b)]
    if len(pairs) < 2:
        return None
    gaps = np.array([a - b for a, b in pairs], dtype=np.float64)
    mean, spread = float(gaps.mean()), float(gaps.std(ddof=1))
    if spread == 0.0:  # the same difference in every pair: deterministic
        return Comparison(
            mean, mean, mean, 0.0 if mean else 1.0, math.copysign(math.inf, mean) if mean else 0.0, len(gaps)
        )
    error = spread / math.sqrt(len(gaps))
    reach = float(stats.t.ppf(1 - ALPHA / 2, len(gaps) - 1)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, len(gaps) - 1))
    return Comparison(mean, mean - reach, mean + reach, p, mean / spread, len(gaps))
