"""Dropout of single pixels of feature maps."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="note",
    since="0.1",
    fixes={"dropout-2d": "Use Dropout2d, which drops whole channels, or drop out behind the flattening only."},
)
def elementwise_dropout_in_conv(modules: Facts) -> Iterator[Finding]:
    """nn.Dropout acts on feature maps, where neighbours tell what was dropped.

    ## Why it matters
    Pixels of a feature map repeat their neighbours: dropping single ones hides little and mostly adds noise.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = {"name": "drop", "cls": "Dropout", "input_shape": [8, 16, 14, 14], "called": 1, "settings": {"p": 0.2}}
    >>> elementwise_dropout_in_conv(Facts.of(sick, {"name": "conv", "cls": "Conv2d", "called": 1}))[0].message
    '1 Dropout layer (drop) drops single values of feature maps of 14 x 14'

    ## Known problems
    Dropout on [batch, heads, queries, keys] in attention and on 1 x 1 maps is right; nets without convolutions are
    silent.

    ## References
    Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015, section 3.2.
    """
    models = {m.get("model") for m in modules if str(m.get("cls")).startswith("Conv2d") and number(m, "called")}
    hit = []
    for record in modules:
        shape = list(record.get("input_shape") or ())
        if record.get("cls") != "Dropout" or record.get("model") not in models or len(shape) != 4:
            continue
        in_attention = any("att" in str(record.get(key)).lower() for key in ("name", "file"))
        if shape[2] * shape[3] > 1 and not in_attention and number(record.get("settings") or {}, "p"):
            hit.append((record, shape))
    if hit:
        names = [str(r.get("name")) for r, _ in hit]
        record, shape = hit[0]
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        verb = "Dropout layers ({}) drop" if len(names) > 1 else "Dropout layer ({}) drops"
        message = f"{len(names)} {verb.format(shown)} single values of feature maps of {shape[2]} x {shape[3]}"
        yield Finding(
            message,
            names[0],
            0,
            location=location_of(record, "created"),
            evidence={"layers": names[:50]},
            confidence=0.6,
        )
