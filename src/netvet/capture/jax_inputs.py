"""What enters the net: records `inputs`, and how many samples of evaluations are also trained on (`samples`)."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from netvet.capture.arrays import Array, Moments
from netvet.capture.fingerprints import ALL, held_out
from netvet.capture.jax_compared import place
from netvet.capture.jax_events import Differentiation, Look, Session
from netvet.capture.jax_training import Place
from netvet.capture.site import Site

# Samples whose fingerprints are kept, and seconds that making them may take.
MAX_SAMPLES, MAX_SECONDS = 100_000, 1.0
MAX_FEATURES, MAX_LISTED = 100_000, 256


class _Seen:
    """One input of one phase."""

    def __init__(self, first: Array, model: str, position: str, phase: str, site: Site | None) -> None:
        self.first, self.model, self.position, self.phase, self.site = first, model, position, phase, site
        self.moments, self.samples, self.nonfinite, self.integral = Moments(), 0, 0, True
        self.first_bad: int | None = None
        self.sums: Array | None = None
        self.squares: Array | None = None
        self.low: Array | None = None
        self.high: Array | None = None
        self.distinct: set[float] = set()

    def add(self, values: Array, step: int) -> None:
        """Take in a batch."""
        self.moments.add(values)
        self.samples += len(values) if values.ndim else 1
        flat = values.astype(np.float64)
        bad = int((~np.isfinite(flat)).sum())
        if bad and self.first_bad is None:
            self.first_bad = step
        self.nonfinite += bad
        self.integral = self.integral and bool((flat[np.isfinite(flat)] % 1 == 0).all())
        if len(self.distinct) < 1000:
            self.distinct.update(np.unique(flat.reshape(-1)[:10_000])[:1000].tolist())
        if values.ndim > 1 and flat[0].size <= MAX_FEATURES and not bad:
            rows = flat.reshape(len(flat), -1)
            start = self.sums is None or self.sums.shape != rows[0].shape
            self.sums = rows.sum(0) if start else self.sums + rows.sum(0)
            self.squares = np.square(rows).sum(0) if start else self.squares + np.square(rows).sum(0)
            self.low = rows.min(0) if start else np.minimum(self.low, rows.min(0))  # type: ignore[arg-type]
            self.high = rows.max(0) if start else np.maximum(self.high, rows.max(0))  # type: ignore[arg-type]

    def record(self) -> dict[str, Any]:
        """The record of the signal."""
        moments, shape = self.moments, list(self.first.shape)
        if len(shape) == 4:  # channels are last in JAX; PyTorch has them behind the samples
            shape = [shape[0], shape[3], shape[1], shape[2]]
        record: dict[str, Any] = {
            "model": self.model, "position": self.position, "phase": self.phase, "shape": shape,
            "dtype": str(self.first.dtype), "integral": self.integral, "nonfinite": self.nonfinite,
            "first_nonfinite_step": self.first_bad, "samples": self.samples, "batch": len(self.first),
            "distinct": len(self.distinct), **place(self.site),
        }  # fmt: skip
        if moments.n:
            record |= {"min": moments.low, "max": moments.high, "mean": moments.mean, "std": moments.std}
        if self.sums is not None and self.squares is not None and self.samples:
            means = self.sums / self.samples
            stds = np.sqrt(np.maximum(self.squares / self.samples - means**2, 0))
            if len(shape) == 4:
                means, stds = (v.reshape(-1, shape[1]).mean(0) for v in (means, stds))
            record |= {"feature_mean": means[:MAX_LISTED].tolist(), "feature_std": stds[:MAX_LISTED].tolist()}
            record["features"] = int(self.sums.size)
            record["constant_features"] = int(np.sum(self.low == self.high))
        return record


class Inputs:
    """Records `inputs` and `samples`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[tuple[str, str, str], _Seen] = {}
        self._prints: dict[str, dict[int, int]] = {"train": {}, "eval": {}}
        self._seconds, self._width, self._drawn = 0.0, 0, 0
        self._newest: frozenset[int] = frozenset()
        self._scored: dict[frozenset[int], None] = {}  # samples of each call of an evaluation

    def hear(self, place: Place, look: Look, step: int) -> None:
        """Take in one look at a training loss."""
        del place
        for number, _ in enumerate(look.of.options.get("inputs", [])):
            values = look.taps.get(f"input:{number}")
            if values is not None:
                self.take(np.asarray(values), look.of, str(number), "train", step)

    def take(self, values: Array, found: Differentiation, position: str, phase: str, step: int) -> None:
        """Take in one batch of one input."""
        if values.ndim == 0 or values.size == 0 or values.dtype.kind not in "biufV":
            return
        key = found.model, position, phase
        if key not in self._seen:
            site = found.options.get("call_site") or found.site
            self._seen[key] = _Seen(values, found.model, position, phase, site)
        self._seen[key].add(values, step)
        if position == "0" and values.ndim > 1:
            self.count(values, phase)

    def count(self, values: Array, phase: str) -> None:
        """Take the fingerprints of samples."""
        prints, began = self._prints[phase], perf_counter()
        if len(prints) >= MAX_SAMPLES or self._seconds > MAX_SECONDS:
            return
        rows = np.ascontiguousarray(values.reshape(len(values), -1))
        self._width = rows.shape[1]
        found = _prints(rows)
        for one in found:
            prints.setdefault(one, len(prints))
        if phase == "train":
            self._newest = frozenset(found)
        else:
            self._scored.setdefault(frozenset(found))
        self._drawn += len(rows) if phase == "train" else 0
        self._seconds += perf_counter() - began

    def just_trained(self, values: Array) -> bool:
        """These are samples of the newest training batch: what they give is told of the training."""
        if values.ndim < 2 or len(values) > len(self._newest) or not len(values):
            return False
        return self._newest.issuperset(_prints(np.ascontiguousarray(values.reshape(len(values), -1))))

    def known(self, values: Array) -> bool:
        """Next to all of these are training samples."""
        if values.ndim < 2 or not len(values):
            return False
        prints = _prints(np.ascontiguousarray(values.reshape(len(values), -1)))
        return sum(one in self._prints["train"] for one in prints) >= ALL * len(prints)

    def records(self) -> list[dict[str, Any]]:
        """Records of the signal `inputs`."""
        return [one.record() for one in self._seen.values()]

    def samples(self) -> list[dict[str, Any]]:
        """The record of the signal `samples`; none where no evaluation was seen."""
        train, calls = self._prints["train"], list(self._scored)
        apart = set().union(*(c for c, one in zip(calls, held_out(train.keys(), calls), strict=True) if one))
        held = {p: n for p, n in self._prints["eval"].items() if p in apart}
        shared = [(held[p], train[p]) for p in held if p in train]
        if not train:
            return []
        return [{
            "train": len(train), "train_seen": self._drawn, "eval": len(held), "overlap": len(shared),
            "overlap_examples": [list(pair) for pair in shared[:10]], "granular": self._width, "complete": False,
        }]  # fmt: skip


def _prints(rows: Array) -> list[int]:
    return [hash(row.tobytes()) for row in rows]
