"""Raw outputs, or plain probabilities, in a loss that wants (log-)probabilities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number

_WANT_LOGS = ("nll_loss", "kl_div", "ctc_loss")
_RAW = ("Addmm", "Mm", "Bmm", "UnsafeView", "Addmv", "Convolution", "Linear")
_SHAPES = ("Squeeze", "Unsqueeze", "View", "ReshapeAlias", "Select", "Slice", "Transpose", "T", "Permute", "Clone")
_REFUSED = "all elements of input should be between 0 and 1"


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="values that are no log-probability [share]",
    fixes={
        "log-softmax": "Apply log_softmax over the classes before this loss, or use cross_entropy on the raw outputs.",
        "with-logits": "For yes/no targets use binary_cross_entropy_with_logits on the raw outputs.",
    },
)
def logits_as_probabilities(
    losses: Facts,
    run: Facts | None = None,
    graph: Facts | None = None,
    inputs: Facts | None = None,
    *,
    rows: float = 0.5,  # share of rows that are log-probabilities; right ones are all of them
    positive: float = 0.05,  # share of positive values; a log-probability is never positive
) -> Iterator[Finding]:
    """Values that are no (log-)probabilities enter a loss that takes them for such.

    ## Why it matters
    The loss is no longer a likelihood: with raw outputs it falls towards minus infinity as they grow, with plain
    probabilities it ends at -1, and neither separates the classes as it should.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"site": "train.py:9", "function": "nll_loss", "phase": "train", "input_op": "linear",
    ...                  "rows_are_log_probabilities": 0.0, "positive_share": 0.4, "classes": 10})
    >>> logits_as_probabilities(sick)[0].message
    'raw outputs of linear enter nll_loss, which wants log-probabilities: 40% of the values are positive'

    ## Known problems
    Log-probabilities made by hand, with a small number added before the log, are silent: no value is positive. Scores
    that are all negative cannot be told from them. Probabilities of a sigmoid that are clamped are silent too.

    ## References
    Measured on the digits: raw outputs diverge to -1824 and stay at chance, softmax in nll_loss costs 0.93 to 0.84.
    """
    yield from _bounded(graph, losses)
    for record in losses:
        if record.get("phase") != "train" or record.get("feeds_backward") is False:
            continue
        if record.get("function") in _WANT_LOGS and record.get("takes") != "probabilities":
            yield from _no_logs(record, rows, positive)
    for record in run or ():  # later in a run, or with NaN in the data, the same message is what NaN looks like
        broken = number(record, "steps") or any(number(i, "nonfinite") for i in inputs or ())
        if _REFUSED in str(record.get("exception")) and not broken:
            place = location_of(record, "exception")
            message = "binary_cross_entropy stopped at the first step: it wants probabilities, other values came"
            yield Finding(message, None, 0, location=place, confidence=0.8)


def _bounded(graph: Facts | None, losses: Facts) -> Iterator[Finding]:
    """Raw outputs that a clamp alone keeps within 0 and 1, in a binary cross-entropy or a logarithm of a likelihood."""
    nodes = {(n.get("backward"), n.get("id")): n for n in graph or ()}
    likelihood = any(r.get("function") in (*_WANT_LOGS, "binary_cross_entropy") for r in losses)
    seen = set()
    for user in nodes.values():
        wanted = _op(user) == "BinaryCrossEntropy" or (likelihood and _op(user) == "Log")
        clamp = _source(nodes, user) if wanted else {}
        low, high = (number(clamp.get("saved") or {}, n) for n in ("min", "max"))
        unit = low is not None and high is not None and 0 <= low < 0.5 < high <= 1
        if _op(clamp) != "Clamp" or not unit or _op(_source(nodes, clamp)) not in _RAW or user["backward"] in seen:
            continue
        seen.add(user["backward"])
        message = "raw outputs enter a loss of probabilities, and only a clamp keeps them within 0 and 1: "
        yield Finding(
            f"{message}samples beyond it get no gradient",
            user["backward"],
            0,
            location=location_of(user),
            confidence=0.95,
        )


def _op(node: Record) -> str:
    return re.sub(r"Backward\d*$", "", str(node.get("op")))


def _source(nodes: Mapping[tuple[Any, Any], Record], node: Record) -> Record:
    """The node that made the input of another, past those that only change the shape."""
    found = node
    while found is node or _op(found) in _SHAPES:
        found = next((nodes[k] for n in found.get("next") or () if (k := (node.get("backward"), n)) in nodes), {})
    return found


def _no_logs(record: Record, rows: float, positive: float) -> Iterator[Finding]:
    right, above = number(record, "rows_are_log_probabilities"), number(record, "positive_share")
    op, classes = record.get("input_op"), number(record, "classes")
    if right is None or above is None or right >= rows or op in ("log_softmax", "log") or (classes or 2) < 2:
        return
    plain = record.get("in_unit_interval") is True and (number(record, "rows_sum_to_one") or 0) > 1 - positive
    what = "probabilities" if plain else f"raw outputs of {op}" if op else "raw outputs"
    message = f"{what} enter {record.get('function')}, which wants log-probabilities: "
    message, place = f"{message}{above:.0%} of the values are positive", location_of(record)
    if plain or above >= positive:
        yield Finding(message, record.get("site"), 0, above, positive, place, {"input_op": op}, confidence=0.95)
