"""A loss with the wrong sign: the optimizer makes predictions worse."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, Record, check, location_of
from netvet.curves import below_zero
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
    any_of=("losses", "loss_contract", "loss_terms", "train_accuracy", "val_accuracy"),
)
def negated_loss(
    losses: Facts | None = None,
    optimizers: Facts | None = None,
    loss_contract: Facts | None = None,
    loss_terms: Facts | None = None,
    loss: LayerSeries | None = None,
    train_accuracy: LayerSeries | None = None,
    val_accuracy: LayerSeries | None = None,
    log: Facts | None = None,
    *,
    tolerance: float = 1e-3,  # a negated loss is all that is minimised; a bonus term would leave another share
) -> Iterator[Finding]:
    """The loss has the wrong sign, so training moves away from the targets.

    ## Why it matters
    A perfect prediction no longer has the lowest loss: it falls for ever, and accuracy drops below chance.

    ## Example
    >>> from netvet.core import Facts
    >>> loss = Facts.of({"site": "t:44", "phase": "train", "function": "cross_entropy", "share": 1.0, "factor": -1.0})
    >>> negated_loss(loss)[0].message
    'cross_entropy enters backward with a minus sign: the lower the loss, the worse the predictions'

    ## Known problems
    Negative losses are normal in policy gradients, WGAN critics, likelihoods of densities, with entropy bonuses and in
    adversarial training. Only a single loss that cannot be negative by itself counts, with one optimizer and targets
    that vary, a log-likelihood of data that is the whole loss, and norms of matrices. In a log: a loss that falls far
    below zero while the accuracy does not rise.

    ## References
    Measured on the digits: accuracy 0.02 after training, where chance is 0.10.
    """
    training = [r for r in losses or () if r.get("phase") != "eval" and r.get("feeds_backward") is not False]
    stepping = [o for o in optimizers or () if o.get("steps")]
    yield from _penalties(loss_terms)
    if told := below_zero(log, loss, train_accuracy or val_accuracy):
        yield Finding(told[0], None, *told[1:], severity="warning", confidence=0.8)
    if not training and len(stepping) == 1:
        yield from _unnamed(loss_contract, stepping[0])
    elif len(training) == 1 and len(stepping) < 2:
        yield from _of_call(training[0], stepping, loss_contract or Facts(), tolerance)


def _of_call(loss: Record, stepping: list[Record], contracts: Facts, tolerance: float) -> Iterator[Finding]:
    function, place, target = str(loss.get("function")), location_of(loss), loss.get("target") or {}
    if function not in _SUPERVISED or target.get("distinct") == 1 or loss.get("reduction") == "none":
        return
    share, factor = number(loss, "share"), number(loss, "factor")
    contract = next((r for r in contracts if r.get("site") == loss.get("site")), {})
    partly = factor is None or share is None or abs(share - 1) >= tolerance
    minus = _prefers_wrong(contract) if partly else (factor or 0) < 0
    groups = [g for o in stepping for g in o.get("groups") or ()]
    maximises = bool(groups) and all(g.get("maximize") is True for g in groups)
    if minus and not maximises:
        out = ("the log-likelihood of the data", "out") if function == "log_prob" else (function, "")
        message = f"{out[0]} enters backward with{out[1]} a minus sign: the lower the loss, the worse the predictions"
        proof = {k: contract[k] for k in ("perfect", "constant", "worst") if k in contract}
        yield Finding(message, loss.get("site"), 0, factor, location=place, evidence=proof, confidence=1.0)
    elif maximises and not minus and ((factor or 0) > 0 or contract.get("descends_toward_target") is True):
        name, place = stepping[0].get("name"), location_of(stepping[0]) or place
        by_hand = any(g.get("measured") for g in groups)
        way = "each step goes up the gradient" if by_hand else f"{name or 'the optimizer'} has maximize=True"
        yield Finding(f"{way}: {function} is made as large as it can be", name, 0, location=place, confidence=1.0)


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
