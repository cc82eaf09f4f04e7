"""Labels that contradict what all similar samples say: confident learning on predictions of cheap models.

Two things make an out-of-sample prediction differ from a given label: classes that overlap there, and wrong labels.
Where classes overlap, the disagreement falls to nothing as the prediction gets surer; wrong labels are spread over all
samples alike and leave a floor. The floor is the share of errors, and a sample is a suspect only where the disagreement
is mostly floor: overlap is never called an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.faults import NotAssessable
from netvet.data.faults.cheap import Cheap, cheap
from netvet.data.index import Audited, Split

Ints = npt.NDArray[np.int64]

# Recall less false alarms of a class: with less, its samples are not told from others, and none is a suspect.
MIN_SKILL = 0.6
# The surest part of the samples is halved while its surer half has clearly fewer disagreements, but not below this.
MIN_SURE, SURER = 64, 0.1
# Times the floor: where more disagree than that, most of it is overlap of classes; all but a quarter of it, for samples
# that the models are confident of.
FLOORS, FLOORS_CONFIDENT = 2.5, 4.0
# A record lists so many suspects, the surest first; all are in `suspects`.
LISTED = 50
# Robust standard deviations of a residual, and share of the (robust) variance of the targets that models must explain
# to say what a number should be.
FAR, MIN_R2 = 8.0, 0.75


@dataclass(frozen=True)
class Suspects:
    """Suspects of one split.

    Attributes:
        samples: numbers of the samples, the surest first; `given`, `suggested`: classes (or numbers) of each.
        given_probability, suggested_probability: by the cheap models, float [n]; NaN for numbers.
    """

    samples: Ints
    given: npt.NDArray[Any]
    suggested: npt.NDArray[Any]
    given_probability: npt.NDArray[Any]
    suggested_probability: npt.NDArray[Any]


@dataclass(frozen=True)
class Floor:
    """Disagreements among the samples that the models are surest of: `wrong` of `sure`."""

    wrong: int
    sure: int

    @property
    def share(self) -> float:
        """The estimated share of wrong labels."""
        return self.wrong / max(self.sure, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """That holds the share with 95 % (Clopper and Pearson, 1934)."""
        from scipy.stats import beta  # type: ignore[import-untyped]

        k, n = self.wrong, self.sure
        low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
        return low, float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0


def suspects(data: Audited, probabilities: Mapping[str, npt.NDArray[Any]] | None = None) -> dict[str, Ints]:
    """Numbers of the samples of each split whose label is probably wrong, the surest first.

    Args:
        probabilities: of a better model, by split [n, classes], each of samples that it was not trained on.
    """
    try:
        return {name: found.samples for name, found in _looked(data, probabilities)[0].items()}
    except NotAssessable:
        return {}


def label_suspects(data: Audited, probabilities: Mapping[str, npt.NDArray[Any]] | None = None) -> list[Record]:
    """Records of the signal `label_suspects`: one a split.

    Raises:
        NotAssessable: no targets, too few samples, or classes that cheap models cannot tell apart.
    """
    found, about = _looked(data, probabilities)
    return [_record(data, data.splits[name], one, about) for name, one in found.items()]


def _looked(data: Audited, given: Mapping[str, npt.NDArray[Any]] | None) -> tuple[dict[str, Suspects], dict[str, Any]]:
    if data.train is not None and data.train.numbers is not None:
        return _residuals(data, cheap(data))
    by = cheap(data) if given is None else None
    outputs = by.probabilities if by is not None else dict(given or {})
    judged = _Judged.of(data, outputs)
    able = judged.able()
    right = float(np.mean(judged.said == judged.given))
    told = by.learner if by is not None else "the model"
    if able.sum() < 2:
        raise NotAssessable(f"{told} cannot tell the classes apart (accuracy {right:.2f} in cross-validation)")
    floor = judged.floor(able)
    chosen = judged.suspects(able, floor)
    low, high = floor.interval
    about = {
        "learner": told, "accuracy": right, "share": floor.share, "low": low, "high": high,
        "overlap": max(1 - right - floor.share, 0.0), "wrong": floor.wrong, "sure": floor.sure,
        "unable": int(len(able) - able.sum()),
    }  # fmt: skip
    return judged.by_split(chosen), about


@dataclass(frozen=True)
class _Judged:
    """All labelled samples of all splits: where they are, what is given, and what models say.

    Attributes:
        names, samples: split and number in it, [n]; `given`: class [n].
        output: probabilities [n, classes] as they are; `even`: as if all classes were equally common.
    """

    names: npt.NDArray[Any]
    samples: Ints
    given: Ints
    output: npt.NDArray[Any]
    even: npt.NDArray[Any]

    @classmethod
    def of(cls, data: Audited, outputs: Mapping[str, npt.NDArray[Any]]) -> _Judged:
        parts = []
        for name, output in outputs.items():
            labels = data.splits[name].labels
            kept = np.flatnonzero(labels >= 0) if labels is not None else np.zeros(0, dtype=np.int64)
            if labels is not None and len(kept):
                parts.append((np.full(len(kept), name, dtype=object), kept, labels[kept], output[kept]))
        names, samples, given, output = (np.concatenate(column) for column in zip(*parts, strict=True))
        share = (np.bincount(given, minlength=output.shape[1]) / len(given)).astype(output.dtype)
        # A rare class has low probabilities everywhere: without its rareness only evidence counts.
        even = output / np.maximum(share, 1 / len(given))
        return cls(names, samples, given, output, even / np.maximum(even.sum(axis=1, keepdims=True), 1e-30))

    @property
    def said(self) -> Ints:
        found: Ints = self.even.argmax(axis=1)
        return found

    @property
    def margin(self) -> npt.NDArray[Any]:
        top = np.partition(self.even, -2, axis=1)
        return top[:, -1] - top[:, -2]

    def able(self) -> npt.NDArray[np.bool_]:
        """Classes [classes] that the models tell from the others."""
        classes = self.even.shape[1]
        said, hit = self.said, self.said == self.given
        own, told = np.bincount(self.given, minlength=classes), np.bincount(said, minlength=classes)
        right = np.bincount(self.given[hit], minlength=classes)
        false = (told - right) / np.maximum(len(self.given) - own, 1)
        enough: npt.NDArray[np.bool_] = (right / np.maximum(own, 1) - false >= MIN_SKILL) & (own >= 5)
        return enough

    def floor(self, able: npt.NDArray[np.bool_]) -> Floor:
        """The disagreements among the surest, where being surer brings no fewer of them."""
        from scipy.stats import binom

        wrong = self._ordered(able)[1]
        sure = len(wrong) // 2
        while sure >= 2 * MIN_SURE:
            all_of, surer = int(wrong[:sure].sum()), int(wrong[: sure // 2].sum())
            if not all_of or binom.cdf(surer, all_of, 0.5) >= SURER:
                break
            sure //= 2
        return Floor(int(wrong[:sure].sum()), sure)

    def suspects(self, able: npt.NDArray[np.bool_], floor: Floor) -> Ints:
        """Positions of the disagreements that are mostly floor, the surest first."""
        from sklearn.isotonic import isotonic_regression  # type: ignore[import-untyped]

        order, wrong = self._ordered(able)
        if not len(order):
            return order
        rate = np.asarray(isotonic_regression(wrong.astype(np.float64)))
        # The floor of few disagreements is known badly: for what the models are confident of it may be at its highest.
        highest = max(FLOORS_CONFIDENT * floor.share, floor.interval[1])
        limit = np.where(self.confident[order], highest, FLOORS * floor.share)
        chosen: Ints = order[wrong & (rate <= limit)]
        return chosen

    @property
    def confident(self) -> npt.NDArray[np.bool_]:
        """Where what is said is as probable as for the samples of that class (Northcutt et al., 2021, section 3.1)."""
        classes = range(self.output.shape[1])
        usual = [self.output[self.given == c, c].mean() if (self.given == c).any() else 2.0 for c in classes]
        sure: npt.NDArray[np.bool_] = (self.output >= np.array(usual))[np.arange(len(self.given)), self.said]
        return sure

    def _ordered(self, able: npt.NDArray[np.bool_]) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Positions of the samples of such classes from the surest on, and whether prediction and label differ."""
        kept = np.flatnonzero(able[self.given] & able[self.said])
        order = kept[np.argsort(-self.margin[kept], kind="stable")]
        return order, self.said[order] != self.given[order]

    def by_split(self, chosen: Ints) -> dict[str, Suspects]:
        found = {}
        for name in dict.fromkeys(self.names.tolist()):
            own = chosen[self.names[chosen] == name]
            rows = np.arange(len(own))
            given, said = self.given[own], self.said[own]
            output = self.output[own]
            found[name] = Suspects(self.samples[own], given, said, output[rows, given], output[rows, said])
        return found


def _record(data: Audited, split: Split, found: Suspects, about: dict[str, Any]) -> Record:
    names = [str(c) for c in data.classes]
    columns = (found.samples, found.given, found.suggested, found.given_probability, found.suggested_probability)
    listed = [
        {"sample": int(s), "key": split.key(int(s)), "given": names[int(g)] if names else float(g),
         "suggested": names[int(h)] if names else float(h),
         "given_probability": _number(p), "suggested_probability": _number(q)}
        for s, g, h, p, q in zip(*(c[:LISTED] for c in columns), strict=True)
    ]  # fmt: skip
    pairs: dict[str, int] = {}
    for g, h in zip(found.given.tolist(), found.suggested.tolist(), strict=True) if names else ():
        pair = f"{names[g]} -> {names[h]}"
        pairs[pair] = pairs.get(pair, 0) + 1
    common = dict(sorted(pairs.items(), key=lambda item: -item[1])[:10])
    record = {
        "split": split.name, "samples": len(split), "suspects": len(found.samples), "examples": listed,
        "pairs": common, "task": "classification" if names else "regression", **about,
    }  # fmt: skip
    return record | {"marked": {"label error": {split.name: found.samples}}} if len(found.samples) else record


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _explained(data: Audited, by: Cheap) -> float:
    """Share of the variance of the training targets that is explained, both taken of medians: a few are far off."""
    train = data.train
    given = np.asarray(train.numbers) if train is not None else np.zeros(0)
    residual = given - by.numbers[train.name] if train is not None else given
    known = residual[np.isfinite(residual)]
    usual, left = (float(np.median(np.abs(v - np.median(v)))) for v in (given[np.isfinite(given)], known))
    return 1 - (left / usual) ** 2 if usual > 0 else 0.0


def _residuals(data: Audited, by: Cheap) -> tuple[dict[str, Suspects], dict[str, Any]]:
    """Numbers that are far from what similar samples have."""
    explained = _explained(data, by)
    if explained < MIN_R2:
        raise NotAssessable(f"cheap models explain too little of targets ({explained:.0%} of their robust variance)")
    found: dict[str, Suspects] = {}
    total = wrong = 0
    for name, said in by.numbers.items():
        given = np.asarray(data.splits[name].numbers)
        residual = np.abs(given - said)
        known = np.isfinite(residual)
        spread = 1.4826 * float(np.median(residual[known])) if known.any() else 0.0
        far = np.flatnonzero(known & (residual > FAR * spread)) if spread > 0 else np.zeros(0, dtype=np.int64)
        far = far[np.argsort(-residual[far], kind="stable")]
        nothing = np.full(len(far), np.nan)
        found[name] = Suspects(far, given[far], said[far], nothing, nothing)
        total, wrong = total + int(known.sum()), wrong + len(far)
    low, high = Floor(wrong, total).interval
    share = wrong / max(total, 1)
    about = {"learner": by.learner, "accuracy": by.score, "share": share, "low": low, "high": high}
    return found, {**about, "overlap": 0.0, "wrong": wrong, "sure": total, "unable": 0}
