"""Pretrained weights that were loaded and then lost."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="parameters [share]",
    fixes={
        "load-last": "Load the weights after every initialisation, and only re-initialise the layers that are new.",
        "match-keys": "Look at what load_state_dict returns: rename the keys (a prefix such as module.) until it fits.",
    },
)
def overwritten_pretraining(
    parameters: Facts,
    checkpoints: Facts | None = None,
    *,
    share: float = 0.5,  # of what was loaded (or of the keys of a model): a new head is less than that
) -> Iterator[Finding]:
    """Loaded weights were changed again before the first step, or most keys of a file did not fit the model.

    ## Why it matters
    Training starts from random weights while everybody believes it starts from pretrained ones.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = {"name": "body.weight", "loaded": True, "overwritten": True, "elements": 900, "model": "Net"}
    >>> overwritten_pretraining(Facts.of(sick))[0].message
    '1 parameter of Net (body.weight) was loaded and then changed before the first step: 100% of what was loaded'

    ## Known problems
    A head that is replaced or re-initialised for a new task is a small part and silent; strict=False with a few
    missing keys is meant.

    ## References
    torch.nn.Module.load_state_dict: with strict=False keys that do not match are ignored without a word.
    """
    loaded = [p for p in parameters if p.get("loaded") or p.get("overwritten")]
    lost = [p for p in loaded if p.get("overwritten") is True]
    part = sum(number(p, "elements") or 0 for p in lost) / max(sum(number(p, "elements") or 0 for p in loaded), 1.0)
    if lost and part >= share:
        names = [str(p.get("name")) for p in lost]
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        count = f"{len(names)} parameter{'s' if len(names) > 1 else ''} of {lost[0].get('model')} ({shown})"
        message = (
            f"{count} {'were' if len(names) > 1 else 'was'} loaded and then changed before the first step: "
            f"{part:.0%} of what was loaded"
        )
        # An average or a scaled copy of loaded weights is made on purpose, but rarely of most of them.
        places = [location_of({"file": p.get("drawn_file"), "line": p.get("drawn_line")}) for p in lost]
        places += [location_of(c) for c in checkpoints or () if c.get("kind") == "load_state_dict"]
        place = next((at for at in places if at is not None), None)
        yield Finding(message, names[0], 0, part, share, place, {"parameters": names[:50]}, confidence=0.9)
    for record in checkpoints or ():
        yield from _unmatched(record, len(parameters), share)


def _unmatched(record: Record, total: int, share: float) -> Iterator[Finding]:
    """A loaded file of which most keys fitted nothing, which strict=False passes over in silence."""
    missing, unexpected = list(record.get("missing") or ()), list(record.get("unexpected") or ())
    lost, ignored = (
        number(record, "missing_count") or len(missing),
        number(record, "unexpected_count") or len(unexpected),
    )
    wanted = number(record, "tensors") or total
    # A model that is filled before its own training; others may have been trained in this run before.
    early = (number(record, "step") or 0) == 0 or (record.get("trained_by") and number(record, "optimizer_steps") == 0)
    if record.get("kind") != "load_state_dict" or record.get("strict") is not False or not early or not missing:
        return
    # Without any key too many, a file of a few layers may be meant: unless it fills none at all.
    if lost < share * max(wanted, 1) or (not unexpected and (lost < wanted or not record.get("tensors"))):
        return
    severity: Severity | None = "error" if lost >= wanted else "warning"
    rest = f"ignored {ignored:g} keys of the file ({unexpected[0]} where {missing[0]} was wanted)" if unexpected else ""
    target = record.get("target")
    message = (
        f"load_state_dict(strict=False) left {lost:g} keys of {target} without weights and "
        f"{rest or 'filled none: no key was left of the file'}"
    )
    evidence = {"missing": missing[:20], "unexpected": unexpected[:20]}
    yield Finding(
        message,
        str(target),
        int(number(record, "step") or 0),
        lost,
        share * wanted,
        location_of(record),
        evidence,
        severity=severity,
        confidence=0.8,
    )
