"""Whether a sample has the same output alone as in a batch."""

from __future__ import annotations

from typing import Any

import torch

from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_probe_mixing import (
    SINGLE_TOLERANCE,
    Axes,
    axes_of,
    changed_call,
    inputs_of,
    legal,
    one_sample,
    steady_outputs,
    testable,
)
from netvet.capture.torch_probe_tools import float_outputs
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.problem import Problem
from netvet.experiments.reach import evaluated_call, graph_of, mixing

SAMPLES = 16


@experiment(stage="skeleton", title="one by one as in a batch", seconds=5)
def one_by_one(lab: Lab) -> Outcome:
    """Compare the outputs of a batch with those of its samples one by one, in eval mode.

    ## Why it matters
    A network is trained in batches and used on single samples. What differs between the two (a squeeze that takes the
    batch axis too, statistics of the batch, padding) is met by the user first.

    ## How it is done
    Up to sixteen samples go through a copy in eval mode, together and alone. The largest difference is told as a share
    of the standard deviation of the outputs.

    ## Known problems
    Products of matrices of other sizes round differently: a thousandth of the standard deviation is left for it. A
    model that draws random numbers in evaluation, a graph, and a step whose samples cannot be told apart are left out.

    ## References
    PyTorch, "Reproducibility", on batched computations; Karpathy, "A Recipe for Training Neural Networks" (2019).
    """
    try:
        return _compared(lab.problem)
    except Exception as error:  # whatever a user's model does in eval mode
        return Outcome("not assessed", f"the model could not be called in eval mode ({type(error).__name__}: {error})")


def _compared(problem: Problem) -> Outcome:
    with forked_rng(), evaluated_call(problem) as call, torch.no_grad():
        if call is None or not testable([call], call):
            return Outcome("not assessed", "what enters the model is no batch of plain samples")
        targets = [problem.train.batches[0][n] for n in problem.train.roles.targets]
        base = steady_outputs(call)
        if base is None:
            return Outcome("not assessed", "two passes of one batch differ, or draw random numbers")
        if legal(call) is not None:
            return Outcome("not assessed", f"{(legal(call) or [''])[0]} normalises with the batch at hand by design")
        axes = _axis_of_samples(call, base, targets)
        given = inputs_of(call)
        if axes is None or axes.size < 2 or any(not t.dim() or t.shape[0] != axes.size for t in given):
            return Outcome("not assessed", "no axis of samples is known in inputs and outputs")
        return _each(call, base, dict(axes.of_outputs), given, axes.size)


def _axis_of_samples(call: ModelCall, base: list[torch.Tensor], targets: list[torch.Tensor]) -> Axes | None:
    """The first axis, unless the samples may lie along the second, or the input may be a single sample."""
    if one_sample(call) and inputs_of(call)[0].dim() > 1:
        return None
    graph, found = graph_of(call), {a.of_input: a for a in axes_of(call, base, targets) if a.of_outputs}
    if graph is not None and len(graph.outputs) == len(base) and len(found) > 1 and mixing(graph, found[0]):
        return found[0] if mixing(graph, found[1]) else None
    return found.get(0)


def _each(
    call: ModelCall, base: list[torch.Tensor], places: dict[int, int], given: list[torch.Tensor], size: int
) -> Outcome:
    gaps: list[dict[str, Any]] = []
    for index in sorted({i * (size - 1) // (SAMPLES - 1) for i in range(SAMPLES)}):
        try:
            alone = changed_call(call, {id(t): t.detach()[index : index + 1].clone() for t in given})
        except NetvetError as error:  # a loss that is compiled for batches of one size
            return Outcome("not assessed", str(error))
        except Exception as error:
            told = f"{type(error).__name__}: {str(error)[:300]}"
            return Outcome(
                "failed",
                f"the model takes a batch of {size} samples, but not one sample alone: {told}",
                {"raised": told, "sample": index},
                "Let the model keep the batch axis for one sample too (squeeze takes it away; name the axis).",
                ("batched-differs",),
            )
        outputs = float_outputs(alone)
        if len(outputs) != len(base):
            return Outcome("not assessed", "one sample alone gives outputs of another structure")
        for number, axis in places.items():
            wanted = base[number].select(axis, index).reshape(-1).double()
            if outputs[number].numel() != wanted.numel():
                return Outcome("not assessed", "one sample alone gives outputs of another shape")
            scale = float(base[number].double().std()) or float(base[number].abs().max()) or 1.0
            gaps.append(
                {"sample": index, "gap": float((outputs[number].reshape(-1).double() - wanted).abs().max()) / scale}
            )
    worst = max(gaps, key=lambda g: g["gap"])
    if worst["gap"] <= SINGLE_TOLERANCE:
        return Outcome("passed", f"the outputs of single samples are those in the batch of {size} (largest difference "
                       f"{worst['gap']:.1e} standard deviations)", {"gaps": gaps})  # fmt: skip
    return Outcome(
        "failed",
        f"sample {worst['sample']} has another output alone than in its batch: {worst['gap']:.2g} standard deviations",
        {"gaps": gaps},
        "Find what looks across the batch in eval mode: statistics of the batch, a softmax or a norm over axis 0.",
        ("batched-differs", "batch-mixing"),
    )
