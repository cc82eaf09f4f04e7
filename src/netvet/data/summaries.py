"""Statistics of the features of a split that can be merged, so that one pass over shards in any place is enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass
class Moments:
    """Counts, means, spreads and extremes of d features.

    Attributes:
        count: finite values of each feature [d]; `missing`: NaN; `infinite`: the rest.
        mean, squares: [d], of the finite values: their mean, and the sum of squares around it.
        low, high: [d].
    """

    count: Array
    missing: Array
    infinite: Array
    mean: Array
    squares: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, values: npt.NDArray[np.generic]) -> Moments:
        """The moments of samples [n, d]."""
        found = values.astype(np.float64)
        finite = np.isfinite(found)
        count = finite.sum(axis=0)
        mean = np.where(finite, found, 0.0).sum(axis=0) / np.maximum(count, 1)
        missing = np.isnan(found).sum(axis=0)
        return cls(
            count, missing, len(found) - count - missing, mean,
            np.where(finite, (found - mean) ** 2, 0.0).sum(axis=0),
            np.where(finite, found, np.inf).min(axis=0, initial=np.inf),
            np.where(finite, found, -np.inf).max(axis=0, initial=-np.inf),
        )  # fmt: skip

    def merged(self, other: Moments) -> Moments:
        """Of both together (Chan, Golub and LeVeque, Updating formulae, 1979, equation 2.1)."""
        count = self.count + other.count
        share = np.divide(other.count, count, out=np.zeros(len(count)), where=count > 0)
        apart = other.mean - self.mean
        return Moments(
            count, self.missing + other.missing, self.infinite + other.infinite, self.mean + apart * share,
            self.squares + other.squares + apart**2 * self.count * share,
            np.minimum(self.low, other.low), np.maximum(self.high, other.high),
        )  # fmt: skip

    @property
    def std(self) -> Array:
        """Spread of each feature [d], NaN without finite values."""
        with np.errstate(invalid="ignore"):
            found: Array = np.sqrt(np.where(self.count > 0, self.squares / np.maximum(self.count, 1), np.nan))
        return found

    def state(self) -> dict[str, Array]:
        """As arrays, to be stored or sent."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_state(cls, state: Mapping[str, Array]) -> Moments:
        """What `state` was of."""
        return cls(**state)

    __slots__ = ("count", "high", "infinite", "low", "mean", "missing", "squares")
