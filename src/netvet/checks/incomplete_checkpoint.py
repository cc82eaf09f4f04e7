"""A training that was resumed without all of its state."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.curves import worse_again
from netvet.stats import number

# What only a checkpoint for resuming holds; a file of weights alone may be a pretrained model.
_PROGRESS = {"epoch", "optimizer", "scheduler", "scaler", "rng"}


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    fixes={
        "save-everything": "Save and load the state_dict of model, optimizer, scheduler and scaler, and the epoch.",
    },
    any_of=("checkpoints", "retrained"),
)
def incomplete_checkpoint(
    checkpoints: Facts | None = None,
    optimizers: Facts | None = None,
    schedulers: Facts | None = None,
    run: Facts | None = None,
    retrained: Facts | None = None,
    *,
    patience: int = 10,  # steps after loading; fewer are no continued training
) -> Iterator[Finding]:
    """Training goes on from a checkpoint, but the optimizer or the schedule starts anew.

    ## Why it matters
    Adam's moments, momentum and the position in the schedule are part of the training. Without them the first steps
    after resuming are too large or run at the wrong rate: the loss jumps, and the run is not the one that was stopped.

    ## Example
    >>> from netvet.core import Facts
    >>> checkpoints = Facts.of({"kind": "load", "step": 200, "keys": ["model", "optimizer", "epoch"]},
    ...                        {"kind": "load_state_dict", "target": "model", "step": 200})
    >>> adam = Facts.of({"name": "Adam", "cls": "Adam", "steps": 400})
    >>> incomplete_checkpoint(checkpoints, adam, run=Facts.of({"steps": 400}))[0].message
    'training went on from a checkpoint at step 200 without the state of Adam, although the file has one'

    ## Known problems
    Pretrained weights, the best weights loaded for a final test, target networks and averaged models need the weights
    only: silent, as is a model that is not trained after the load. Weights without any mark of progress that are
    loaded in mid-run are a note, as is a file without the optimizer's state where nothing shows that it is resumed.

    ## References
    PyTorch, "Saving and loading a general checkpoint".
    """
    if told := worse_again(retrained):
        yield Finding(told[0], None, *told[1:], confidence=0.7)
    records, optimizers = list(checkpoints or ()), optimizers or Facts()
    stepped = sum(number(o, "steps") or 0.0 for o in optimizers)
    total = next((n for r in run or () if (n := number(r, "steps")) is not None), stepped)
    for position, load in enumerate(records):
        step, keys = number(load, "step"), set(load.get("keys") or ())
        if load.get("kind") != "load" or step is None or total - step < patience:
            continue
        later = records[position + 1 :]
        # Several files that are read at one step are one checkpoint: many keep the optimizer in a file of its own.
        until = next((i for i, r in enumerate(later) if r.get("kind") == "load" and number(r, "step") != step), None)
        restored = [r for r in later[:until] if r.get("kind") == "load_state_dict"]
        targets = {str(r.get("target")).lower() for r in restored} | {k for r in restored for k in r.get("keys") or ()}
        lost = _lost(targets, optimizers, schedulers or Facts(), restored)
        if "model" not in targets or not lost or (step == 0 and not keys & _PROGRESS) or _goes_on(restored):
            continue
        kept = next((k for k in ("optimizer", "scheduler") if k in keys and k not in targets), None)
        message = f"training went on from a checkpoint at step {step:g} without the state of {' and '.join(lost)}"
        message += ", although the file has one" if kept else ""
        jump = {k: load[k] for k in ("loss_before", "loss_after") if number(load, k) is not None}
        place = next(filter(None, map(location_of, restored)), location_of(load))
        # Optimizers of equal make, one before and one after: the training was interrupted, and nothing new begun.
        resumed = bool(kept) or (step > 0 and _made_twice(optimizers))
        severity: Severity = "warning" if keys & _PROGRESS and resumed else "note"
        yield Finding(message, None, int(step), None, None, place, jump, severity, 0.8 if resumed else 0.6)
        return


def _goes_on(restored: list[Record]) -> bool:
    """The model is not trained after the load, or by an optimizer that is at work already and keeps its state."""
    known = [r for r in restored if "trained_by" in r]
    known = [r for r in known if "model" in (*(r.get("keys") or ()), str(r.get("target")).lower())]
    return bool(known) and all(r["trained_by"] is None or number(r, "optimizer_steps") for r in known)


def _made_twice(optimizers: Facts) -> bool:
    """Two optimizers of one line of the script with equal settings: the training is built up again."""
    made = [(o.get("file"), o.get("line"), o.get("cls"), _settings(o)) for o in optimizers if o.get("line")]
    return len(set(map(str, made))) < len(made)


def _settings(optimizer: Record) -> list[dict[str, object]]:
    """What it was made with: a schedule has moved the rate since, and asks for it under another name."""
    groups = [{**g, "lr": g.get("initial_lr") or g.get("lr")} for g in optimizer.get("groups") or ()]
    return [{k: v for k, v in g.items() if k not in ("names", "initial_lr")} for g in groups]


def _lost(targets: set[str], optimizers: Facts, schedulers: Facts, restored: list[Record]) -> list[str]:
    """What has a state and was not loaded."""
    lost = []
    if "optimizer" not in targets:
        lost += list(dict.fromkeys(str(o.get("name")) for o in optimizers if o.get("steps") and _has_state(o)))[:1]
    # Above zero: it was made at the epoch at which the training goes on, which is all that most of them know.
    placed = any(number(s.get("settings") or {}, "last_epoch") for s in schedulers)
    if "scheduler" not in targets and not placed:
        lost += list(dict.fromkeys(str(s.get("cls")) for s in schedulers if s.get("steps")))[:1]
    missing = [str(k) for r in restored for k in r.get("missing") or ()]
    statistics = [k for k in missing if k.endswith(("running_mean", "running_var"))]
    return lost + ([f"{len(statistics)} running statistics"] if statistics else [])


def _has_state(optimizer: Record) -> bool:
    """Plain SGD without momentum has none."""
    return optimizer.get("cls") != "SGD" or any(number(g, "momentum") for g in optimizer.get("groups") or ())
