"""The newest training targets, as long as they are all one number, against those that came before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# So many batches in a row tell chance from a change, however they vary otherwise.
YOUNG = 10


@dataclass(slots=True)
class Streak:
    """Batches of one and the same number at one call site, up to the newest batch that was heard.

    Attributes:
        value: the number; None where the newest batch holds several.
        since: step of the first batch of the streak; `after`: of the last batch before it.
        batches, samples: how many the streak has.
        before: batches that came before it; `alike`: how many of these held a single number.
        kept: batches of labels that were kept before it.
    """

    value: float | None = None
    since: int = 0
    after: int = -1
    batches: int = 0
    samples: int = 0
    before: int = 0
    alike: int = 0
    kept: int = 0
    _last: float | None = None
    _alike_in: int = 0
    _step: int = -1

    def add(self, step: int, low: float, high: float, count: int, kept: int) -> None:
        """Take in one batch.

        Args:
            low, high: its smallest and largest target.
            count: its targets.
            kept: batches of labels that were kept so far, without this one.
        """
        value = low if low == high else None
        if value is None or value != self.value:
            self.before, self.alike = self.before + self.batches, self.alike + self._alike_in
            self.value, self.since, self.after = value, step, self._step
            self.batches = self.samples = self._alike_in = 0
            self.kept = kept
        # A single sample has but one number: it is like the one before it, or it is not.
        self._alike_in += value is not None and (count > 1 or value == self._last)
        self.batches, self.samples = self.batches + 1, self.samples + count
        self._last, self._step = value, step

    @property
    def young(self) -> bool:
        """Targets are one number since a few batches only."""
        return self.value is not None and self.before > 0 and self.batches < YOUNG

    def result(self) -> dict[str, Any]:
        """Fields of the signal `targets`; none where the newest batch holds several numbers, or nothing came before."""
        if self.value is None or not self.before:
            return {}
        return {
            "constant_value": self.value, "constant_since": self.since, "varied_until": self.after,
            "constant_batches": self.batches, "constant_samples": self.samples, "batches_before": self.before,
            "constant_before": self.alike,
        }  # fmt: skip
