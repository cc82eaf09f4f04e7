"""Whether outputs hang on what they must not hang on: other samples, later times, padding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_probe_future import ordered_by, shifted
from netvet.capture.torch_probe_masks import TOLERANCE, filled_changes
from netvet.capture.torch_probe_mixing import (
    axes_of,
    inputs_of,
    legal,
    moving_pairs,
    one_sample,
    steady_outputs,
    testable,
)  # fmt: skip
from netvet.capture.torch_probe_padding import paddings
from netvet.capture.torch_probe_tools import float_outputs
from netvet.capture.torch_rng import forked_rng
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.problem import Problem
from netvet.experiments.reach import Graph, evaluated_call, graph_of, mixing, places
from netvet.experiments.task import class_axis


@dataclass
class Looked:
    """What was looked at: `right` in words, `wrong` as message and suspect, `evidence` for the record."""

    right: list[str] = field(default_factory=list)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)


def _samples(call: ModelCall, graph: Graph, targets: list[torch.Tensor], seen: Looked) -> None:
    found = [
        (axes, pairs)
        for axes in axes_of(call, graph.outputs, targets)
        if axes.size > 1 and axes.of_outputs and (pairs := mixing(graph, axes)) is not None
    ]
    if not found:
        seen.doubts.append("no axis of samples is known in inputs and outputs")
        return
    # Independent along one axis: the samples may lie along it.
    if any(not pairs for _, pairs in found):
        size = next(axes.size for axes, pairs in found if not pairs)
        seen.right.append(f"no output hangs on another of the {size} samples")
        return
    axes, pairs = found[0]
    if legal(call) is not None:
        seen.doubts.append(f"{(legal(call) or [''])[0]} normalises with the batch at hand in evaluation too")
    elif one_sample(call) or axes.of_input != 0:
        seen.doubts.append("the input may be one sample without a batch axis, whose parts are meant to see each other")
    elif not _moves(call, targets):
        seen.doubts.append(
            "gradients arrive at other samples, whose change changes nothing: is a backward of your own wrong?"
        )
    else:
        index, other = pairs[0]
        seen.evidence["mixing"] = [list(pair) for pair in pairs[:100]]
        told = f"the output for sample {index} hangs on sample {other} of the batch"
        seen.wrong.append(
            (told, "batch-mixing", "Move axes with permute or transpose; view and reshape re-cut memory.")
        )


def _moves(call: ModelCall, targets: list[torch.Tensor]) -> bool:
    """Whether another sample changes an output: a gradient alone may come from a backward that is written wrongly."""
    base = steady_outputs(call)
    if base is None:
        return False
    found = (a for a in axes_of(call, base, targets) if a.size > 1 and a.of_outputs)
    return any(moving_pairs(call, base, axes) for axes in found)


def _times(call: ModelCall, graph: Graph, targets: list[torch.Tensor], seen: Looked) -> None:
    found = shifted(inputs_of(call), targets)
    if found is None:
        return
    tensor, axis = found
    steps, sizes = tensor.shape[axis], (tensor.shape[0], tensor.shape[max(axis, 1)])
    by_class = any(o.dim() > 2 and class_axis(o, t) == 1 for o in graph.outputs for t in targets)
    tried = 0
    for time in [t for t in places(steps) if t < steps - 1]:

        def part(output: torch.Tensor, time: int = time) -> torch.Tensor | None:
            laid = ordered_by(output, sizes, by_class=by_class)
            return laid(output).select(min(axis, 1), time) if laid is not None else None

        reached = graph.reached(part, axis, steps)
        if reached is None:
            continue
        tried += 1
        later = [int(t) for t in reached.nonzero().flatten() if int(t) > time]
        if later:
            seen.evidence["future"] = {"time": time, "later": later[:100]}
            told = f"the output at time {time} hangs on the input at time {later[0]}, which it is to predict"
            seen.wrong.append((told, "future-leak", "Mask what comes later (is_causal, a triangular attn_mask)."))
            return
    if tried:
        seen.right.append(f"none of {tried} times hangs on a later one")


def _padding(call: ModelCall, seen: Looked) -> None:
    for one in paddings(call):
        if one.mask is None or not one.sure:
            continue
        changes = filled_changes(call, one)
        if changes is None:
            continue
        if changes > TOLERANCE:
            seen.evidence["padding"] = {"mask": one.mask, "changes": changes}
            told = f"outputs change by {changes:.2g} with what stands at positions that {one.mask} leaves out"
            seen.wrong.append((told, "ignored-mask", "Apply the mask to the attention scores and to every pooling."))
        else:
            seen.right.append(f"what {one.mask} leaves out changes nothing")


def _look(problem: Problem) -> Looked | str:
    with forked_rng(), evaluated_call(problem) as call:
        if call is None or not float_outputs(call.output):
            return "the step calls no module that gives numbers"
        batch = problem.train.batches[0]
        targets = [batch[n] for n in problem.train.roles.targets]
        if not testable([call], call):
            return "what enters the model is no batch of samples: a graph, or something sparse or large"
        graph = graph_of(call)
        if graph is None:
            return "no gradient can be followed to the inputs of the model"
        seen = Looked()
        _samples(call, graph, targets, seen)
        _times(call, graph, targets, seen)
        _padding(call, seen)
        return seen


@experiment(stage="skeleton", title="outputs depend on their own inputs only", seconds=5)
def dependencies(lab: Lab) -> Outcome:
    """Follow the gradient of single outputs back to the inputs, and see where it arrives.

    ## Why it matters
    A view in the place of a transpose mixes the samples of a batch, and the network still trains: it learns to ignore
    what comes from the others. A network that sees the token that it is to predict looks brilliant until it is used.

    ## How it is done
    On a copy in eval mode. The gradient of the outputs of sample i must reach no input but that of sample i (where it
    does, another sample in that place must change them too). Where the
    targets are the inputs one step later, the gradient of the output at time t must reach no later input. Where a mask
    is given, other content at the masked positions must change nothing at the others. Ids have no gradient: it is
    taken at their embeddings.

    ## Known problems
    Batch norm in training uses the whole batch, which is right, and why eval mode is used here. Nodes of a graph are
    meant to see each other: where a graph enters the model, nothing is said. Recurrent nets may be given the batch on
    the second axis: samples are looked for on both. A loss that compares samples (contrastive) is not looked at.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "use backprop to chart dependencies".
    """
    try:
        seen = _look(lab.problem)
    except Exception as error:  # whatever a user's model does in eval mode, or with inputs that have gradients
        return Outcome("not assessed", f"the model cannot be followed back ({type(error).__name__}: {error})")
    if isinstance(seen, str):
        return Outcome("not assessed", seen)
    if seen.wrong:
        told, suspects, actions = zip(*seen.wrong, strict=True)
        return Outcome("failed", "; ".join(told), seen.evidence, actions[0], tuple(suspects))
    if seen.right:
        return Outcome("passed", "; ".join(seen.right), seen.evidence)
    return Outcome("not assessed", "; ".join(seen.doubts))
