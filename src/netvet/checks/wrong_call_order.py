"""Calls of the training loop in an order in which one of them has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number

_CLIPS = {
    "before-backward": "before backward, when there is no gradient of this step yet",
    "after-step": "after the step, when the gradient has been used",
    "before-unscale": "before the gradients are unscaled, so the limit holds for the scaled ones",
}
# People pass an infinite or absurd limit only to read the norm.
_NO_LIMIT = 1e6


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="steps on cleared gradients [steps]",
    fixes={"usual-order": "Use the order zero_grad, forward, loss, backward, (unscale, clip,) step, scheduler.step."},
)
def wrong_call_order(
    events: Facts,
    gradient_resets: Facts | None = None,
    clips: Facts | None = None,
    schedulers: Facts | None = None,
    *,
    patience: int = 3,  # steps, so that no single odd step counts
    share: float = 0.5,  # of the steps
) -> Iterator[Finding]:
    """The calls of the training loop come in an order that undoes their effect.

    ## Why it matters
    Clearing the gradients between backward and step leaves the optimizer nothing to step on. Clipping before backward
    or after the step does nothing, and clipping scaled gradients cuts them far too small.

    ## Example
    >>> from netvet.core import Facts
    >>> kinds = ("backward", "zero_grad", "step") * 5
    >>> events = Facts.of(*({"kind": kind, "target": "SGD", "step": i // 3} for i, kind in enumerate(kinds)))
    >>> resets = Facts.of({"optimizer": "SGD", "intervals": 4, "zero_at_step": 5})
    >>> wrong_call_order(events, resets)[0].message
    'zero_grad runs between backward and step: SGD stepped 5 times on gradients that had just been cleared'

    ## Known problems
    Clearing after the step or after the forward pass is right, and so is a loop that begins with the step of the last
    gradient. Gradients can be zero for other reasons (a dead net, a satisfied hinge): the order itself must be seen.
    A scheduler that steps first, before any optimizer, only loses its first value: a note.

    ## References
    torch.optim documentation; "How to adjust learning rate": since 1.1 the scheduler comes after the optimizer.
    """
    yield from _cleared(events, gradient_resets or Facts(), patience, share)
    # Replicas or members of an ensemble have a backward call and a clearing each before the first of them steps.
    if len(gradient_resets or ()) < 2:
        yield from _lost_micro_batches(events, patience)
    for clip in clips or ():
        limit, calls = number(clip, "max_norm"), number(clip, "calls") or 0
        if clip.get("position") in _CLIPS and limit is not None and limit < _NO_LIMIT and calls >= patience:
            message = f"the gradients are clipped {_CLIPS[clip['position']]}"
            yield Finding(message, clip.get("kind"), 0, location=location_of(clip), severity="warning", confidence=0.9)
    for scheduler in schedulers or ():
        if scheduler.get("before_optimizer") is True:
            name = scheduler.get("cls", "the scheduler")
            message = f"{name} steps before the optimizer, so its first learning rate is never used"
            yield Finding(message, scheduler.get("optimizer"), 0, location=location_of(scheduler), severity="note")


def _cleared(events: Facts, resets: Facts, patience: int, share: float) -> Iterator[Finding]:
    """Optimizers whose gradients were empty at the step, with a zero_grad seen after the last backward."""
    for record in resets:
        name, empty, intervals = record.get("optimizer"), number(record, "zero_at_step"), number(record, "intervals")
        if empty is None or empty < patience or (intervals and empty < share * intervals):
            continue
        others = {r.get("optimizer") for r in resets} - {name}
        last: Record = {}
        guilty: list[Record] = []
        for event in events:
            kind, target = event.get("kind"), event.get("target")
            if kind in ("step", "scaler_step") and target == name:
                guilty += [last] if last.get("kind") == "zero_grad" else []
                last = {}
            elif kind == "backward" or (kind == "zero_grad" and last and target not in others):
                last = event
        if len(guilty) >= patience:
            message = (
                f"zero_grad runs between backward and step: {name} stepped {empty:g} times "
                "on gradients that had just been cleared"
            )
            place = location_of(guilty[0])
            yield Finding(message, name, guilty[0].get("step"), empty, float(patience), place, confidence=1.0)


def _lost_micro_batches(events: Facts, patience: int) -> Iterator[Finding]:
    """Three and more backward calls of one line for a step, each cleared before the next: only the last one counts."""
    lost: list[tuple[int, Record]] = []
    sites: list[object] = []
    clears: list[Record] = []
    for event in events:
        if event.get("kind") == "backward":
            sites.append((event.get("file"), event.get("line")))
        elif event.get("kind") == "zero_grad" and sites and len(clears) < len(sites):
            clears.append(event)
        elif event.get("kind") == "step":
            same = len(set(sites)) == 1 and {c.get("target") for c in clears} == {event.get("target")}
            # Two backward calls with a clearing between them are sharpness-aware minimisation.
            if len(sites) >= 3 and len(clears) == len(sites) - 1 and same:
                lost.append((len(sites), clears[0]))
            sites, clears = [], []
    if len(lost) >= patience:
        count, clear = lost[0]
        message = f"zero_grad runs after each of {count} backward calls for one step: only the last micro-batch counts"
        place = location_of(clear)
        yield Finding(message, None, clear.get("step"), float(count), 1.0, place, severity="warning", confidence=0.7)
