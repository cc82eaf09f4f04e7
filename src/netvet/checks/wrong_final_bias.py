"""A last bias that starts far from the mean target."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.core import Location as Place
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="note",
    since="0.1",
    explained_by=("unscaled-target",),
    fixes={
        "final-bias": "Start the last bias at the mean target (regression) or at the log share of each class.",
    },
)
def wrong_final_bias(
    final_bias: Facts,
    *,
    share: float = 0.5,  # of the first loss that the right bias would save
    grave: float = 0.9,  # of it: nearly all of the first loss is only the missing mean
    gain: float = 0.2,  # nats or units: savings below are noise of one batch
) -> Iterator[Finding]:
    """The first prediction is far from the mean target, which a bias alone could give.

    ## Why it matters
    The first steps only learn the mean (a loss curve like a hockey stick), and with a mean far from zero or a rare
    class they throw the other weights off.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = {"layer": "head", "loss_now": 2500.0, "loss_with_bias": 100.0, "predicted": 0.1, "wanted": 50.0}
    >>> wrong_final_bias(Facts.of(sick))[0].message
    'head predicts 0.1 at first where the targets average 50: a right last bias takes the first loss from 2500 to 100'

    ## Known problems
    Balanced classes and standardised targets save next to nothing. A bias is learned soon, so this is a warning only
    where nearly all of the first loss is the missing mean.

    ## References
    Karpathy, "A Recipe for Training Neural Networks": init well.
    """
    for record in final_bias:
        now, then = number(record, "loss_now"), number(record, "loss_with_bias")
        if now is None or then is None or now <= 0 or then < 0:
            continue
        saved = now - then
        if saved < gain or saved / now < share:
            continue
        predicted, wanted = number(record, "predicted"), number(record, "wanted")
        layer = record.get("layer")
        what = "the class shares at first are far from those of the targets"
        if predicted is not None and wanted is not None:
            what = f"{layer} predicts {predicted:.3g} at first where the targets average {wanted:.3g}"
        message = f"{what}: a right last bias takes the first loss from {now:.4g} to {then:.4g}"
        file, line = record.get("layer_file"), record.get("layer_line")
        place = Place(str(file), int(line)) if file and line else None
        severe = saved / now >= grave
        yield Finding(
            message,
            str(layer) if layer else None,
            0,
            saved / now,
            share,
            place,
            {"saved": saved},
            severity="warning" if severe else "note",
            confidence=0.7,
        )
