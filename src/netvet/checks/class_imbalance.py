"""Classes so rare that the net stopped telling them apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from netvet.core import Facts, Finding, LayerSeries, Record, Severity, check, class_name, location_of


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="commonest over rarest class [times]",
    explained_by=(
        *("missing-class", "constant-target", "missing-step", "detached-loss", "lr-too-low", "mismatched-loss"),
        "label-out-of-range",
    ),
    fixes={
        "class-weights": "Weight the loss by the inverse frequency of the classes (weight= or pos_weight=).",
        "balanced-sampler": "Draw rare classes more often (WeightedRandomSampler).",
        "honest-metric": "Judge by recall per class, balanced accuracy or average precision, not by accuracy.",
    },
)
def class_imbalance(
    targets: Facts,
    losses: Facts | None = None,
    prediction_top_share: LayerSeries | None = None,
    metrics: Facts | None = None,
    predicted_labels: Facts | None = None,
    *,
    ratio: float = 10.0,  # most common over rarest class; SageMaker Debugger's ClassImbalance
    collapsed: float = 0.99,  # share of the predictions in one class at the end of the run
    drift: float = 5.0,  # share in evaluation over that in training
    told: float = 0.1,  # predictions of a class over its samples; less is next to never
    rarest: float = 0.1,  # over the number of classes; cleanlab's limit for an underperforming rare class
) -> Iterator[Finding]:
    """One class outnumbers another so far that the net only ever predicts the common one.

    ## Why it matters
    Always guessing the most common class has a high accuracy, and rare samples are outvoted in every batch.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> counts = Facts.of({"site": "train.py:44", "phase": "train", "kind": "binary", "counts": [970, 30]})
    >>> top = LayerSeries.of(**{"train.py:44": [0.6, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]})
    >>> class_imbalance(counts, None, top)[0].message
    'class 1 has 3.00% of the training samples, and the net ends with class 0 for 100%: guessing it scores 0.97'

    ## Known problems
    Weighted losses and samplers that balance the batches are silent, as are losses that are weighted by hand
    (reduction none). A net that still predicts several classes is at most a note, unless the class is a common one in
    evaluation.

    ## References
    He and Garcia, Learning from Imbalanced Data (2009); Lin et al., Focal Loss, arXiv:1708.02002.
    """
    used = {x.get("site"): x for x in losses or ()}
    for target in (t for t in targets.where(phase="train") if t.get("kind") in ("classes", "binary")):
        early = target.get("counts_before") or ()  # targets that become constant are another matter
        counts = np.asarray([c or 0 for c in (early if sum(early) >= 100 else target.get("counts") or ())], dtype=float)
        seen = counts[counts > 0]
        loss = used.get(target.get("site"), {})
        if _weighted(loss) or len(seen) < 2 or seen.sum() < 100 or seen.max() < ratio * seen.min():
            continue
        top = _last(prediction_top_share, str(target.get("site")))
        common, rare = int(counts.argmax()), int(np.where(counts > 0, counts, np.inf).argmin())
        share, part = float(seen.max() / seen.sum()), float(counts[rare] / counts.sum())
        main, name = class_name(target, common), class_name(target, rare)
        what = f"class {name} has {part:.2%} of the training samples"  # counts go over epochs: a share is of the data
        measured: tuple[float, float | None, Severity] = (float(seen.max() / seen.min()), ratio, "warning")
        if top is not None and top >= collapsed and share < collapsed:
            message = f"{what}, and the net ends with class {main} for {top:.0%}: guessing it scores {share:.2g}"
        elif missed := _forgotten(predicted_labels, top, part, told):
            message = f"{what}, {missed}: always guessing class {main} scores {share:.3g}"
        elif (expected := _evaluated(targets, metrics, counts, rare)) > drift * part:
            message, measured = f"{what}, but {expected:.0%} of those in evaluation", (expected, drift, "warning")
        elif seen.min() / seen.sum() < rarest / max(len(seen), 1):
            message = f"{what}: always guessing class {main} already has an accuracy of {share:.2f}"
            measured = (share, None, "note")
        else:
            continue
        at, sure = location_of(loss, "created", ""), 0.9 if measured[2] == "note" else 0.7
        yield Finding(message, target.get("site"), None, *measured[:2], at, severity=measured[2], confidence=sure)


def _forgotten(made: Facts | None, top: float | None, part: float, told: float) -> str | None:
    """What share of the yes and no that the script makes of the outputs the rare class has, if next to none."""
    for one in made or ():
        found = list(one.get("counts") or (0,)) if one.get("phase") in ("eval", "train-mode-no-grad") else [0]
        said, asked = float(min(found)), float(sum(found))  # a threshold may ask for either class
        if len(found) == 2 and asked * part >= 20 and max(said / asked, 1 - (top or 0)) <= told * part:
            return f"and {said:g} of {asked:g} predictions in the last evaluation"
    return None


def _evaluated(targets: Facts, metrics: Facts | None, counts: npt.NDArray[np.float64], rare: int) -> float:
    """Share of a class in evaluation, where it is a common one there (else 0)."""
    compared = [m.get("target_counts") for m in metrics or () if m.get("split") != "train"]
    for every in (*(t.get("counts") for t in targets.where(phase="eval")), *compared):
        found = np.asarray([c or 0 for c in every or ()], dtype=float)
        if len(found) == len(counts) and found.sum() >= 100 and found[rare] >= 0.5 * found.sum() / len(found):
            return float(found[rare] / found.sum())
    return 0.0


def _weighted(loss: Record) -> bool:
    weights = loss.get("weight") is not None or loss.get("pos_weight") is not None
    return weights or loss.get("reduction") == "none" or loss.get("feeds_backward") is False


def _last(series: LayerSeries | None, site: str) -> float | None:
    """Median of the last quarter of a run of some length; None where the run is too short to say."""
    one = series[site].finite() if series is not None and site in series else None
    return None if one is None or len(one) < 4 else float(np.median(one.values[-max(len(one) // 4, 2) :]))
