"""A loss with the wrong sign: the optimizer makes predictions worse."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number

# Losses that are never negative and that a perfect prediction minimises.
_SUPERVISED = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss", "multi_margin_loss",
    "log_prob",  # the negative log-likelihood of data: it may be negative, but likely data lower it
)  # fmt: skip


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "remove-minus": "Remove the minus sign before the loss; optimizers already go downhill.",
        "remove-maximize": "Create the optimizer without maximize=True; by hand, subtract the gradient.",
    },
)
def negated_loss(
    losses: Facts | None = None,
    optimizers: Facts | None = None,
    loss_contract: Facts | None = None,
    loss_terms: Facts | None = None,
    *,
    tolerance: float = 1e-3,  # a negated loss is all that is minimised; a bonus term would leave another share
) -> Iterator[Finding]:
    """The loss has the wrong sign, so training moves away from the targets.

    ## Why it matters
    A perfect prediction no longer has the lowest loss. The optimizer drives the outputs away from the targets without
    end: the value falls for ever, and accuracy drops below chance.

    ## Example
    >>> from netvet.core import Facts
    >>> loss = Facts.of({"site": "train.py:44", "phase": "train", "function": "cross_entropy", "share": 1.0,
    ...                  "factor": -1.0})
    >>> negated_loss(loss)[0].message
    'cross_entropy enters backward with a minus sign: the lower the loss, the worse the predictions'

    ## Known problems
    Negative losses are normal in policy gradients, WGAN critics, likelihoods of densities, and with entropy bonuses.
    A log-likelihood of data counts where it is the whole loss: actions that are weighted by their reward are not.
    Temperatures, log-determinants and distances between weights may well be made larger: only norms of matrices count.
    Maximising the loss of another net is how adversarial training works. So the check looks only at a single loss that
    cannot be negative by itself, in a script with one optimizer; targets that never vary (real or fake) are left alone.

    ## References
    Measured on the digits: accuracy 0.02 after training, where chance is 0.10.
    """
    training = [r for r in losses or () if r.get("phase") != "eval" and r.get("feeds_backward") is not False]
    stepping = [o for o in optimizers or () if o.get("steps")]
    yield from _penalties(loss_terms)
    if not training and len(stepping) == 1:
        yield from _unnamed(loss_contract, stepping[0])
    if len(training) != 1 or len(stepping) > 1:
        return
    loss, function = training[0], str(training[0].get("function"))
    constant = (loss.get("target") or {}).get("distinct") == 1
    if function not in _SUPERVISED or constant or loss.get("reduction") == "none":
        return
    share, factor = number(loss, "share"), number(loss, "factor")
    contract = next((r for r in loss_contract or () if r.get("site") == loss.get("site")), {})
    whole = share is not None and abs(share - 1) < tolerance
    minus = _prefers_wrong(contract) if factor is None or not whole else factor < 0
    plus = (factor is not None and factor > 0) or contract.get("descends_toward_target") is True
    groups = [g for o in stepping for g in o.get("groups") or ()]
    maximises = bool(groups) and all(g.get("maximize") is True for g in groups)
    evidence = {k: contract[k] for k in ("perfect", "constant", "worst") if k in contract}
    if minus and not maximises:
        what = f"{function} enters backward with a minus sign"
        if function == "log_prob":
            what = "the log-likelihood of the data enters backward without a minus sign"
        message = f"{what}: the lower the loss, the worse the predictions"
        yield Finding(
            message, loss.get("site"), 0, factor, location=location_of(loss), evidence=evidence, confidence=1.0
        )
    elif maximises and plus and not minus:
        owner = stepping[0]
        how = "was measured to go uphill" if "measured" in groups[0] else "was created with maximize=True"
        message = f"{owner.get('name', 'the optimizer')} {how}, so it makes {function} as large as it can"
        yield Finding(message, owner.get("name"), 0, location=location_of(owner) or location_of(loss), confidence=1.0)


def _penalties(terms: Facts | None) -> Iterator[Finding]:
    """Norms of the weights, to a power of 1 to 4, that every single weight must grow for."""
    for term in terms or ():
        share, degree = number(term, "away_from_zero"), number(term, "degree")
        norm = degree is not None and any(abs(degree - n) < 1e-3 for n in range(1, 5))
        if term.get("is_data") is False and norm and share == 1.0:
            message = "a penalty on the weights is subtracted from the loss: every step makes every weight larger"
            yield Finding(message, term.get("backward"), 0, location=location_of(term), confidence=1.0)


def _unnamed(contracts: Facts | None, optimizer: Record) -> Iterator[Finding]:
    """A loss of the script's own, of which only the direction is known."""
    seen = [r for r in contracts or () if r.get("function") is None]
    maximises = any(g.get("maximize") is True for g in optimizer.get("groups") or ())
    if len(seen) == 1 and seen[0].get("descends_toward_target") is maximises:
        message = "a step down the loss moves every prediction away from the data that it is compared with"
        yield Finding(message, seen[0].get("site"), 0, location=location_of(seen[0]), confidence=0.9)


def _prefers_wrong(contract: Record) -> bool:
    """The probe fed the loss with perfect and with wrong predictions, and the wrong ones came out lower."""
    perfect, worst, constant = (number(contract, k) for k in ("perfect", "worst", "constant"))
    if perfect is None or contract.get("descends_toward_target") is not False:
        return False
    others = [v for v in (worst, constant) if v is not None]
    return bool(others) and all(perfect > v + 1e-6 * (1 + abs(v)) for v in others)
