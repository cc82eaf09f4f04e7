"""Layers that are frozen at random values, or meant to be frozen and not."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="parameters that are frozen [share]",
    fixes={
        "unfreeze": "Set requires_grad_(True) on these layers, or load pretrained weights into them before freezing.",
        "stop-decay": "Take frozen layers out of the optimizer: weight decay and momentum still move them.",
    },
)
def frozen_parameters(
    parameters: Facts,
    modules: Facts | None = None,
    *,
    share: float = 0.5,  # of the elements of a model: smaller frozen parts are often meant (scales, embeddings)
) -> Iterator[Finding]:
    """Most of a model is frozen although nothing was loaded into it, or frozen layers change.

    ## Why it matters
    Freezing keeps what pretraining learned. Layers that are frozen at their random values learn nothing, and the rest
    has to make do with random features.

    ## Example
    >>> from netvet.core import Facts
    >>> both = {"model": "Net", "loaded": False, "changed": False, "module_called": True, "init_std": 0.1}
    >>> body = {"name": "body.weight", "requires_grad": False, "elements": 900, "shape": [30, 30], **both}
    >>> head = {"name": "head.weight", "requires_grad": True, "elements": 100, **both, "changed": True}
    >>> frozen_parameters(Facts.of(body, head))[0].message
    '1 frozen parameter (body.weight) holds 90% of Net at values that nothing was loaded into'

    ## Known problems
    Loaded trunks, models frozen as a whole (targets, teachers, fixed extractors), random features by name, fixed
    position tables and layers that thaw later (they change) are silent. Weights may arrive in other ways than
    load_state_dict, so this is an inference.

    ## References
    Measured on the digits: a trunk frozen at random values costs 0.93 to 0.65.
    """
    models: dict[str, list[Record]] = {}
    for p in parameters:
        models.setdefault(str(p.get("model")), []).append(p)
    for model, own in models.items():
        if any(p.get("loaded") for p in own) or not any(p.get("requires_grad") and p.get("changed") for p in own):
            continue
        frozen = [p for p in own if _is_random(p)]
        total = sum(number(p, "elements") or 0 for p in own)
        part = sum(number(p, "elements") or 0 for p in frozen) / max(total, 1.0)
        if not frozen or part < share:
            continue
        names = [str(p.get("name")) for p in frozen]
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        verb = "parameters ({}) hold" if len(names) > 1 else "parameter ({}) holds"
        message = (
            f"{len(names)} frozen {verb.format(shown)} {part:.0%} of {model} at values that nothing was loaded into"
        )
        place = location_of(frozen[0], "frozen", "created")
        yield Finding(message, model, 0, part, share, place, {"parameters": names[:50]}, confidence=0.7)


def _is_random(p: Record) -> bool:
    name = str(p.get("name")).lower()
    meant = any(word in name for word in ("pos", "fourier", "random", "reservoir", "teacher", "target", "ema"))
    frozen = p.get("requires_grad") is False and p.get("changed") is False and p.get("loaded") is False
    spread = number(p, "init_std")
    called = p.get("module_called") is True and len(p.get("shape") or ()) >= 2
    return frozen and called and not meant and spread is not None and spread > 0
