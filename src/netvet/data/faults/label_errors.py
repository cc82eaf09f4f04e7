"""Labels that contradict what all similar samples say, by out-of-sample predictions of cheap models.

Two things make such a prediction differ from a given label: classes that overlap there, and wrong labels. Where classes
overlap, the disagreement falls to nothing as the prediction gets surer; wrong labels are spread over all samples alike
and leave a floor. The floor is the share of errors that a warning rests on. How likely each label is wrong is Bayes'
rule (`label_noise`): suspects are nearly sure to be, possible ones are worth a look.
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
from netvet.data.faults.label_noise import Noise, noise
from netvet.data.index import Audited, Split

Ints = npt.NDArray[np.int64]

# Recall less false alarms of a class: with less, its samples are not told from others, and none is a suspect, or
# (below the second) even a possible one.
MIN_SKILL, MIN_POSSIBLE_SKILL = 0.6, 0.2
# The surest part of the samples is halved while its surer half has clearly fewer disagreements, but not below this.
MIN_SURE, SURER = 64, 0.1
# Probability of a wrong label above which it is a suspect, and above which it is a possible one.
SURE, POSSIBLE = 0.8, 0.2
# A record lists so many suspects, the surest first; all are in `suspects`.
LISTED = 50
# Robust standard deviations of a residual, and share of the (robust) variance of the targets that models must explain
# to say what a number should be.
FAR, MIN_R2 = 8.0, 0.75


@dataclass(frozen=True)
class Suspects:
    """Samples of one split whose label is or may be wrong.

    Attributes:
        samples: their numbers: suspects first, then possible ones, each the likeliest first.
        sure: how many are suspects.
        given, suggested: classes (or numbers) of each.
        given_probability, suggested_probability: by the cheap models, float [n]; NaN for numbers.
        expected: how many of the possible ones are wrong, by their probabilities.
    """

    samples: Ints
    sure: int
    given: npt.NDArray[Any]
    suggested: npt.NDArray[Any]
    given_probability: npt.NDArray[Any]
    suggested_probability: npt.NDArray[Any]
    expected: float = 0.0

    @property
    def suspects(self) -> Ints:
        """Samples whose label is probably wrong."""
        return self.samples[: self.sure]

    @property
    def possible(self) -> Ints:
        """Further samples whose label may be wrong."""
        return self.samples[self.sure :]


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
        return {name: found.suspects for name, found in _looked(data, probabilities)[0].items()}
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
    judged = _Judged.of(data, by.probabilities, by.each) if by is not None else _Judged.of(data, dict(given or {}), {})
    able, slightly = judged.able(MIN_SKILL), judged.able(MIN_POSSIBLE_SKILL)
    right = float(np.mean(judged.said == judged.given))
    told = by.learner if by is not None else "the model"
    if slightly.sum() < 2:
        raise NotAssessable(f"{told} cannot tell the classes apart (accuracy {right:.2f} in cross-validation)")
    floor = judged.floor(able)
    low, high = floor.interval
    about = {
        "learner": told, "accuracy": right, "share": floor.share, "low": low, "high": high,
        "overlap": max(1 - right - floor.share, 0.0), "wrong": floor.wrong, "sure": floor.sure,
        "unable": int(len(able) - able.sum()),
    }  # fmt: skip
    return judged.by_split(able, slightly), about


@dataclass(frozen=True)
class _Judged:
    """All labelled samples of all splits: where they are, what is given, and what models say.

    Attributes:
        names, samples: split and number in it, [n]; `given`: class [n].
        even: probabilities [n, classes] as if all classes were equally common.
        noise: how likely each label is wrong.
    """

    names: npt.NDArray[Any]
    samples: Ints
    given: Ints
    even: npt.NDArray[Any]
    noise: Noise

    @classmethod
    def of(
        cls, data: Audited, outputs: Mapping[str, npt.NDArray[Any]], each: Mapping[str, Mapping[str, npt.NDArray[Any]]]
    ) -> _Judged:
        splits = {name: data.splits[name].labels for name in outputs}
        labels = {name: one for name, one in splits.items() if one is not None}
        kept = {name: np.flatnonzero(one >= 0) for name, one in labels.items()}
        names = np.concatenate([np.full(len(rows), name, dtype=object) for name, rows in kept.items()])
        given = np.concatenate([labels[name][rows] for name, rows in kept.items()])

        def joined(parts: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
            return np.concatenate([parts[name][rows] for name, rows in kept.items()])

        output = joined(outputs)
        found = noise([joined(parts) for parts in each.values()] or [output], given)
        share = (np.bincount(given, minlength=output.shape[1]) / len(given)).astype(output.dtype)
        # A rare class has low probabilities everywhere: without its rareness only evidence counts.
        even = output / np.maximum(share, 1 / len(given))
        even /= np.maximum(even.sum(axis=1, keepdims=True), 1e-30)
        return cls(names, np.concatenate(list(kept.values())), given, even, found)

    @property
    def said(self) -> Ints:
        found: Ints = self.even.argmax(axis=1)
        return found

    @property
    def margin(self) -> npt.NDArray[Any]:
        top = np.partition(self.even, -2, axis=1)
        return top[:, -1] - top[:, -2]

    def able(self, skill: float) -> npt.NDArray[np.bool_]:
        """Classes [classes] that the models tell from the others with such a skill."""
        classes = self.even.shape[1]
        said, hit = self.said, self.said == self.given
        own, told = np.bincount(self.given, minlength=classes), np.bincount(said, minlength=classes)
        right = np.bincount(self.given[hit], minlength=classes)
        false = (told - right) / np.maximum(len(self.given) - own, 1)
        enough: npt.NDArray[np.bool_] = (right / np.maximum(own, 1) - false >= skill) & (own >= 5)
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

    def _ordered(self, able: npt.NDArray[np.bool_]) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Positions of the samples of such classes from the surest on, and whether prediction and label differ."""
        kept = np.flatnonzero(able[self.given] & able[self.said])
        order = kept[np.argsort(-self.margin[kept], kind="stable")]
        return order, self.said[order] != self.given[order]

    def by_split(self, able: npt.NDArray[np.bool_], slightly: npt.NDArray[np.bool_]) -> dict[str, Suspects]:
        """Suspects among samples of classes that are told apart, possible ones of those that slightly are."""
        truth, wrong = self.noise.truth, self.noise.wrong
        order = np.argsort(-wrong, kind="stable")
        order = order[: np.count_nonzero(wrong >= POSSIBLE)]
        order = order[slightly[self.given[order]] & slightly[truth[order].argmax(axis=1)]]
        likely = truth[order].argmax(axis=1)
        sure = (wrong[order] >= SURE) & able[self.given[order]] & able[likely] & (likely != self.given[order])
        order, sure = order[first := np.argsort(~sure, kind="stable")], sure[first]
        found = {}
        for name in dict.fromkeys(self.names.tolist()):
            here = self.names[order] == name
            own, count = order[here], int(sure[here].sum())
            rows, given = np.arange(len(own)), self.given[own]
            others = truth[own]
            others[rows, given] = -1
            said = others.argmax(axis=1)
            probabilities = truth[own][rows, given], truth[own][rows, said]
            expected = float(wrong[own[count:]].sum())
            found[name] = Suspects(self.samples[own], count, given, said, *probabilities, expected)
        return found


def _record(data: Audited, split: Split, found: Suspects, about: dict[str, Any]) -> Record:
    names = [str(c) for c in data.classes]
    columns = (found.samples, found.given, found.suggested, found.given_probability, found.suggested_probability)
    listed = [
        {"sample": int(s), "key": split.key(int(s)), "given": names[int(g)] if names else float(g),
         "suggested": names[int(h)] if names else float(h),
         "given_probability": _number(p), "suggested_probability": _number(q)}
        for s, g, h, p, q in zip(*(c[: min(found.sure or LISTED, LISTED)] for c in columns), strict=True)
    ]  # fmt: skip
    pairs: dict[str, int] = {}
    for g, h in zip(found.given[: found.sure].tolist(), found.suggested.tolist(), strict=False) if names else ():
        pair = f"{names[g]} -> {names[h]}"
        pairs[pair] = pairs.get(pair, 0) + 1
    common = dict(sorted(pairs.items(), key=lambda item: -item[1])[:10])
    record = {
        "split": split.name, "samples": len(split), "suspects": found.sure, "examples": listed, "pairs": common,
        "task": "classification" if names else "regression",
        "possible": len(found.possible), "expected": found.expected, **about,
    }  # fmt: skip
    marked = {"label error": found.suspects, "possible label error": found.possible}
    return record | {"marked": {fault: {split.name: samples} for fault, samples in marked.items() if len(samples)}}


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
        found[name] = Suspects(far, len(far), given[far], said[far], nothing, nothing)
        total, wrong = total + int(known.sum()), wrong + len(far)
    low, high = Floor(wrong, total).interval
    share = wrong / max(total, 1)
    about = {"learner": by.learner, "accuracy": by.score, "share": share, "low": low, "high": high}
    return found, {**about, "overlap": 0.0, "wrong": wrong, "sure": total, "unable": 0}
