"""A model that is trained while it is in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, Record, Severity, check, location_of
from netvet.stats import number

_DROPOUT = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout", "StochasticDepth")
_BATCH_NORM = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm", "LazyBatchNorm1d", "LazyBatchNorm2d")


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="steps in eval mode [steps]",
    fixes={"call-train": "Call model.train() at the start of every epoch, after each evaluation."},
)
def training_in_eval_mode(
    calls: Facts,
    modules: Facts | None = None,
    parameters: Facts | None = None,
    update_ratio: LayerSeries | None = None,
    *,
    patience: int = 10,  # steps after the last one in training mode
    heard: int = 4,  # of them at which anybody listened; on long runs windows of two are far apart
    share: float = 0.5,  # calls per step that was heard; attacks and probes in eval mode come now and then
) -> Iterator[Finding]:
    """The model stays in evaluation mode while it is optimised.

    ## Why it matters
    After an evaluation the mode must be switched back. Otherwise dropout no longer regularises, and batch norm keeps
    normalising with statistics that no longer follow the weights.

    ## Example
    >>> from netvet.core import Facts
    >>> calls = Facts.of(
    ...     {"model": "Net", "phase": "train", "calls": 50, "last_step": 49, "dropout_active": True},
    ...     {"model": "Net", "phase": "eval-mode-grad", "calls": 450, "first_step": 50, "last_step": 499})
    >>> training_in_eval_mode(calls)[0].message
    'Net is trained in eval mode from step 50 to 499, after 50 steps in training mode: dropout is off'

    ## Known problems
    Single frozen layers in eval mode (batch norm of a pretrained trunk), adversarial examples made in eval mode, nets
    without dropout and batch norm, and frozen nets through which an input is optimised are silent. Fine-tuning a loaded
    net in eval mode from the first step is usually meant: a note.

    ## References
    torch.nn.Module.eval. Measured on the digits: the loss curve gives no hint.
    """
    for record in calls:
        first, last, count = number(record, "first_step"), number(record, "last_step"), number(record, "calls")
        if record.get("phase") != "eval-mode-grad" or first is None or last is None or not count:
            continue
        model = record.get("model")
        training = [c for c in calls if c.get("model") == model and c.get("phase") == "train"]
        before = max((number(c, "last_step") or 0.0 for c in training), default=-1.0)
        since = max(first, before + 1)
        if last - since < patience or not _steady(record, training, count, heard, share):
            continue
        kinds = _mode_dependent(record, training, modules)
        weights = [p for p in parameters or () if p.get("model") == model]
        if not kinds or (weights and not any(_trained(p, int(since), update_ratio) for p in weights)):
            continue
        history = f", after {before + 1:g} steps in training mode" if training else ", as in the whole run"
        message = f"{model} is trained in eval mode from step {since:g} to {last:g}{history}: {kinds}"
        meant = not training and (not weights or any(p.get("loaded") for p in weights))
        severity: Severity = "note" if meant else "warning"
        place, sure = location_of(record, "mode", ""), 0.5 if meant else 0.9
        span = last - since
        yield Finding(message, model, int(since), span, patience, place, severity=severity, confidence=sure)


def _steady(record: Record, training: list[Record], count: float, enough: int, share: float) -> bool:
    """Calls in eval mode are the rule; of steps at which nobody listened, nothing is known."""
    clock = "heard" if number(record, "last_heard") is not None else "step"
    first, last = (number(record, f"{end}_{clock}") or 0.0 for end in ("first", "last"))
    before = max((number(c, f"last_{clock}") or 0.0 for c in training), default=-1.0)
    return last - max(first, before + 1) >= enough and count >= share * (last - first)


def _trained(p: Record, since: int, update_ratio: LayerSeries | None) -> bool:
    """The parameter still changed from that step on; a trunk that was trained before and is frozen now does not."""
    if not p.get("changed"):
        return False
    return not update_ratio or any(
        (s.since(since).values > 0).any() for n, s in update_ratio.items() if n == p.get("name")
    )


def _mode_dependent(record: Record, training: list[Record], modules: Facts | None) -> str:
    """What evaluation mode switched off, in words; empty if the model has nothing that depends on the mode."""
    mine = [m for m in modules or () if m.get("model") == record.get("model")]
    dropout = any(c.get("dropout_active") for c in training)
    norm = any(c.get("batch_norm_active") for c in training)
    if not training:
        # A model that never ran in training mode is not among the modules: its calls say what it has.
        drops = any(m.get("cls") in _DROPOUT and (m.get("settings") or {}).get("p") != 0 for m in mine)
        dropout = drops or bool(record.get("has_dropout"))
        norm = any(m.get("cls") in _BATCH_NORM for m in mine) or bool(record.get("has_batch_norm"))
    effects = ["dropout is off"] * dropout + ["batch norm keeps its old statistics"] * norm
    return " and ".join(effects)
