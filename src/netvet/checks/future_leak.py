"""A model that predicts what comes next can see it."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="pairs of positions that leak [share]",
    explained_by=("batch-mixing",),
    fixes={
        "causal-mask": "Mask attention so that position t sees positions up to t only; make convolutions causal and "
        "recurrent layers one-directional.",
        "shift-target": "Shift the targets by one position against the inputs, once.",
    },
)
def future_leak(future_leak: Facts, modules: Facts | None = None) -> Iterator[Finding]:
    """Outputs of an autoregressive model depend on later inputs, or it is asked to repeat its input.

    ## Why it matters
    The model copies the answer instead of predicting it. Training and validation loss look excellent; when it has to
    generate, there is nothing to copy.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = {"model": "GPT", "autoregressive": "shifted targets", "leaks": 0.5, "pair": [3, 4]}
    >>> future_leak(Facts.of({**sick, "op": "softmax", "shift": 1}))[0].message
    'the output of GPT at position 3 depends on its input at position 4 (shifted targets): 50% of such pairs leak'

    ## Known problems
    Models that may look both ways (masked language models, taggers, encoders, autoencoders) are silent: only a target
    that is the input shifted makes it a leak.

    ## References
    Vaswani et al., "Attention Is All You Need", 3.1. Measured on a character model: without the causal mask the
    perplexity is 8.6 in place of 10.1, with targets not shifted 1.002.
    """
    for record in future_leak:
        leaks, shift = number(record, "leaks"), number(record, "shift")
        reason, pair, model = record.get("autoregressive"), list(record.get("pair") or ()), record.get("model")
        if not reason or not leaks or leaks <= 0 or len(pair) != 2 or shift is None or shift == 0:
            continue
        message = (
            f"the output of {model} at position {pair[0]} depends on its input at position {pair[1]} ({reason}): "
            f"{leaks:.0%} of such pairs leak"
        )
        evidence = {"pair": list(pair), "op": record.get("op"), "module": record.get("module"), "shift": shift}
        # Padding and direction are set where a layer is made, a mask where attention is called.
        named = [m for m in modules or () if m.get("name") == record.get("module")]
        made = [m for m in named if "Conv" in str(m.get("cls")) or m.get("cls") in ("RNN", "LSTM", "GRU")]
        place = location_of(made[0] if made else None, "created") or location_of(record)
        yield Finding(message, model, 0, leaks, 0.0, place, evidence, confidence=0.95)
