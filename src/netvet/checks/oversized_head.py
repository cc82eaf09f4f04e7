"""A fully connected head that holds most of a convolutional net."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="note",
    since="0.1",
    measures="parameters in linear layers [share]",
    fixes={"pool": "Average over the positions (AdaptiveAvgPool2d) before the head instead of flattening them."},
)
def oversized_head(
    modules: Facts,
    *,
    share: float = 0.8,  # catalogue: of the parameters of the net in linear layers
    elements: int = 20_000,  # parameters; smaller nets are cheap whatever their shape
) -> Iterator[Finding]:
    """Linear layers behind the convolutions hold nearly all parameters of the net.

    ## Why it matters
    These weights are tied to positions: they overfit first and cost the most memory.

    ## Example
    >>> from netvet.core import Facts
    >>> conv = {"name": "conv", "model": "Net", "cls": "Conv2d", "parameters": 5_000, "called": 1}
    >>> fc = {"name": "fc", "model": "Net", "cls": "Linear", "parameters": 400_000, "called": 1}
    >>> oversized_head(Facts.of(conv, fc))[0].message
    'linear layers hold 99% of the parameters of Net (fc alone 400000), its convolutions 5000'

    ## Known problems
    Vision transformers and mixers have one convolution and many linear layers by design: nets with more linear layers
    than convolutions are silent, unless there are three at most.

    ## References
    Lin et al., "Network In Network", 2014, section 3.2: global average pooling in place of the head.
    """
    models: dict[str, list[Record]] = {}
    for m in modules:
        if (number(m, "parameters") or 0) > 0:
            models.setdefault(str(m.get("model")), []).append(m)
    for model, own in models.items():
        convolutions = [m for m in own if str(m.get("cls")).startswith("Conv") and number(m, "called")]
        linear = [m for m in own if m.get("cls") == "Linear" and number(m, "called")]
        total = sum(number(m, "parameters") or 0 for m in own)
        held = sum(number(m, "parameters") or 0 for m in linear)
        few = len(linear) <= max(3, len(convolutions))
        if not convolutions or not linear or not few or total < elements or held / total <= share:
            continue
        largest = max(linear, key=lambda m: number(m, "parameters") or 0)
        name = str(largest.get("name"))
        message = (
            f"linear layers hold {held / total:.0%} of the parameters of {model} ({name} alone "
            f"{number(largest, 'parameters') or 0:.0f}), its convolutions "
            f"{sum(number(m, 'parameters') or 0 for m in convolutions):.0f}"
        )
        yield Finding(message, name, 0, held / total, share, location_of(largest), confidence=0.9)
