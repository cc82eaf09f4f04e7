"""What is no content of a sample and predicts its class all the same: size, format, brightness, border, gaps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.chunks import is_owner
from netvet.data.faults import NotAssessable
from netvet.data.faults.alone import Sampled, sampled, skill
from netvet.data.index import Audited, Split

# Of how a sample was stored. All others (brightness, ink, length) may well be what the class is about.
CONTAINER = (
    "width", "height", "aspect", "mode", "channels", "sample rate", "rate", "bits", "format", "suffix", "ending",
    "border", "quality", "orientation",
)  # fmt: skip
# Said by the user of the data, or looked at in another way.
NOT_METADATA = ("group", "time", "missing", "not finite", "label", "target")
# Skill that is worth a word, and permuted labels that it is held against.
SKILL, PERMUTATIONS = 0.3, 19
FEWEST = 60


def spurious_features(data: Audited) -> list[Record]:
    """Records of the signal `spurious_features`: one an attribute that predicts the class far beyond chance."""
    train = data.train
    if train is None or train.labels is None:
        raise NotAssessable("the training data have no classes")
    columns = _columns(data, train)
    of = sampled(train)
    if not columns or len(of.chosen) < FEWEST or len(np.unique(of.targets)) < 2:
        raise NotAssessable("the samples have no metadata, or are too few, or of one class")
    found = [_record(data, train, name, column[of.chosen], of) for name, column in columns.items()]
    return [record for record in found if record is not None]


def _columns(data: Audited, split: Split) -> dict[str, npt.NDArray[np.float64]]:
    """Attributes as numbers, and of a table the number of empty cells."""
    said = {str(v) for v in data.facts.values() if isinstance(v, str)}
    found = {}
    for name, values in split.rows.attributes.items():
        if name in NOT_METADATA or name in said or is_owner(name):
            continue
        numbers = _numbers(values)
        if numbers is not None:
            found[name] = numbers
    if data.kind == "table" and split.rows.names:
        found["empty cells"] = np.isnan(split.rows.features).sum(axis=1).astype(np.float64)
    return {name: column for name, column in found.items() if len(np.unique(column[np.isfinite(column)])) > 1}


def _numbers(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64] | None:
    """Words as the position of each among all, where they are few."""
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    words, inverse = np.unique(np.array([str(v) for v in values.tolist()]), return_inverse=True)
    return inverse.astype(np.float64) if len(words) <= max(20, len(values) // 20) else None


def _record(data: Audited, split: Split, name: str, column: npt.NDArray[np.float64], of: Sampled) -> Record | None:
    own = skill(column, of)
    if own < SKILL:
        return None
    random = np.random.default_rng(0)
    permuted = [skill(column, of, random.permutation(of.targets)) for _ in range(PERMUTATIONS)]
    groups = [column[of.targets == c] for c in range(len(data.classes))]
    typical = {
        str(name_of): float(np.nanmedian(g))
        for name_of, g in zip(data.classes, groups, strict=True)
        if len(g) and np.isfinite(g).any()
    }
    return {
        "split": split.name, "attribute": name, "skill": own, "permuted": float(max(permuted)),
        "container": any(name == word or name.startswith(f"{word} ") for word in CONTAINER), "samples": len(of.chosen),
        "typical": dict(list(typical.items())[:20]), "classes": len(np.unique(of.targets)),
    }  # fmt: skip
