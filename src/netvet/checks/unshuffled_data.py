"""Training batches whose classes come in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netvet.core import Facts, Finding, Location, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="one class in a batch [share]",
    explained_by=("constant-target",),
    fixes={"shuffle": "Shuffle the training data in every epoch: DataLoader(..., shuffle=True)."},
)
def unshuffled_data(
    targets: Facts,
    samples: Facts | None = None,
    losses: Facts | None = None,
    loaders: Facts | None = None,
    modules: Facts | None = None,
    inputs: Facts | None = None,
    *,
    excess: float = 0.4,  # of the way from the purity of random batches to batches of one class; sorted data give > 0.8
    surprise: float = 6.0,  # standard errors above random batches; far beyond any number of looks
) -> Iterator[Finding]:
    """The training samples come sorted by class, or by the number to be predicted.

    ## Why it matters
    A batch of one class teaches the net to answer that class, whatever the input, and the next batch teaches the next
    one. Batch statistics are those of a single class, too.

    ## Example
    >>> from netvet.core import Facts
    >>> batches = {"batch_purity": 0.97, "expected_purity": 0.21, "purity_z": 80.0, "lag1": 0.98}
    >>> sick = Facts.of({"site": "train.py:44", "phase": "train", "kind": "classes", **batches})
    >>> unshuffled_data(sick)[0].message
    'training samples come in order of their class: 97% of a batch has one class, random batches would have 21%'

    ## Known problems
    Data that stay in one order that is random are fine. The real and the fake batch of a GAN hold one label each,
    metric learning draws few classes per batch on purpose, and data that come in another order in each epoch are
    shuffled: all are silent. Continual learning trains class after class by design. Numbers must come in the very same
    order in each epoch; recurrent nets read series in their order, and are left out there.

    ## References
    Bottou, Stochastic Gradient Descent Tricks (2012), section 4; measured on the digits: Adam 0.77 in place of 0.93,
    SGD 0.12 in place of 0.85.
    """
    places = {loss.get("site"): location_of(loss) for loss in losses or ()}
    fed = _fed(loaders, inputs)
    yield from _sorted_numbers(targets, samples, places, fed, modules, excess, surprise)
    same_order = next((s.get("same_order") for s in samples or ()), None)
    for target in targets:
        if target.get("phase") != "train" or target.get("kind") not in ("classes", "binary") or same_order is False:
            continue
        purity, random, z = (number(target, f) for f in ("batch_purity", "expected_purity", "purity_z"))
        if purity is None or random is None or z is None or random >= 0.999 or z < surprise:
            continue
        # Real and fake batches of a GAN at one line: always exactly one of two labels.
        if target.get("kind") == "binary" and purity >= 0.9999 and same_order is None:
            continue
        lag = number(target, "lag1")
        if (purity - random) / (1 - random) < excess or (lag is not None and lag < 0.2):
            continue
        message = (
            f"training samples come in order of their class: {purity:.0%} of a batch has one class, "
            f"random batches would have {random:.0%}"
        )
        site = target.get("site")
        place = fed or places.get(site)
        yield Finding(message, site, 0, purity, random, place, confidence=1.0 if same_order else 0.8)
        return


def _fed(loaders: Facts | None, inputs: Facts | None) -> Location | None:
    """Where the only loader in use that does not shuffle was made, or where the script itself cuts its batches."""
    fed = [x for x in loaders or () if x.get("phase") != "eval" and not x.get("shuffled")]
    cut = {p for x in inputs or () if x.get("phase") == "train" and (p := location_of(x, "batch"))}
    if not fed and len(cut) == 1:
        return cut.pop()
    return location_of(fed[0], "created", "") if len(fed) == 1 else None


def _sorted_numbers(
    targets: Facts, samples: Facts | None, places: Mapping[object, Location | None], fed: Location | None,
    modules: Facts | None, excess: float, surprise: float,
) -> Iterator[Finding]:  # fmt: skip
    """Regression: the numbers differ mostly from batch to batch, not within, and do so in every epoch."""
    fixed = any(s.get("same_order") is True for s in samples or ())
    if not fixed or any(str(m.get("cls")).startswith(("LSTM", "GRU", "RNN")) for m in modules or ()):
        return
    for target in targets.where(phase="train", kind="regression"):
        share, random, z, lag = (
            number(target, f) for f in ("batch_share", "expected_batch_share", "batch_share_z", "lag1")
        )
        if share is None or random is None or z is None or lag is None or z < surprise or lag < 0.2:
            continue
        if (share - random) / (1 - random) < excess:
            continue
        message = (
            f"training samples come in order of their target: {share:.0%} of its variance lies between the batches, "
            f"random batches would have {random:.0%}"
        )
        site = target.get("site")
        place = fed or places.get(site)
        yield Finding(message, site, 0, share, random, place, severity="warning", confidence=0.9)
        return
