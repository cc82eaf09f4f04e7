"""Small summaries of columns, however many the samples: quantiles, different values, the commonest ones, correlations.

They merge, and in the same order always to the same: no random number is drawn, so that the number of workers changes
nothing. (KLL, HLL and their kin in the `datasketches` library flip coins of their own.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Chunk, Kind
from netvet.data.describe import fingerprints
from netvet.data.describe.table import of_texts
from netvet.data.index import Rows

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

# Samples that stand for all: the rank of any quantile is off by more than 2.5 % in one of 100 cases (Dvoretzky, Kiefer
# and Wolfowitz 1956, with Massart's constant 1990: sqrt(ln(2 / 0.01) / (2 * 4096))).
SAMPLE = 4_096
# Smallest hashes that are kept: exact for fewer different values, else to within 1 / sqrt(k - 2) = 3 % (Bar-Yossef et
# al., Counting distinct elements in a data stream, 2002; unbiased by Beyer et al. 2007).
DISTINCT = 1_024
# Counters of common values: no count is too low by more than n / 65 (Misra and Gries 1982; merged as in Agarwal et al.,
# Mergeable summaries, 2012).
COUNTERS = 64
# Columns that are looked at so; of more only moments, up to the number that a report lists.
MAX_SKETCHED, MAX_COLUMNS = 256, 1_000
# Texts longer than this are no categories, and would fill a report.
MAX_WORD = 80
# A mean image larger than this shows nothing more.
MAX_PIXELS = 1 << 20
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Column:
    """A column, as far as it is kept.

    Args:
        words: it holds strings; else numbers, of which `mean`, `squares`, `low` and `high` tell.
        count: finite numbers, or strings; `missing`: NaN or None; `infinite`: the rest.
        mean, squares, low, high: of the finite numbers; `squares`: sum of squares around the mean.
        order, sample: hashes of some samples, uint64 [k] ascending, and their values (finite numbers), float64 [k].
        hashes: smallest hashes of the values, uint64 ascending.
        common: common values and how often at least.
    """

    words: bool
    count: int
    missing: int
    infinite: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = np.inf
    high: float = -np.inf
    order: Words = field(default_factory=lambda: np.zeros(0, np.uint64))
    sample: Floats = field(default_factory=lambda: np.zeros(0))
    hashes: Words = field(default_factory=lambda: np.zeros(0, np.uint64))
    common: Mapping[str | float, int] = field(default_factory=dict)

    def merged(self, other: Column) -> Column:
        """Of both together (moments: Chan, Golub and LeVeque 1979, equation 2.1)."""
        count = self.count + other.count
        share, apart = (other.count / count if count else 0.0), other.mean - self.mean
        order, first = np.unique(np.concatenate([self.order, other.order]), return_index=True)
        return Column(
            self.words or other.words, count, self.missing + other.missing, self.infinite + other.infinite,
            self.mean + apart * share, self.squares + other.squares + apart**2 * self.count * share,
            min(self.low, other.low), max(self.high, other.high),
            order[:SAMPLE], np.concatenate([self.sample, other.sample])[first[:SAMPLE]],
            np.unique(np.concatenate([self.hashes, other.hashes]))[:DISTINCT],
            _fewer(Counter(self.common) + Counter(other.common)),
        )  # fmt: skip

    @property
    def std(self) -> float:
        """Spread of the finite numbers."""
        return float(np.sqrt(self.squares / self.count)) if self.count else float("nan")

    @property
    def distinct(self) -> int:
        """How many different values there are, about."""
        if len(self.hashes) < DISTINCT:
            return len(self.hashes)
        return round((DISTINCT - 1) / (float(self.hashes[-1]) / 2.0**64))

    @property
    def quantiles(self) -> list[float]:
        """At `QUANTILES`, lowest and highest being exact; empty without numbers."""
        if self.words or not len(self.sample):
            return []
        inner = np.quantile(self.sample, QUANTILES[1:-1]).tolist()
        return [self.low, *inner, self.high]

    def top(self, most: int = 5) -> list[tuple[str | float, int]]:
        """The commonest values with their counts at least."""
        return sorted(self.common.items(), key=lambda pair: (-pair[1], str(pair[0])))[:most]


def _fewer(counts: Mapping[Any, int]) -> dict[str | float, int]:
    """At most COUNTERS values: all are lowered by the count of the first one too many."""
    if len(counts) <= COUNTERS:
        return dict(counts)
    ordered = sorted(counts.values(), reverse=True)
    return {value: count - ordered[COUNTERS] for value, count in counts.items() if count > ordered[COUNTERS]}


@dataclass(frozen=True)
class Together:
    """Moments of pairs of d columns of numbers, of the samples that lack none of them.

    Args:
        names: of the columns.
        count: samples; `mean`: [d]; `products`: sums of products around the means [d, d].
    """

    names: tuple[str, ...]
    count: int
    mean: Floats
    products: Floats

    @classmethod
    def of(cls, columns: Mapping[str, Floats]) -> Together:
        """Of columns [n] each."""
        values = np.stack(list(columns.values()), 1) if columns else np.zeros((0, 0))
        values = values[np.isfinite(values).all(axis=1)]
        with np.errstate(over="ignore", invalid="ignore"):
            mean = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
            return cls(tuple(columns), len(values), mean, (values - mean).T @ (values - mean))

    def merged(self, other: Together) -> Together:
        """Of both; nothing is known of other columns."""
        if not self.count or not other.count or self.names != other.names:
            return self if self.count >= other.count else other
        count, apart = self.count + other.count, other.mean - self.mean
        products = self.products + other.products + np.outer(apart, apart) * (self.count * other.count / count)
        return Together(self.names, count, self.mean + apart * (other.count / count), products)

    @property
    def correlations(self) -> Floats:
        """Pearson's, [d, d]; NaN for columns that never vary."""
        spread = np.sqrt(np.diag(self.products))
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = self.products / np.outer(spread, spread)
        return found


@dataclass(frozen=True)
class Sketches:
    """What is kept of the samples of a split besides their rows.

    Args:
        columns: by name: columns of a table, pixels, or attributes of other samples.
        together: correlations of those.
        picture: sum of the samples that are images of one shape [H, W(, C)] and their number; None for others.
    """

    columns: Mapping[str, Column]
    together: Together
    picture: tuple[Floats, int] | None = None

    def merged(self, other: Sketches) -> Sketches:
        """Of both together, in this order."""
        columns = dict(self.columns)
        for name, column in other.columns.items():
            columns[name] = columns[name].merged(column) if name in columns else column
        picture = None
        if self.picture is not None and other.picture is not None and self.picture[0].shape == other.picture[0].shape:
            picture = (self.picture[0] + other.picture[0], self.picture[1] + other.picture[1])
        return Sketches(columns, self.together.merged(other.together), picture)

    @property
    def mean_picture(self) -> Floats | None:
        """The mean image [H, W(, C)]."""
        return None if self.picture is None else self.picture[0] / max(self.picture[1], 1)


def sketched(kind: Kind, chunk: Chunk, rows: Rows, order: Words) -> Sketches:
    """The sketches of the n samples of a chunk.

    Args:
        kind, chunk: the samples.
        rows: what is kept of each.
        order: a hash of each sample's place in the data, uint64 [n].
    """
    array = chunk.array if kind in ("image", "tensor") else None
    chosen = dict(list(_columns(kind, chunk, rows, array).items())[:MAX_COLUMNS])
    short = len(chosen) <= MAX_SKETCHED
    found = {}
    for name, values in chosen.items():
        found[name] = _words(values) if values.dtype == object else _numbers(values, order, short=short)
    numbers = {n: v for n, v in chosen.items() if v.dtype != object} if short else {}
    if kind == "tokens":
        found["token"] = _tokens(np.asarray(chunk.inputs), order)
    return Sketches(found, Together.of(numbers), _picture(array))


def _tokens(windows: npt.NDArray[Any], order: Words) -> Column:
    """All tokens of windows [n, t] as one column."""
    places = np.stack([np.repeat(order, windows.shape[1]), np.tile(np.arange(windows.shape[1]), len(order))], 1)
    return _numbers(windows.ravel().astype(np.float64), fingerprints.of_words(places.astype(np.uint64)), short=True)


def _columns(kind: Kind, chunk: Chunk, rows: Rows, array: npt.NDArray[Any] | None) -> Mapping[str, npt.NDArray[Any]]:
    """Columns of a table or of small tensors, attributes of other samples; float64 or strings [n] each."""
    if kind == "table":
        found: Mapping[str, npt.NDArray[Any]] = chunk.inputs
        return found
    if kind == "tensor" and array is not None and array.size <= MAX_COLUMNS * len(array):
        flat = array.reshape(len(array), -1).astype(np.float64)
        return {str(i): flat[:, i] for i in range(flat.shape[1])}
    plain = {n: v if v.dtype.kind in "OUS" else v.astype(np.float64) for n, v in rows.attributes.items()}
    return {n: v.astype(object) if v.dtype.kind in "US" else v for n, v in plain.items()}


def _picture(array: npt.NDArray[Any] | None) -> tuple[Floats, int] | None:
    if array is None or array.ndim not in (3, 4) or array[:1].size > MAX_PIXELS:
        return None
    return array.sum(axis=0, dtype=np.float64), len(array)


def _words(values: npt.NDArray[Any]) -> Column:
    counts = Counter(values.tolist())
    missing = counts.pop(None, 0)
    hashes = np.unique(of_texts(counts))[:DISTINCT]
    common = _fewer({word[:MAX_WORD]: count for word, count in counts.items()})
    return Column(words=True, count=len(values) - missing, missing=missing, hashes=hashes, common=common)


def _numbers(values: Floats, order: Words, *, short: bool) -> Column:
    finite = np.isfinite(values)
    kept = values if finite.all() else values[finite]
    missing = int(np.isnan(values).sum()) if len(kept) < len(values) else 0
    found = Column(words=False, count=len(kept), missing=missing, infinite=len(values) - len(kept) - missing)
    if not len(kept):
        return found
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(kept.mean())
        apart = kept - mean
        squares = float(apart @ apart)
    found = replace(found, mean=mean, squares=squares, low=float(kept.min()), high=float(kept.max()))
    if not short:
        return found
    places = order if finite.all() else order[finite]
    chosen = np.argsort(places, kind="stable")[:SAMPLE]
    unique, counts = np.unique(kept, return_counts=True)
    hashes = np.unique(fingerprints.of_rows(unique[:, None]))[:DISTINCT]
    repeated = counts > 1 if len(unique) > COUNTERS else counts > 0
    common = _fewer(dict(zip(unique[repeated].tolist(), counts[repeated].tolist(), strict=True)))
    return replace(found, order=places[chosen], sample=kept[chosen], hashes=hashes, common=common)


def all_merged(parts: Sequence[Sketches]) -> Sketches:
    """Of all, in their order."""
    found = parts[0]
    for part in parts[1:]:
        found = found.merged(part)
    return found
