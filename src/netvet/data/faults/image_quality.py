"""Images that are dark, light, blurred, empty of detail, or of another size, shape or colour than the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.faults import NotAssessable
from netvet.data.index import Audited

Values = npt.NDArray[np.float64]
# CleanVision's limits of its scores, which are 0 for the worst.
DARK, LIGHT, BLURRY, DETAIL, ASPECT = 0.32, 0.05, 0.29, 0.3, 0.35
# Its exponents: a variance of the Laplacian of 100 scores 0.63; entropy in bits by tenths; contrast that excuses blur.
_RATE, _TENTH, _CONTRAST = 0.01, 0.1, 0.18
# Beyond the quartiles by so many distances of theirs (its limit for sizes); and at least by so much as a factor, as
# loaders resize.
FENCE, FACTOR = 3.0, 1.5
# How the pixels of most images lie.
UPRIGHT = "upright"
# Below this many images no share means anything.
FEWEST = 20
# A larger share of images is what the data are like (digits on black, patches of sky), no fault of some; from a
# smaller one on, images that stand apart are a kind of their own, such as those of the night.
USUAL, KIND = 1 / 3, 0.125
# A gap: up to a quarter inside of the limit there are fewer images than this share of those beyond it.
_BAND, _GAP = 1.25, 0.25
EXAMPLES = 10


def quality(data: Audited) -> list[Record]:
    """Records of the signal `image_quality`.

    Raises:
        NotAssessable: the samples are no image files.
    """
    if data.kind != "image":
        raise NotAssessable("the samples are no images")
    splits = [s for s in data.splits.values() if len(s)]
    if sum(map(len, splits)) < FEWEST:
        raise NotAssessable(f"fewer than {FEWEST} images")
    names = set.intersection(*(set(s.rows.attributes) for s in splits))
    facts = {name: np.concatenate([s.rows.attributes[name] for s in splits]) for name in names}
    ends = np.cumsum([len(s) for s in splits])
    found: list[Record] = []
    issues = {issue: _counted([ratio(facts) for ratio in ratios]) for issue, ratios in _ISSUES.items()}
    turned = _turned(facts)
    issues["turned"] = turned, False, bool(np.all(turned < 1))  # all alike is no mixture, whatever their share
    for issue, (worst, apart, usual) in issues.items():
        for split, part in zip(splits, np.split(worst, ends[:-1]), strict=True):
            beyond = np.flatnonzero(part < 1)
            keys = [split.key(i) for i in beyond[np.argsort(part[beyond], kind="stable")][:EXAMPLES].tolist()]
            if len(beyond):
                found.append(
                    {
                        "split": split.name, "role": split.role, "issue": issue, "count": len(beyond),
                        "samples": len(split), "apart": apart, "usual": usual, "examples": keys,
                    }
                )  # fmt: skip
    return found


def _counted(ratios: Sequence[Values]) -> tuple[Values, bool, bool]:
    """The worst of several measures of one issue, as a ratio to its limit; whether it stands apart, or is usual.

    A measure by which the issue is usual counts only where all are so. The first one tells whether it stands apart.
    """
    few = [ratio for ratio in ratios if 0 < np.mean(ratio < 1) <= USUAL]
    worst: Values = np.min(few or ratios, axis=0)
    first = int(np.sum(ratios[0] < 1))
    apart = _is_apart(ratios[0]) and first >= int(np.sum(worst < 1)) / 2
    return worst, apart, not few


def _is_apart(ratio: Values) -> bool:
    beyond = int(np.sum(ratio < 1))
    near = int(np.sum((ratio >= 1) & (ratio < _BAND)))
    return 0 < beyond <= KIND * len(ratio) and near <= _GAP * beyond


def _seen(facts: Mapping[str, Values], ratio: Values) -> Values:
    """Blank images are no dark, light or blurred ones."""
    return np.where((facts["blank"] == 1) | np.isnan(ratio), np.inf, ratio)


def _dark(facts: Mapping[str, Values]) -> Values:
    return _seen(facts, facts["brightest"] / DARK)


def _light(facts: Mapping[str, Values]) -> Values:
    return _seen(facts, (1 - facts["darkest"]) / LIGHT)


def _detail(facts: Mapping[str, Values]) -> Values:
    bits = facts["entropy"] + np.log2(np.maximum(facts["channels"], 1))  # as Pillow counts over all channels
    return _seen(facts, bits * _TENTH / DETAIL)


def _blurry(facts: Mapping[str, Values]) -> Values:
    contrast = 1 - np.exp(-facts["contrast"] * 255 * _RATE)
    score = 1 - np.exp(-facts["sharpness"] * _RATE) + np.where(contrast > _CONTRAST, contrast, 0.0)
    return _seen(facts, np.minimum(score, 1) / BLURRY)


def _less_sharp(facts: Mapping[str, Values]) -> Values:
    """Sharpness beside contrast, of images with contrast, against what is usual in these data."""
    contrast = 1 - np.exp(-facts["contrast"] * 255 * _RATE)
    beside = np.log10((facts["sharpness"] + 1e-3) / (np.square(facts["contrast"] * 255) + 1))
    low, _ = _fences(beside)
    return _seen(facts, np.where(contrast > _CONTRAST, 10 ** np.clip(beside - low, -9, 9), np.inf))


def _aspect(facts: Mapping[str, Values]) -> Values:
    shape = facts["width"] / np.maximum(facts["height"], 1)
    return np.asarray(np.minimum(shape, 1 / np.maximum(shape, 1e-9)) / ASPECT)


def _size(facts: Mapping[str, Values]) -> Values:
    """Side of a square with as many pixels: how far inside of the fences it is."""
    side = np.log(np.sqrt(np.maximum(facts["width"] * facts["height"], 1)))
    low, high = _fences(side)
    middle = float(np.median(side))
    low, high = min(low, middle - np.log(FACTOR)), max(high, middle + np.log(FACTOR))
    inside: Values = np.exp(np.minimum(side - low, high - side))
    return inside


def _greyscale(facts: Mapping[str, Values]) -> Values:
    """Without colour among images that mostly have some."""
    return np.where(facts["greyscale"] == 1, 0.0, np.inf)


def _turned(facts: Mapping[str, Values]) -> Values:
    """Of images whose EXIF tag says that the stored pixels are to be turned."""
    stored = facts.get("orientation", np.array([UPRIGHT], dtype=object))
    beyond = np.array([isinstance(one, str) and one != UPRIGHT for one in stored.tolist()])
    return np.where(np.broadcast_to(beyond, facts["width"].shape), 0.0, np.inf)


def _fences(values: Values) -> tuple[float, float]:
    low, high = np.percentile(values, [25, 75])
    return float(low - FENCE * (high - low)), float(high + FENCE * (high - low))


_ISSUES: Mapping[str, tuple[Callable[[Mapping[str, Values]], Values], ...]] = {
    "dark": (_dark,), "light": (_light,), "low information": (_detail,), "blurry": (_less_sharp, _blurry),
    "odd aspect": (_aspect,), "odd size": (_size,), "greyscale": (_greyscale,),
}  # fmt: skip
