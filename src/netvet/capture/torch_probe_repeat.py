"""The first step done twice, evaluation done twice, and a few steps with other learning rates."""

from __future__ import annotations

import copy
import math
from time import perf_counter
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_models import plain_name
from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_order import place
from netvet.capture.torch_probe_contract import loss_factor
from netvet.capture.torch_probe_draws import Draws, clones, is_moved, other_samples
from netvet.capture.torch_probe_tools import (
    evaluating,
    first_calls,
    float_outputs,
    loss_operations,
    module_outputs,
    run_call,
)
from netvet.capture.torch_probes import ProbeContext

MULTIPLES = (0.1, 1.0, 10.0)
# While the loss falls by less than this share, rates of up to so many times the script's are tried.
HARDLY, MOST = 0.1, 1e4
LR_STEPS, LR_SECONDS = 10, 2.0


def step_repeat(context: ProbeContext) -> None:
    """Record `step_repeat`: the gradients of two replays."""
    models = context.replay.models
    parameters = [p for m in models for p in m.parameters() if p.requires_grad]
    if not parameters or any(_own_generator(m) for m in models):
        return
    rounds = []
    with torch.enable_grad():
        for _ in range(2):
            loss = context.replay.run().loss
            found = torch.autograd.grad(loss.sum(), parameters, allow_unused=True)
            rounds.append([g.to_dense().detach() if g.is_sparse else g.detach() for g in found if g is not None])
    gaps, equal = [0.0], True
    for one, two in zip(*rounds, strict=True):
        equal = equal and torch.equal(one, two)
        scale = float(one.abs().max())
        if math.isfinite(scale) and scale > 0:
            gaps.append(float((one - two).abs().max()) / scale)
    finite = all(bool(torch.isfinite(g).all()) for g in rounds[0])
    if finite:
        context.add(
            "step_repeat",
            {
                "equal": equal,
                "max_difference": max(gaps),
                "first_layer": None,
                "seeded": True,
                **place(context.recording.site),
            },
        )


def _own_generator(model: nn.Module) -> bool:
    """A module holds a generator whose state a replay does not put back."""
    return any(
        "enerator" in type(v).__name__ or "Random" in type(v).__name__
        for m in model.modules()
        for v in vars(m).values()
    )


def eval_repeat(context: ProbeContext) -> None:
    """Record `eval_repeat`: two passes in eval mode with different random numbers, and what a pass leaves behind."""
    for call in first_calls(context):
        other = torch.Generator().manual_seed(20_011).get_state()
        with evaluating(call), Draws(call) as draws:
            first = _pass(call, None)
            after = clones(call.model)
        with evaluating(call):
            second = _pass(call, other)
        one, two = first[-1][1], second[-1][1]
        if len(one) != len(two) or not one:
            continue
        gap = max(_gap(a, b) for a, b in zip(one, two, strict=True))
        layer = next((a[0] for a, b in zip(first, second, strict=False) if _differ(a[1], b[1])), None)
        drawn = draws.blamed() if gap > 0 else None
        trained = [t.detach() for t in float_outputs(call.output)]
        pairs = list(zip(trained, one, strict=False)) if len(trained) == len(one) else []
        names, state_gap = _carried(call, after, one)
        written = next((draws.writes[n] for n in names if n in draws.writes), None)
        context.add(
            "eval_repeat",
            {
                "model": context.models.name(call.original), "equal": gap == 0.0, "max_difference": gap,
                "layer": drawn.module if drawn else layer, "op": drawn.op if drawn else None,
                **place((drawn.site if drawn else None) or call.site),
                "train_eval_gap": max((_gap(a, b) for a, b in pairs), default=None),
                "state_buffers": names, "state_gap": state_gap, **place(written, "state_"),
            },
        )  # fmt: skip


def _carried(
    call: ModelCall, after: dict[str, torch.Tensor], wanted: list[torch.Tensor]
) -> tuple[list[str], float | None]:
    """Buffers that a pass in eval mode fills from its samples, and what that does to the outputs of the next pass."""
    before = clones(call.model)
    changed = [n for n, old in before.items() if n in after and is_moved(old, after[n])]
    given = other_samples((call.args, call.kwargs)) if changed else None
    if given is None:
        return [], None
    with evaluating(call):
        alone = float_outputs(run_call(call, *given))
        filled = clones(call.model)
        outputs = _pass(call, None)[-1][1]
    with evaluating(call):
        run_call(call, call.args, call.kwargs)
        later = float_outputs(run_call(call, *given))
    size = max((t.shape[0] for t in float_outputs(call.output)), default=0)
    # A state of each sample (the hidden state of a sequence that goes on in the next batch) is no statistic of them.
    shared = [n for n in changed if before[n].dim() < 2 or size not in before[n].shape]
    names = [n for n in shared if n in filled and is_moved(after[n], filled[n])]
    if not names or len(outputs) != len(wanted):
        return [], None
    pairs = [*zip(wanted, outputs, strict=True), *zip(alone, later, strict=False)]
    return [plain_name(n) for n in names], max(_gap(a, b) for a, b in pairs)


def _pass(call: ModelCall, state: torch.Tensor | None) -> list[tuple[str, list[torch.Tensor]]]:
    """Every module's output in one pass, the whole model's last."""
    found: list[tuple[str, list[torch.Tensor]]] = []

    def see(name: str, _module: nn.Module, _given: Any, output: Any) -> None:
        if len(found) < 1000:
            found.append((name, [t.clone() for t in float_outputs(output)]))

    with module_outputs(call.module, see):
        output = run_call(call, call.args, call.kwargs, state)
    return [*found, ("", float_outputs(output))]


def _gap(one: torch.Tensor, two: torch.Tensor) -> float:
    if one.shape != two.shape or one.numel() == 0:
        return 0.0
    scale = float(one.double().abs().max()) or 1.0
    gap = float((one.double() - two.double()).abs().max()) / scale
    return gap if math.isfinite(gap) else 0.0


def _differ(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return any(_gap(a, b) > 0 for a, b in zip(one, two, strict=False))


def accumulation(context: ProbeContext) -> None:
    """Record `accumulation`: whether the losses of several micro-batches of one step are divided by their number."""
    count, operations = context.recording.micro_batches, loss_operations(context.replay)
    if count < 2 or len(operations) != 1 or len(context.optimizers) != 1 or len(context.replay.calls) != 1:
        return
    operation, (optimizer, name) = operations[0], context.optimizers[0]
    constant = operation.target.numel() > 1 and bool((operation.target == operation.target.reshape(-1)[0]).all())
    factor = loss_factor(context, operation)
    if constant or factor is None or operation.arguments.get("reduction") != "mean":
        return
    divided = abs(factor * count - 1) < 0.05
    if divided or abs(factor - 1) < 1e-3:
        context.add(
            "accumulation",
            {
                "micro_batches": count, "ratio": factor * count, "divided": divided, "optimizer": name,
                "scale_invariant": type(optimizer).__name__ not in ("SGD", "ASGD"), **place(context.recording.site),
            },
        )  # fmt: skip


def lr_probe(context: ProbeContext) -> None:
    """Record `lr_probe`: a few steps on the recorded batch at several multiples of the learning rate."""
    if len(context.optimizers) != 1 or len(context.replay.models) != 1 or math.isnan(context.recording.value):
        return
    optimizer, name = context.optimizers[0]
    if isinstance(optimizer, torch.optim.LBFGS) or optimizer.state:
        return
    model = context.replay.models[0]
    originals = list(context.replay.calls[0].original.parameters())
    twins = {id(o): p for o, p in zip(originals, model.parameters(), strict=True)}
    groups = optimizer.param_groups
    rates = [float(g["lr"]) for g in groups if "lr" in g]
    if len(rates) != len(groups) or not all(id(p) in twins for g in groups for p in g["params"]) or not max(rates) > 0:
        return
    start = float(context.recording.value)
    losses = _at_multiples(context, type(optimizer), groups, twins, start)
    if losses is None:
        return
    reached = [(loss, m) for m, loss in losses.items() if loss is not None]
    context.add(
        "lr_probe",
        {
            "optimizer": name, "lr": max(rates), "multiples": list(losses), "start": start,
            "losses": list(losses.values()), "spread": None, "best": min(reached)[1] if reached else None,
            "steps": LR_STEPS, "batches": 1,
        },
    )  # fmt: skip


def _at_multiples(
    context: ProbeContext,
    cls: type[Any],
    groups: list[dict[str, Any]],
    twins: dict[int, torch.nn.Parameter],
    start: float,
) -> dict[float, float | None] | None:
    """Loss for each multiple of the rate (None: it diverged); None if the machine is too slow to say anything."""
    until, model = perf_counter() + LR_SECONDS, context.replay.models[0]
    kept = copy.deepcopy(model.state_dict())
    losses: dict[float, float | None] = {}
    waiting = list(MULTIPLES)
    try:
        while waiting:
            multiple = waiting.pop(0)
            mine = [
                {**g, "params": [twins[id(p)] for p in g["params"]], "lr": float(g["lr"]) * multiple} for g in groups
            ]
            found = _train(context, cls, mine, until)
            model.load_state_dict(kept)
            if found is None:
                return losses if losses.keys() >= set(MULTIPLES) else None
            losses[multiple] = found if math.isfinite(found) and found < 1e3 * (abs(start) + 1) else None
            # A rate may be too low by more than one power of ten.
            hardly = math.isfinite(found) and 0 < start - found < HARDLY * abs(start)
            if not waiting and hardly and multiple < MOST:
                waiting.append(multiple * 10)
    finally:
        model.load_state_dict(kept)
        for parameter in model.parameters():
            parameter.grad = None
    return losses


def _train(context: ProbeContext, cls: type[Any], groups: list[dict[str, Any]], until: float) -> float | None:
    for group in groups:
        group.pop("param_names", None)
        group.pop("initial_lr", None)
    optimizer = cls(groups, lr=groups[0]["lr"])
    with torch.enable_grad():
        for _ in range(LR_STEPS):
            if perf_counter() > until:
                return None
            optimizer.zero_grad()
            loss = context.replay.run().loss
            torch.autograd.backward(loss.sum())
            optimizer.step()
    with torch.no_grad():
        return float(context.replay.run().loss.sum())
