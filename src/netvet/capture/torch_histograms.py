"""How weights, gradients and outputs of layers are distributed at a few looks of a run. Records `histograms`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from netvet.capture.torch_events import Session
from netvet.capture.torch_parameter_rows import ParameterRows
from netvet.capture.torch_sampling import SampleMatrix

Kind = Literal["weights", "gradients", "outputs"]
# Of the sampled elements of a tensor (4,096 at the most), some hundred are in each of so many bins of a bell.
BINS = 32
# Tensors of each kind, evenly chosen by depth: all records of a run stay below 130 kB.
MAX_ROWS = 36
# Looks that are kept, each this much later than the one before; if there are more, every other one goes.
MAX_LOOKS, GROWTH = 16, 1.25
# One more is held that is never older than this share of the run: a copy of the rows, made anew each time.
NEWEST = 1.1
# Steps that a look goes on for: of several optimizers each has its own.
OPEN = 8
# The ends of the bins: this quantile and its opposite, and half of what lies between beyond each, if there is anything.
TAIL, BEYOND = 0.005, 0.5
FULL = 255


@dataclass(frozen=True, slots=True)
class Histogram:
    """Sampled elements of a tensor.

    Attributes:
        low, high: ends of the bins; what lies beyond is in the outer ones. None where nothing is finite and not zero.
        zeros: share of the elements that are exactly zero: they are in no bin.
        non_finite: elements that are NaN or infinite.
        bins: elements in each of `BINS` bins, bytes: 255 is the fullest.
    """

    low: float | None
    high: float | None
    zeros: float
    non_finite: int
    bins: bytes

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> Histogram:
        """The distribution of values [n]."""
        finite = values[np.isfinite(values)]
        some = np.sort(finite[finite != 0]).astype(np.float64)
        zeros, broken = 1.0 - (len(some) + len(values) - len(finite)) / len(values), len(values) - len(finite)
        if not len(some):
            return cls(None, None, zeros, broken, bytes(BINS))
        low, high = _ends(some)
        inner = np.searchsorted(some, np.linspace(low, high, BINS + 1)[1:-1])
        counts = np.diff(inner, prepend=0, append=len(some))
        return cls(low, high, zeros, broken, np.round(counts * (FULL / counts.max())).astype(np.uint8).tobytes())


def _ends(ordered: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Ends that a few far elements do not move."""
    last = len(ordered) - 1
    low, high = ordered[round(TAIL * last)], ordered[round((1 - TAIL) * last)]
    beyond = BEYOND * (high - low)
    return float(max(ordered[0], low - beyond)), float(min(ordered[-1], high + beyond))


# By kind and name: the step, and what was seen at it.
Found = dict[tuple[Kind, str], tuple[int, Histogram]]


@dataclass(slots=True)
class _Rows:
    """Copies of rows on their way to the host: values [rows, width], of which each row has `counts` elements."""

    step: int
    keys: list[tuple[Kind, str]]
    counts: list[int]
    values: torch.Tensor
    scale: float
    arrived: Any

    def read(self) -> Found:
        if self.arrived is not None:
            self.arrived.synchronize()
        values, found = self.values.numpy(), Found()
        for row, (key, count) in enumerate(zip(self.keys, self.counts, strict=True)):
            factor = self.scale if key[0] == "gradients" else 1.0
            found[key] = self.step, Histogram.of(values[row, :count] / factor)
        return found


@dataclass(slots=True)
class _Look:
    """What was seen from one step on; rows become histograms when the look is to stay."""

    step: int
    rows: list[_Rows] = field(default_factory=list)
    keys: set[tuple[Kind, str]] = field(default_factory=set)
    found: Found = field(default_factory=dict)

    def read(self) -> Found:
        rows, self.rows = self.rows, []
        for one in rows:
            self.found |= one.read()
        return self.found


class HistogramCollector:
    """Records `histograms`, of the rows that the collectors of parameters and layers have made for their own."""

    part = "histograms"

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["histograms"] = self
        self._looks: list[_Look] = []
        self._growth = GROWTH
        self._chosen: set[tuple[Kind, str]] = set()
        guard = session.recorder.guard
        self.parameters, self.outputs = guard(self.part, self._parameters), guard(self.part, self._outputs)

    def _parameters(self, step: int, rows: ParameterRows, scale: float) -> None:
        """Weights before a step that is over, and the gradients that it used, which have this factor."""
        matrix, known = rows.samples()
        self._copy(step, matrix, {(kind, name): row for kind, name, row in known}, scale)

    def _outputs(self, step: int, names: Sequence[str], matrix: SampleMatrix) -> None:
        """What layers gave in a step; of several calls of a layer the first."""
        rows: dict[tuple[Kind, str], int] = {}
        for row, name in enumerate(names):
            rows.setdefault(("outputs", name), row)
        self._copy(step, matrix, rows)

    def _look_at(self, step: int) -> _Look | None:
        """The newest look, if it still goes on or a new one is due."""
        newest = self._looks[-1] if self._looks else None
        if newest is None or step >= max(newest.step + 1, NEWEST * newest.step):
            self._settle()
            self._looks.append(_Look(step))
        return self._looks[-1] if step <= self._looks[-1].step + OPEN else None

    def _settle(self) -> None:
        """The newest look stays if it is far enough from the one before, and thins the others if they are many."""
        looks = self._looks
        if len(looks) > 1 and looks[-1].step < self._growth * looks[-2].step:
            looks.pop()
        elif looks:
            looks[-1].read()
        if len(looks) >= MAX_LOOKS:
            self._looks = looks[::2]
            self._growth **= 2

    def _copy(self, step: int, matrix: SampleMatrix, known: dict[tuple[Kind, str], int], scale: float = 1.0) -> None:
        look = self._look_at(step)
        if look is None or look.keys.issuperset(known):
            return
        self._choose(known)
        # Of several steps of an optimizer the first.
        rows = {key: row for key, row in known.items() if key in self._chosen and key not in look.keys}
        if not rows:
            return
        look.keys |= set(rows)
        copied, counts = matrix.copied(list(rows.values()))
        values, arrived = copied.to("cpu", non_blocking=True), None
        if copied.is_cuda:
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        look.rows.append(_Rows(step, list(rows), counts, values, scale, arrived))

    def _choose(self, known: Iterable[tuple[Kind, str]]) -> None:
        """Choose what is looked at: of each kind an even choice of those that come first."""
        new: dict[Kind, list[tuple[Kind, str]]] = {}
        for key in known:
            if key not in self._chosen:
                new.setdefault(key[0], []).append(key)
        for kind, keys in new.items():
            left = MAX_ROWS - sum(one[0] == kind for one in self._chosen)
            places = np.linspace(0, len(keys) - 1, min(len(keys), left)).round().astype(int)
            self._chosen |= {keys[place] for place in places}

    def on_report(self, _: None) -> None:
        found: dict[tuple[Kind, str], list[tuple[int, Histogram]]] = {}
        for look in self._looks:
            for key, one in look.read().items():
                found.setdefault(key, []).append(one)
        if found:
            records = [_record(kind, name, looks) for (kind, name), looks in found.items()]
            self._session.recorder.facts("histograms", records)

    def on_finish(self, _ended: str) -> None:
        if not self._looks:
            reason = "no step of a torch optimizer and no layer was looked at closely"
            self._session.recorder.missing("histograms", reason)


def _record(kind: Kind, name: str, looks: list[tuple[int, Histogram]]) -> dict[str, Any]:
    return {
        "kind": kind, "name": name, "steps": [step for step, _ in looks],
        "low": [_rounded(one.low) for _, one in looks], "high": [_rounded(one.high) for _, one in looks],
        "zeros": [_rounded(one.zeros) for _, one in looks], "non_finite": [one.non_finite for _, one in looks],
        "bins": b64encode(b"".join(one.bins for _, one in looks)).decode("ascii"),
    }  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
