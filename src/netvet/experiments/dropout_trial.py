"""Whether another amount, or another kind, of dropout generalises better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from netvet.experiments.advice import advice, mean, ruins
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.layers import dropout_of, drops_elements, has_maps, is_batch_norm
from netvet.experiments.regularisers import dropouts
from netvet.experiments.validated import screen

# Srivastava et al. (2014): a half of the hidden units is the usual choice, and above it nothing is gained.
MOST = 0.5
RATES = (0.1, 0.3, 0.5)


def _arms(model: nn.Module, present: list[float]) -> dict[str, Mapping[str, Any]]:
    maps = has_maps(model)
    if not present:
        arms: dict[str, Mapping[str, Any]] = {
            f"dropout {rate:g}": {"dropout-inserted": {"p": rate, "channels": False}} for rate in RATES[:: 2 - maps]
        }
        if maps:
            arms = {
                "dropout 0.3": {"dropout-inserted": {"p": 0.3, "channels": False}},
                "dropout2d 0.1": {"dropout-inserted": {"p": 0.1, "channels": True}},
                "dropout2d 0.3": {"dropout-inserted": {"p": 0.3, "channels": True}},
            }
        return arms
    now = max(present)
    arms = {"no dropout": {"all-dropout": 0.0}}
    arms |= {f"dropout {rate:g}": {"all-dropout": rate} for rate in RATES if abs(rate - now) > 0.05}
    if maps and any(drops_elements(m) and dropout_of(m) for m in model.modules()):
        arms["dropout2d"] = {"channel-dropout": True}
    return arms


@experiment(stage="regularise", title="dropout as it should be", seconds=30, gate=False)
def dropout_trial(lab: Lab) -> Outcome:
    """Train with more, less and no dropout, and with whole channels dropped where there are feature maps.

    ## Why it matters
    Dropout keeps a net from learning its samples by heart. Too much of it keeps the net from learning anything; in
    feature maps single elements are told by their neighbours, so that only dropping whole channels has an effect.

    ## How it is done
    The rate of the dropout layers (also those inside attention and recurrent nets) is changed; a model without any gets
    dropout after its hidden activations. Each trial is judged by its best validation score (or loss), as with early
    stopping. The change that looks best is compared once more, on five fresh seeds: advice only, if it is better there
    by a paired t-test and by more than the scatter of the validation samples. Failed, if more than half of the units
    are dropped and without dropout the error falls below a half, on training samples too.

    ## Known problems
    Training is slower with dropout: as long as validation still gets better, nothing is said. Dropout before a batch
    norm shifts the variance that the norm has learned, so that both together can be worse than one alone (Li et al.);
    the message says where a model has both. Dropout as a function (F.dropout) is not seen.

    ## References
    Srivastava et al., Dropout, JMLR 15 (2014), section 7.3. Tompson et al., CVPR 2015 (channels). Li et al.,
    Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift, CVPR 2019.
    """
    model = lab.problem.learner(0).model
    present = [p for p in dropouts(model) if p > 0]
    found = screen(lab, _arms(model, present), off="no dropout" if max(present, default=0.0) > MOST else None)
    if max(present, default=0.0) > MOST and ruins(found, "no dropout"):
        measure = found.measure
        return Outcome(
            "failed",
            f"dropout of {max(present):g} ruins the training: validation {measure.name} "
            f"{mean(measure, found.arms['plain']):.3g} with it and {mean(measure, found.arms['no dropout']):.3g} "
            f"without, after {found.steps} steps",
            found.evidence(),
            f"Drop at most half of the units of a hidden layer, and a fifth of the inputs (now {max(present):g}).",
            ("oversized-dropout",),
        )
    kept = f"dropout of {max(present):g} stays" if present else "no dropout is needed"
    suspects = ("oversized-dropout",) if found.best == "no dropout" else ("overfitting",)
    outcome = advice(found, lambda name: f"use {name}" if present else f"add {name}", kept=kept, suspects=suspects)
    if outcome.verdict == "advice" and _clashes(model):
        return replace(
            outcome, message=f"{outcome.message}; keep it behind the last batch norm, whose variance it shifts"
        )
    return outcome


def _clashes(model: nn.Module) -> bool:
    return any(is_batch_norm(m) for m in model.modules())
