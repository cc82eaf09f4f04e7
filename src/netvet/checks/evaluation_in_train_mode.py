"""Dropout or batch norm that is still in training mode while the model is evaluated."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="evaluation passes in training mode [share]",
    fixes={
        "call-eval": "Call model.eval() before the evaluation and model.train() after it.",
        "pass-training": "Hand training=self.training to functional.dropout, or use nn.Dropout.",
    },
)
def evaluation_in_train_mode(
    evaluations: Facts | None = None,
    eval_repeat: Facts | None = None,
    *,
    share: float = 0.5,  # of the evaluation passes of a model; a single odd pass is no habit
    passes: float = 1.5,  # times that a sample goes through; more is Monte Carlo dropout
) -> Iterator[Finding]:
    """The model is evaluated with dropout drawing or batch norm using and updating batch statistics.

    ## Why it matters
    In training mode dropout removes random units and batch norm normalises with the batch at hand: the score is noisy,
    too low, depends on which samples share a batch, and the evaluation itself changes the running statistics.

    ## Example
    >>> from netvet.core import Facts
    >>> phase = {"phase": "train-mode-no-grad", "dropout_active": True}
    >>> sick = Facts.of({"model": "Net", "scored": "argmax", "accuracy": 0.8, **phase})
    >>> evaluation_in_train_mode(sick)[0].message
    'Net was in training mode (dropout active) in 1 of 1 evaluation passes: these are not the scores of the trained net'

    ## Known problems
    A missing eval() does no harm in a model without dropout and batch norm. Monte Carlo dropout passes each sample
    several times, or switches only the dropout layers on. Passes without a score (pseudo-labels, target nets, new batch
    norm statistics) are no evaluations. All of these are silent.

    ## References
    Measured on the digits: 0.964 in eval mode, 0.952 in train mode, 0.102 in batches of two equal samples.
    """
    found = False
    for model in dict.fromkeys(e.get("model") for e in evaluations or ()):
        mine = [e for e in evaluations or () if e.get("model") == model and _is_score(e)]
        if any(_repeats(e) > passes for e in mine):
            return
        bad = [
            e
            for e in mine
            if e.get("phase") == "train-mode-no-grad" and (e.get("dropout_active") or e.get("batch_norm_active"))
        ]
        if not bad or len(bad) < share * len(mine):
            continue
        kinds = [
            k for k, name in (("dropout", "dropout_active"), ("batch norm", "batch_norm_active")) if bad[0].get(name)
        ]
        message = (
            f"{model} was in training mode ({' and '.join(kinds)} active) in {len(bad)} of {len(mine)} "
            "evaluation passes: these are not the scores of the trained net"
        )
        found = True
        place, part = location_of(bad[0]), len(bad) / len(mine)
        yield Finding(message, str(model), bad[0].get("step"), part, share, place, confidence=0.9)
    if not found:
        yield from _functional(eval_repeat or Facts())


def _is_score(e: Record) -> bool:
    return e.get("scored") in ("loss", "compare") or number(e, "accuracy") is not None


def _repeats(e: Record) -> float:
    """How often each sample went through the model; by the size of the data set where it was not counted."""
    samples, available, counted = number(e, "samples"), number(e, "loader_samples"), number(e, "repeats")
    return counted if counted is not None else samples / available if samples and available else 1.0


def _functional(repeats: Facts) -> Iterator[Finding]:
    """Dropout that ignores eval mode, as functional.dropout does without its training argument."""
    for record in repeats:
        op = str(record.get("op") or "").lower()
        # Attention draws random numbers for its dropout and for nothing else.
        if record.get("equal") is False and ("dropout" in op or op == "scaled_dot_product_attention"):
            gap = number(record, "max_difference")
            apart = "" if gap is None else f" by up to {gap:.2g}"
            blame = f"{op} in {record.get('layer')} ignores the mode"
            message = f"two passes of {record.get('model')} in eval mode differ{apart}: {blame}"
            yield Finding(message, record.get("layer"), None, gap, 0.0, location_of(record), confidence=0.9)
            return
