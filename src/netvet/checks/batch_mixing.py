"""The prediction for one sample depends on other samples."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, Record, Severity, check, location_of
from netvet.stats import number

# Ops that move samples into each other only by mistake, ops that may do so by design, by parts of their names.
_MISTAKES = ("view", "reshape", "permute", "transpose", "flatten", "gru", "lstm", "rnn", "attention", "softmax",
             "layer_norm", "cumsum", "roll", "norm")  # fmt: skip
_RECURRENT = ("RNN", "LSTM", "GRU")
_DOUBTFUL = ("mean", "sum", "max", "amax", "min", "cat", "std", "var", "sub", "add", "mul", "div", "true_divide")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="pairs of samples that mix [share]",
    fixes={
        "permute": "Move axes with permute or transpose (view and reshape only re-cut the memory).",
        "batch-first": "Say batch_first=True when the first axis of the input holds the samples.",
    },
)
def batch_mixing(batch_mixing: Facts, inputs: Facts | None = None, modules: Facts | None = None) -> Iterator[Finding]:
    """The output for a sample changes when another sample of the batch changes.

    ## Why it matters
    Samples are independent; what leaks from one into another is noise in training, and at prediction time the answer
    depends on the company a sample comes in.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"model": "Net", "mixed": 1.0, "pair": [0, 1], "op": "view", "structure": "all"})
    >>> batch_mixing(sick)[0].message
    'the output of Net for sample 0 depends on sample 1: 100% of the pairs mix, first at view'

    ## Known problems
    Batch norm while training, contrastive losses, experts with a capacity, graphs whose rows are nodes (matrix
    products, scatter) and batch statistics by design are silent or a note, as are recurrent layers that are given one
    unbatched sequence.

    ## References
    Karpathy, "A Recipe for Training Neural Networks": use backprop to chart dependencies.
    """
    for record in batch_mixing:
        mixed, op = number(record, "mixed"), str(record.get("op") or "").lower()
        pair = list(record.get("pair") or ())
        if not mixed or record.get("legal") or len(pair) < 2:
            continue
        model = record.get("model")
        if any(part in op for part in ("batch_norm", "batchnorm", "instance_norm")):
            continue
        if any(part in op for part in ("gru", "lstm", "rnn", "attention")) and _unbatched(inputs, model):
            continue
        # An unnamed op in a model without graph inputs (the probe leaves those out) is judged by its effect.
        mistake = not op or any(part in op for part in _MISTAKES)
        doubtful = any(part == op.rpartition(".")[2] for part in _DOUBTFUL)
        severity: Severity | None = None if mistake else "warning" if doubtful else "note"
        where = f", first at {record.get('op')}" if op else ""
        pairs = f"{mixed:.0%} of the pairs mix{where}"
        message = f"the output of {model} for sample {pair[0]} depends on sample {pair[1]}: {pairs}"
        evidence = {"structure": record.get("structure"), "mode": record.get("mode"), "module": record.get("module")}
        yield Finding(
            message,
            model,
            0,
            mixed,
            0.0,
            _made(record, modules) or location_of(record),
            evidence,
            severity=severity,
            confidence=0.9 if mistake else 0.6,
        )


def _made(record: Record, modules: Facts | None) -> Location | None:
    """Which axis holds the samples is said where a recurrent layer is made."""
    layers = (m for m in modules or () if m.get("name") == record.get("module") and m.get("cls") in _RECURRENT)
    return next((location_of(m, "created") for m in layers), None)


def _unbatched(inputs: Facts | None, model: object) -> bool:
    """The model is given one sequence [time, features]: its first axis is no sample axis."""
    first = next((r for r in inputs or () if r.get("model") == model and r.get("phase") == "train"), {})
    # Two axes of token ids are samples and time: an id has no features.
    return len(first.get("shape") or ()) == 2 and not first.get("integral")
