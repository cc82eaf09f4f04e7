"""An evaluation after which the model is not as it was before."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, Record, check, location_of
from netvet.stats import number

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_MODE_DEPENDENT = ("Dropout", "BatchNorm")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=("evaluation-in-train-mode", "training-in-eval-mode"),
    fixes={
        "pure-evaluation": "Evaluate under model.eval() and torch.no_grad(), with no optimizer step.",
        "call-train": "Call model.train() after each evaluation.",
    },
)
def evaluation_changes_state(
    evaluations: Facts,
    modules: Facts | None = None,
    eval_repeat: Facts | None = None,
    checkpoints: Facts | None = None,
    *,
    moved: float = 1e-3,  # of the outputs, by what one batch in eval mode left behind; less is rounding
) -> Iterator[Finding]:
    """An evaluation changes the weights, the running statistics or the mode of the model.

    ## Why it matters
    Evaluating must not be part of the training. Weights that change in between make the scores incomparable; running
    statistics that take in validation data leak it into the model; a model left in eval mode trains without dropout.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"model": "Net", "step": 100, "parameters_changed": ["fc.weight"]})
    >>> evaluation_changes_state(sick)[0].message
    '1 of 1 evaluation passes changed the weights of Net (fc.weight)'

    ## Known problems
    Averaged weights that are swapped in and out again leave nothing changed. Caches, counters and metric states in
    buffers are no statistics of the data and change no output: silent, as are hidden states of single samples. Random
    numbers that an evaluation draws are not held against it. A mode that is not restored matters only where the model
    has dropout or batch norm.

    ## References
    torch.nn.Module.eval; torch.no_grad.
    """
    layers = [str(m.get("cls")) for m in modules or ()]
    for model in dict.fromkeys(e.get("model") for e in evaluations):
        mine = [e for e in evaluations if e.get("model") == model]
        weights = [e for e in mine if e.get("parameters_changed")]
        buffers = [e for e in mine if any(str(b).endswith(_STATISTICS) for b in e.get("buffers_changed") or ())]
        known = next((r for r in eval_repeat or () if r.get("model") == model), {})
        left = [e for e in mine if e.get("mode_before") is True and e.get("mode_after") is False]
        if weights:
            names = [str(n) for n in weights[0]["parameters_changed"]]
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            message = f"{len(weights)} of {len(mine)} evaluation passes changed the weights of {model} ({shown})"
            place = _filled(checkpoints, weights[0]) or location_of(weights[0])
            step, changed = weights[0].get("step"), {"changed": names[:50]}
            yield Finding(message, str(model), step, location=place, evidence=changed, confidence=1.0)
        elif buffers:
            what = f"changed the running statistics of {model}: they take in evaluation data"
            message = f"{len(buffers)} of {len(mine)} evaluation passes {what}"
            place = location_of(buffers[0])
            yield Finding(
                message, str(model), buffers[0].get("step"), location=place, severity="warning", confidence=1.0
            )
        else:
            yield from _own_statistics(mine, known, moved)
        if left and any(cls.startswith(_MODE_DEPENDENT) for cls in layers):
            message = (
                f"{len(left)} of {len(mine)} evaluation passes left {model} in eval mode, and training went on in it"
            )
            place = location_of(left[0])
            yield Finding(message, str(model), left[0].get("step"), location=place, severity="warning", confidence=0.9)


def _filled(checkpoints: Facts | None, passed: Record) -> Location | None:
    """Where other weights were loaded into the model at the step of the pass, if they were."""
    step, model = passed.get("step"), passed.get("model")
    loads = (c for c in checkpoints or () if c.get("kind") == "load_state_dict" and c.get("target") == model)
    return next((location_of(c) for c in loads if c.get("step") == step), None)


def _own_statistics(passes: list[Record], known: Record, moved: float) -> Iterator[Finding]:
    """Scored passes in eval mode that changed buffers which a trial showed to be filled from the samples."""
    names, gap = [str(b) for b in known.get("state_buffers") or ()], number(known, "state_gap") or 0.0
    scored = (e for e in passes if e.get("phase") == "eval" and e.get("scored") in ("loss", "compare"))
    bad = [e for e in scored if set(names) & set(e.get("buffers_changed") or ())]
    if not bad or gap <= moved:
        return
    model = str(bad[0].get("model"))
    message = (
        f"{len(bad)} of {len(passes)} evaluation passes changed {', '.join(names[:3])} of {model}: what the model says "
        "next depends on evaluation data"
    )
    place = location_of(known, "state") or location_of(bad[0])
    yield Finding(message, model, bad[0].get("step"), gap, moved, place, severity="warning", confidence=0.9)
