"""What a program that trains on the data would meet: the signals `targets` and `inputs` of a run, from all samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.chunks import Kind
from netvet.data.describe.tensor import is_projected
from netvet.data.faults import NotAssessable
from netvet.data.index import Audited, Split
from netvet.data.summaries import Moments

# Folders and files by class: a single one is a collection without classes, where a column of one value is a fault.
_SORTED_KINDS: tuple[Kind, ...] = ("image", "audio")
# Per-feature numbers of a record, and examples of samples.
MAX_LISTED, EXAMPLES = 256, 10
MAX_DISTINCT = 1_000


def targets(data: Audited) -> list[Record]:
    """Records of the signal `targets`: one a split with targets."""
    found = [_targets(data, split) for split in data.splits.values() if _phase(data, split) and len(split)]
    kept = [record for record in found if record is not None]
    if not kept:
        raise NotAssessable("the data have no targets")
    return kept


def inputs(data: Audited) -> list[Record]:
    """Records of the signal `inputs`: one a split."""
    found = [_inputs(data, split) for split in data.splits.values() if _phase(data, split) and len(split)]
    kept = [record for record in found if record is not None]
    if not kept:
        raise NotAssessable(f"what is kept of samples of the kind {data.kind} are no inputs of a net")
    return kept


def target_in_input(data: Audited) -> list[Record]:
    """Records of the signal `target_in_input`: columns of the training data that equal the target."""
    train = data.train
    if train is None or data.kind not in ("table", "tensor"):
        raise NotAssessable("only columns of a table can equal the target")
    aimed = _as_numbers(data, train)
    if aimed is None or len(np.unique(aimed[np.isfinite(aimed)])) < 2:
        raise NotAssessable("the targets are no numbers, or all the same")
    names, features = train.rows.names, train.rows.features
    equal = [c for c in range(features.shape[1]) if np.array_equal(features[:, c], aimed, equal_nan=True)]
    if features.shape[1] < 2:
        equal = []
    return [
        {"model": data.name, "column": names[c] if names else c, "autoencoder": False, "task": _kind(data, train)}
        for c in equal
    ]  # fmt: skip


def _phase(data: Audited, split: Split) -> str | None:
    """`train`, `eval`, or None for a split that is neither."""
    if split is data.train:
        return "train"
    return "eval" if split.role in ("val", "test") else None


def _kind(data: Audited, split: Split) -> str:
    return "classes" if split.labels is not None else "regression"


def _as_numbers(data: Audited, split: Split) -> npt.NDArray[np.float32] | None:
    """Targets as the numbers that a column could hold; None where they are words."""
    if split.numbers is not None:
        return split.numbers.astype(np.float32)
    if split.labels is None:
        return None
    try:
        values = np.array([float(c) for c in data.classes] + [np.nan], dtype=np.float32)
    except ValueError:
        return None
    return values[split.labels]


def _targets(data: Audited, split: Split) -> Record | None:
    base: dict[str, Any] = {"site": split.name, "phase": _phase(data, split), "kind": _kind(data, split)}
    if split.labels is not None:
        known = split.labels[split.labels >= 0]
        if not len(known):
            return None
        counts = np.bincount(known, minlength=len(data.classes))
        share = counts[counts > 0] / len(known)
        outputs = len(data.classes) if data.kind in _SORTED_KINDS else max(len(data.classes), 2)
        return {
            **base, "counts": counts.tolist(), "classes_seen": int((counts > 0).sum()), "min": float(known.min()),
            "max": float(known.max()), "samples": len(known), "outputs": outputs, "names": list(data.classes),
            "entropy": float(-(share * np.log(share)).sum()) + 0.0,
        }  # fmt: skip
    known_numbers = split.numbers[np.isfinite(split.numbers)] if split.numbers is not None else np.zeros(0)
    if not len(known_numbers):
        return None
    return {
        **base, "min": float(known_numbers.min()), "max": float(known_numbers.max()), "samples": len(known_numbers),
        "mean": float(known_numbers.mean()), "std": float(known_numbers.std()), "outputs": 1,
    }  # fmt: skip


def _inputs(data: Audited, split: Split) -> Record | None:
    """None for kinds whose rows say nothing of single values (text, sound, images that are files)."""
    moments = data.summaries.get(split.name)
    if data.kind not in ("table", "tensor") or not isinstance(moments, Moments):
        return None
    base = {
        "model": data.name, "position": 0, "phase": _phase(data, split), "split": split.name, "samples": len(split),
        "batch": len(split), "dtype": "float32", "raw": not data.live, "named": f"the {split.name} data",
    }  # fmt: skip
    return {**base, **(_whole(split) or _columns(split, moments))}


def _whole(split: Split) -> dict[str, Any] | None:
    """Of samples too wide for a feature a value: what their attributes tell; None for others."""
    rows = split.rows
    bad = rows.attributes.get("not finite")
    if bad is None or not is_projected(rows):
        return None
    mean, std = (np.asarray(rows.attributes[name], dtype=np.float64) for name in ("mean", "std"))
    centre = float(np.nanmean(mean))
    spread = float(np.sqrt(np.nanmean(std**2) + np.nanvar(mean)))
    found: dict[str, Any] = {"mean": centre, "std": spread, **_not_finite(split, np.asarray(bad, dtype=np.float64))}
    ends = [rows.attributes.get(name) for name in ("lowest", "highest")]
    if all(e is not None and np.isfinite(e).any() for e in ends):
        low, high = (np.asarray(e, dtype=np.float64)[np.isfinite(e)] for e in ends if e is not None)
        found |= {"min": float(low.min()), "max": float(high.max())}
    return found


def _columns(split: Split, moments: Moments) -> dict[str, Any]:
    features, names = split.rows.features, split.rows.names
    count = moments.count > 0
    # A column without any value is missing as a whole: it never varies either.
    constant = ~count | (moments.high == moments.low)
    lost = moments.infinite if names else moments.infinite + moments.missing
    bad = ~np.isfinite(features) if not names else np.isinf(features)
    # Codes of words tell words apart and have no size.
    codes = split.rows.categorical
    count &= ~np.isin(np.array(names, dtype=str), codes) if names and codes else True
    total = float(moments.count[count].sum())
    mean = float((moments.mean * moments.count)[count].sum() / max(total, 1))
    squares = float((moments.squares + moments.count * (moments.mean - mean) ** 2)[count].sum())
    worst = int(np.argmax(lost)) if len(lost) else 0
    found: dict[str, Any] = {
        "shape": [len(split), features.shape[1]], "features": features.shape[1], "mean": mean,
        "std": float(np.sqrt(squares / max(total, 1))), "constant_features": int(constant.sum()),
        "constant_names": [names[c] for c in np.flatnonzero(constant)[:EXAMPLES]] if names else [],
        "missing": int(moments.missing.sum()) if names else 0,
        "missing_names": [_named(names, int(c)) for c in np.argsort(-moments.missing)[:EXAMPLES] if moments.missing[c]],
        "feature_mean": _listed(moments.mean, count), "feature_std": _listed(moments.std, count),
    }  # fmt: skip
    if total:
        found |= {"min": float(moments.low[count].min()), "max": float(moments.high[count].max())}
        found["integral"] = bool(np.all(features[:, count][np.isfinite(features[:, count])] % 1 == 0))
        found["distinct"] = min(len(np.unique(features[: 10 * MAX_DISTINCT, count])), MAX_DISTINCT)
    found |= _not_finite(split, bad.sum(axis=1).astype(np.float64))
    if found["nonfinite"]:
        found["nonfinite_column"] = _named(names, worst)
    return found


def _not_finite(split: Split, bad: npt.NDArray[np.float64]) -> dict[str, Any]:
    """How many values are, in which samples."""
    samples = np.flatnonzero(bad > 0)
    keys = [split.key(int(i)) for i in samples[:EXAMPLES]]
    return {"nonfinite": int(bad.sum()), "nonfinite_samples": len(samples), "first_nonfinite_samples": keys}


def _named(names: tuple[str, ...], column: int) -> str:
    return names[column] if names else str(column)


def _listed(values: npt.NDArray[Any], count: npt.NDArray[np.bool_]) -> list[float | None]:
    return [float(v) if c else None for v, c in zip(values[:MAX_LISTED].tolist(), count.tolist(), strict=False)]
