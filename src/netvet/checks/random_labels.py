"""Targets that were separated from their inputs."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="score [as measured]",
    explained_by=(
        "wrong-dtype",
        "constant-target",
        "missing-class",
        "constant-feature",
        "excessive-augmentation",
    ),
    fixes={
        "pair-samples": "Shuffle inputs and targets by one order; print some pairs: they must belong together.",
        "shift-targets": "Look for a line that is skipped on one side, a header, or an index that is one off.",
    },
)
def random_labels(
    random_labels: Facts,
    losses: Facts | None = None,
    *,
    fewest: int = 200,  # samples; fewer cannot tell the pairings apart
    spread: float = 3.0,  # std of the score over shuffled pairings, which is estimated from a few of them
    broken: float = -1.0,  # r2 of a net whose own outputs are far off: it does not show what can be learned
    dominant: float = 0.7,  # share of one class above which accuracy says nothing of what can be learned
) -> Iterator[Finding]:
    """Inputs and targets do not belong together.

    ## Why it matters
    Where the pairing is lost, a net can only learn the samples by heart: the training loss may still fall to zero.

    ## Example
    >>> from netvet.core import Facts
    >>> probe = {"samples": 800, "true_score": 0.11, "shuffled_score": 0.1, "shuffled_sd": 0.01, "model_val_score": 0.1}
    >>> random_labels(Facts.of({**probe, "chance": 0.1, "score": "accuracy"}))[0].message
    'on 800 samples the true pairing of inputs and targets scores 0.11, shuffled pairings 0.1: nothing can be learned'

    ## Known problems
    The learners see the ranks of numbers, so that neither tails nor units matter.
    Hard problems (parity) defeat simple learners, too: silent unless the net itself is at chance on validation data.
    Where one class dominates, accuracy cannot rise above its share: silent. Pure noise, as in daily returns, cannot be
    told from shuffled labels. A shift by one is looked for in data alone, and not where samples go with the next one.

    ## References
    Zhang et al., Understanding deep learning requires rethinking generalization, arXiv:1611.03530.
    """
    fed = [x for x in losses or () if x.get("phase") == "train" and x.get("feeds_backward") is not False]
    paired = next((p for x in fed if (p := location_of(x, "paired"))), None)
    for record in random_labels:
        true, shuffled, sd = (number(record, f) for f in ("true_score", "shuffled_score", "shuffled_sd"))
        own, chance, count = (number(record, f) for f in ("model_val_score", "chance", "samples"))
        if true is None or shuffled is None or sd is None or (count or 0) < fewest:
            continue
        if own is None:
            yield from _of_data(record, true, shuffled, spread * max(sd, 1e-3))
            continue
        level = shuffled if chance is None else chance
        if record.get("score") == "accuracy" and level > dominant:
            continue
        if record.get("score") == "r2" and own < broken:
            continue
        if true > shuffled + spread * max(sd, 1e-3) or own > level + max(0.03, spread * sd):
            continue
        message = (
            f"on {count:g} samples the true pairing of inputs and targets scores {true:.2g}, "
            f"shuffled pairings {shuffled:.2g}: nothing can be learned"
        )
        yield Finding(message, "training data", None, true, shuffled, paired, confidence=0.7, fixes=("pair-samples",))


def _of_data(record: Record, true: float, shuffled: float, spread: float) -> Iterator[Finding]:
    """Without a net there is no telling a hard problem from lost pairs."""
    if record.get("audit") is not True or true > shuffled + spread:
        return
    shift, put_right = number(record, "shift"), number(record, "shift_score")
    if shift is not None and put_right is not None:
        side = "next" if shift > 0 else "previous"
        message = (
            f"the targets of {record.get('split')} seem to be off by one: as they are paired, cheap models find no "
            f"relation ({record.get('score')} {true:.2g}); with each target at the {side} sample they "
            f"reach {put_right:.2g}"
        )
        yield Finding(
            message,
            record.get("split"),
            None,
            true,
            put_right,
            severity="warning",
            confidence=0.8,
            fixes=("shift-targets",),
        )
    else:
        message = (
            f"cheap models find no relation between samples and targets of {record.get('split')} "
            f"({record.get('score')} {true:.2g}, shuffled {shuffled:.2g}): lost pairs, or a hard problem"
        )
        yield Finding(
            message, record.get("split"), None, true, shuffled, severity="note", confidence=0.4, fixes=("pair-samples",)
        )
