"""Whether the same seed gives the same training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_models import plain_name
from netvet.capture.torch_probe_tools import float_outputs, module_outputs
from netvet.capture.torch_rng import forked_rng
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.problem import Problem
from netvet.experiments.trial import Trial, run_trial

STEPS, LEAST = 8, 3
# Values that differ by less than this share differ by the order of sums: float32 keeps seven digits.
ROUNDING = 1e-5
MAX_OUTPUTS = 2_000

Named = list[tuple[str, list[torch.Tensor]]]


@dataclass(frozen=True)
class Pass:
    """One training step from the seed: outputs of the modules in order, loss, gradients by parameter."""

    outputs: Named
    loss: float
    grads: dict[str, torch.Tensor]


def _pass(problem: Problem) -> Pass:
    found: Named = []

    def see(name: str, _module: nn.Module, _given: Any, output: Any) -> None:
        if len(found) < MAX_OUTPUTS:
            found.append((name, [t.clone() for t in float_outputs(output)]))

    with forked_rng(), torch.enable_grad():
        torch.manual_seed(0)
        learner = problem.learner(0)
        learner.model.train()
        torch.manual_seed(0)
        with module_outputs(learner.model, see):
            loss = learner.step(problem.train.batches[0])[0]
        loss.backward()  # type: ignore[no-untyped-call]
        grads = {n: p.grad.clone() for n, p in learner.model.named_parameters() if p.grad is not None}
    return Pass(found, float(loss.detach()), grads)


def _gap(one: torch.Tensor, two: torch.Tensor) -> float:
    """Largest difference as a share of the largest value; 0 for equal ones, where both are no numbers too."""
    if one.shape != two.shape:
        return math.inf
    same = (one == two) | (one.isnan() & two.isnan())
    if bool(same.all()):
        return 0.0
    scale = float(one.abs().nan_to_num(0.0, 0.0, 0.0).max()) or 1.0
    return float((one - two).double().abs()[~same].nan_to_num(math.inf).max()) / scale or math.ulp(1.0)


def first_difference(problem: Problem) -> tuple[str, float]:
    """What differs first between two steps from the same seed, in words, and by which share."""
    one, two = _pass(problem), _pass(problem)
    for (name, first), (_, second) in zip(one.outputs, two.outputs, strict=False):
        gap = math.inf if len(first) != len(second) else max(map(_gap, first, second), default=0.0)
        if gap:
            return f"the output of {plain_name(name) or 'the model'}", gap
    if one.loss != two.loss:
        return "the loss, after equal outputs of the model", abs(one.loss - two.loss) / max(abs(one.loss), 1e-12)
    for name, grad in reversed(one.grads.items()):
        gap = _gap(grad.to_dense(), two.grads[name].to_dense()) if name in two.grads else math.inf
        if gap:
            return f"the gradient of {plain_name(name)}", gap
    return "what the optimizer makes of equal gradients, or something that the model keeps between steps", math.inf


def _first_step(one: tuple[float, ...], two: tuple[float, ...]) -> int | None:
    """Where two paths of losses part; None if nowhere."""
    for step, (a, b) in enumerate(zip(one, two, strict=False)):
        if a != b and not (math.isnan(a) and math.isnan(b)):
            return step
    return None if len(one) == len(two) else min(len(one), len(two))


@experiment(stage="skeleton", title="the same seed gives the same training", seconds=5)
def determinism(lab: Lab) -> Outcome:
    """Train a few steps twice from the same seed and compare the losses bit by bit.

    ## Why it matters
    Where the same seed gives another training, a change of the result may come from your change or from luck, and no
    bug can be met twice.

    ## How it is done
    Two copies with the same initial weights take the same batches, with all generators of PyTorch, NumPy and Python at
    the same state. If their losses differ, one step is taken apart: the first module whose output differs, else the
    first gradient from the end.

    ## Known problems
    Sums on a GPU whose order is not fixed differ in the last digits: that is told of, and fails nothing. Two runs of a
    script differ as well where it sets no seed: the check `unseeded-run` sees that.

    ## References
    PyTorch, "Reproducibility"; Karpathy, "A Recipe for Training Neural Networks" (2019), "fix random seed".
    """
    steps = lab.steps(STEPS, 2, least=LEAST)
    first = lab.first_steps  # a slow net's are fewer, and enough to see
    if len(first.losses) < min(steps, LEAST):
        first = run_trial(lab.problem, Trial(steps, scores=False))
    second = run_trial(lab.problem, Trial(len(first.losses), scores=False))
    for result in (first, second):
        if result.ended == "failed":
            return Outcome("not assessed", f"a copy of the model could not be trained: {result.error}")
    evidence: dict[str, Any] = {"losses": [list(first.losses), list(second.losses)]}
    step = _first_step(first.losses, second.losses)
    if step is None:
        return Outcome(
            "passed", f"two trainings from one seed have the same losses in {len(first.losses)} steps", evidence
        )
    a, b = (r.losses[step] if step < len(r.losses) else math.nan for r in (first, second))
    where, gap = first_difference(lab.problem)
    evidence |= {"step": step, "first_difference": where}
    told = f"two trainings from one seed part at step {step} (loss {a:.9g} and {b:.9g})"
    if gap <= ROUNDING:
        return Outcome(
            "advice",
            f"{told}, by rounding only; first in {where}",
            evidence,
            "Call torch.use_deterministic_algorithms(True) while you look for faults.",
        )
    return Outcome(
        "failed",
        f"{told}; first in {where}",
        evidence,
        "Draw all random numbers from generators that are seeded (torch.manual_seed, numpy.random.seed, random.seed), "
        "and call torch.use_deterministic_algorithms(True).",
        ("nondeterministic-step", "unseeded-run"),
    )
