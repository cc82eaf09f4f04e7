"""Evaluation samples that the net was trained on."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, Record, Severity, check, location_of, shown
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="evaluation samples seen in training [share]",
    fixes={
        "split-first": "Split before anything copies, resamples or augments rows, and train on the training part only.",
        "drop-shared": "Remove from the training data every sample that is also in the evaluation data.",
    },
)
def split_overlap(
    samples: Facts,
    inputs: Facts | None = None,
    target_in_input: Facts | None = None,
    loaders: Facts | None = None,
    near_duplicates: Facts | None = None,
    *,
    error: float = 0.05,  # share of the evaluation samples; deepchecks' limit for duplicates between splits
    warning: float = 0.01,  # catalogue: any; below 1 % the score moves by less than its own error
    natural: int = 3,  # shared samples; iris has one natural pair of twins, and a random split may part it
    fewest: int = 20,  # evaluation samples; a handful proves nothing about a split
) -> Iterator[Finding]:
    """Samples of the evaluation set are in the training set too.

    ## Why it matters
    A net can know such samples by heart: the score no longer says how it does on new data, and the choice of settings
    and of the best epoch rewards memory.

    ## Example
    >>> from netvet.core import Facts
    >>> split_overlap(Facts.of({"train": 1000, "eval": 200, "overlap": 50, "granular": 64, "duplicates": 0}))[0].message
    '50 of 200 evaluation samples (25%) are also training samples: the score partly measures memory'

    ## Known problems
    Short or discrete inputs (tokens, few features) collide without any mistake: silent where samples repeat within
    the training data as well. Scoring on exactly the training data (no split at all, whole graphs, physics-informed
    nets) and autoencoders are notes.

    ## References
    Kapoor and Narayanan, Leakage and the reproducibility crisis (2023); deepchecks, Train-test samples mix.
    """
    tokens = any(str(i.get("dtype")).removeprefix("torch.").startswith(("int", "uint")) for i in inputs or ())
    rebuilt = any(t.get("autoencoder") for t in target_in_input or ())
    for record in samples:
        train, total, shared = number(record, "train"), number(record, "eval"), number(record, "overlap")
        if not train or not total or not shared or total < fewest:
            continue
        part = min(shared / total, 1.0)
        chance = record.get("by_chance")  # an audit has measured it
        discrete = chance is None and (tokens or (number(record, "granular") or 0) < 16)
        if chance or (discrete and _collides(record, part, tokens=tokens)):
            continue
        whole = part > 0.99
        severity: Severity = "error" if part >= error else "warning" if part >= warning else "note"
        if shared < natural or rebuilt or (whole and abs(total - train) <= 0.02 * train):
            severity = "note"
        elif whole:  # it may be meant as a score on training data
            severity = "warning"
        what = "no score is about data that the net has not seen" if whole else "the score partly measures memory"
        split = record.get("split")
        kind = "evaluation samples" if split is None else f"samples of {split}"
        message = f"{shared:g} of {total:g} {kind} ({shown(part)}) are also training samples: {what}"
        evidence = {"pairs": list(record.get("overlap_keys") or record.get("overlap_examples") or ())[:10]}
        sure = 0.7 if whole or discrete else 1.0
        place = _place(inputs, loaders, widened=whole and train > total)
        where = "evaluation" if split is None else str(split)
        yield Finding(message, where, None, part, warning, place, evidence, severity=severity, confidence=sure)
    yield from (_near(record, error, natural) for record in near_duplicates or () if _leaks(record))


def _leaks(record: Record) -> bool:
    """Near samples of which one side is trained on and the other is held out."""
    roles = {str(record.get("role")), str(record.get("other_role"))}
    some = number(record, "samples") or number(record, "possible")
    return "train" in roles and bool(roles & {"val", "test"}) and bool(some)


def _near(record: Record, error: float, natural: int) -> Finding:
    part, split, samples = number(record, "share") or 0.0, str(record.get("split")), number(record, "samples") or 0
    total, other, more, sure = record.get("total"), record.get("other"), number(record, "possible"), 0.6
    message = (
        f"{samples:g} of {total} samples of {split} ({shown(part)}) are all but equal to one of {other} (noise, "
        f"compression, a shift, some words): the score partly measures memory"
    )
    if not samples:
        sure, message = 0.3, f"{more:g} of {total} samples of {split} may be all but equal to one of {other}"
    elif more:
        message += f"; {more:g} more may be"
    severity: Severity = "warning" if part >= error and samples >= natural else "note"
    evidence = {"pairs": list(record.get("examples") or record.get("possible_examples") or ())[:10]}
    return Finding(message, split, None, part, error, None, evidence, severity=severity, confidence=sure)


def _place(inputs: Facts | None, loaders: Facts | None, *, widened: bool) -> Location | None:
    """The loader of training that holds the evaluation samples too; else where the evaluation samples were chosen."""
    sides = {phase: [x for x in loaders or () if x.get("phase") == phase] for phase in ("train", "eval")}
    own = sides["train"] if widened else sides["eval"]
    chosen = [x for x in inputs or () if x.get("phase") == "eval"]
    place = location_of(own[0], "created") if len(own) == 1 else None
    return place or (location_of(chosen[0], "chosen") if len(chosen) == 1 else None)


def _collides(record: Record, part: float, *, tokens: bool) -> bool:
    """Whether short or discrete samples would meet that often without any mistake."""
    repeats, seen, width = number(record, "duplicates"), number(record, "train_seen"), number(record, "granular")
    # One of a group of equal samples on the other side of a random split: about twice the repeats, with slack.
    chance = 3 * repeats / seen if repeats and seen else 0.0
    return part <= chance or (tokens and repeats is None) or (width or 0) < 2
