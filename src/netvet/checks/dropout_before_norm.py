"""Dropout in front of batch norm."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="note",
    since="0.1",
    measures="rate of the dropout [share]",
    fixes={"dropout-last": "Put dropout behind the last batch norm of the net."},
)
def dropout_before_norm(modules: Facts) -> Iterator[Finding]:
    """Dropout feeds a batch norm, whose running variance is then that of training only.

    ## Why it matters
    Dropout raises the variance in training and not in evaluation; the norm has stored the former, so that activations
    come out too small in evaluation.

    ## Example
    >>> from netvet.core import Facts
    >>> drop = {"name": "drop", "cls": "Dropout", "order": 1, "is_leaf": True, "called": 1, "settings": {"p": 0.5}}
    >>> norm = {"name": "bn", "cls": "BatchNorm1d", "order": 3, "is_leaf": True, "called": 1}
    >>> dropout_before_norm(Facts.of(drop, norm))[0].message
    'dropout drop feeds batch norm bn: its variance differs by up to 2 times between training and evaluation'

    ## Known problems
    Dropout with p = 0 does nothing; many nets work in spite of it, so this is a note.

    ## References
    Li et al., "Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift", 2018.
    """
    models: dict[str, list[tuple[float, int]]] = {}
    for index, record in enumerate(modules):
        order = number(record, "order")
        if order is not None and record.get("is_leaf"):
            models.setdefault(str(record.get("model")), []).append((order, index))
    for ordered in models.values():
        last = None
        for _, index in sorted(ordered):
            record = modules[index]
            cls = str(record.get("cls"))
            if cls.startswith(("Dropout", "AlphaDropout")) and 0 < (number(record.get("settings") or {}, "p") or 0) < 1:
                last = record
            elif cls.startswith("BatchNorm") and last is not None:
                p = number(last["settings"], "p") or 0.0
                message = (
                    f"dropout {last.get('name')} feeds batch norm {record.get('name')}: its variance differs by up to "
                    f"{1 / (1 - p):.3g} times between training and evaluation"
                )
                place = location_of(record, "called") or location_of(last, "created")
                yield Finding(message, str(last.get("name")), 0, p, 0.0, place, confidence=0.6)
                break
            elif not cls.startswith(
                ("Linear", "Conv", "ReLU", "GELU", "LeakyReLU", "ELU", "SiLU", "MaxPool", "AvgPool")
            ):
                last = None
