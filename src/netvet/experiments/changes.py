"""The differences that a trial can have, by name. Each takes the trial in the making and an argument of JSON types."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import torch

from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.changes_augment import AUGMENT_CHANGES
from netvet.experiments.changes_tune import TUNE_CHANGES
from netvet.experiments.constants import final_bias
from netvet.experiments.corpus_instead import corpus_instead
from netvet.experiments.data import Batch
from netvet.experiments.ensembles import SQUEEZERS
from netvet.experiments.layers import set_dropout
from netvet.experiments.measures import by_batch
from netvet.experiments.parts import loss_without, without
from netvet.experiments.problem import Learner, in_eval_mode, without_regularisation
from netvet.experiments.regularisers import REGULARISERS
from netvet.experiments.stand_ins import beside, twin_instead
from netvet.experiments.swaps import SWAPS
from netvet.experiments.trial import Build, is_memory, without_graph

# Validation batches that are scored where it is not known how many samples a batch has.
UNSIZED = 20
# A curve of losses is cut where it is as far above its start as it fell below: at most by the start itself.
LOST = 10.0

Change = Callable[[Build, Any], None]


def lr(build: Build, value: float) -> None:
    """Begin with this learning rate; a schedule goes on from it."""
    _with_groups(build, lambda group, _: group.update(lr=value))


def lr_of_first(build: Build, value: float) -> None:
    """Begin with this learning rate in the first parameter group, and in proportion to it in the others."""
    make = build.make_optimizer

    def made(model: torch.nn.Module) -> torch.optim.Optimizer:
        result = make(model)
        first = result.param_groups[0]["lr"]
        for group in result.param_groups:
            group["lr"] = value * group["lr"] / first if first else value
        return result

    build.make_optimizer = made


def lr_factor(build: Build, factor: float) -> None:
    """Multiply the learning rate of each parameter group."""
    _with_groups(build, lambda group, _: group.update(lr=group["lr"] * factor))


def constant_lr(build: Build, _: bool) -> None:
    """No schedule."""
    build.rate = lambda step: 1.0


def warmup(build: Build, steps: int) -> None:
    """Let the learning rate rise from a hundredth over so many steps."""
    after = build.rate
    build.rate = lambda step: after(step) * min(1.0, 0.01 + 0.99 * step / max(1, steps))


def lr_ramp(build: Build, ends: list[float]) -> None:
    """Let the learning rate rise geometrically over the trial, from the first end to the second.

    These are the rates of the first parameter group; the others keep their proportion to it.
    """
    low, high = ends
    last = max(1, build.trial.steps - 1)
    lr_of_first(build, low)
    build.rate = lambda step: float((high / low) ** (step / last))


def beside_untouched(build: Build, _: bool) -> None:
    """Keep what the loss of each step is less that of the initial weights, on the same batch and random numbers.

    Where it is ten times that of the initial weights above it, nothing is to be learned from further steps.
    """
    untouched = build.problem.learner(build.trial.seed)
    untouched.model.train()
    inner = build.loss
    gaps: list[float] = []
    sizes: list[float] = []

    def loss(learner: Learner, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        with forked_rng(), torch.no_grad():
            before, _ = untouched.step(batch)
        found = inner(learner, batch)
        gaps.append(float(found[0].detach()) - float(before))
        sizes.append(abs(float(before)))
        build.lost = gaps[-1] > LOST * max(sizes)
        return found

    build.loss = loss
    build.at_end.append(lambda made: {"gaps": gaps})


def optimizer(build: Build, options: Mapping[str, Any]) -> None:
    """Another optimizer: `name` of a class in torch.optim, and its options; all parameters that need gradients."""
    given = dict(options)
    name = str(given.pop("name"))
    cls = getattr(torch.optim, name, None)
    if cls is None:
        raise NetvetError(f"no such optimizer: {name!r}; expected the name of a class in torch.optim")
    build.make_optimizer = lambda model: cls([p for p in model.parameters() if p.requires_grad], **given)


def weight_decay(build: Build, value: float) -> None:
    """Of all parameter groups."""
    _with_groups(build, lambda group, _: group.update(weight_decay=value))


def batch_size(build: Build, value: int) -> None:
    """Other than the program's own."""
    _need_samples(build)
    build.batch_size = value


def no_clipping(build: Build, _: bool) -> None:
    """Leave out the program's clipping of gradients."""
    build.clip = None


def clipping(build: Build, limit: float) -> None:
    """Clip the norm of all gradients."""
    build.clip = ("norm", limit)


def unregularised(build: Build, _: bool) -> None:
    """Neither dropout nor weight decay."""
    without_regularisation(build.learner.model.modules())
    _with_groups(build, lambda group, _: group.update(weight_decay=0.0) if "weight_decay" in group else None)


def dropout(build: Build, value: float) -> None:
    """Probability of all dropout layers."""
    for module in build.learner.model.modules():
        set_dropout(module, value)


def one_batch(build: Build, samples: int | None) -> None:
    """Train on the first batch alone, again and again; on its first samples if a number is given."""
    first = build.train.batches[0]
    if samples is not None:
        _need_samples(build)
        first = build.train.samples(range(min(samples, build.train.size or samples)))
    build.train = type(build.train)((first,), build.train.roles, build.train.fixed_size)
    build.batch_size = None


def subset(build: Build, samples: int) -> None:
    """Train on so many samples, drawn by the seed."""
    _need_samples(build)
    total = build.train.size or 0
    rows = torch.randperm(total, generator=_drawn(build))[:samples]
    build.train = build.train.part(rows)


def zeroed_inputs(build: Build, _: bool) -> None:
    """Training and validation data whose inputs are all zero."""
    names = build.train.roles.inputs
    build.train, build.val = (d.mapped(lambda _, t: torch.zeros_like(t), names) for d in (build.train, build.val))


def shuffled_inputs(build: Build, _: bool) -> None:
    """Training data whose inputs belong to other samples; validation data stay as they are."""
    _shuffle(build, build.train.roles.inputs)


def shuffled_targets(build: Build, _: bool) -> None:
    """Training data whose targets belong to other samples; validation data stay as they are."""
    _shuffle(build, build.train.roles.targets)


def _shuffle(build: Build, names: tuple[str, ...]) -> None:
    if not names:
        raise NetvetError("the targets are not known: they cannot be shuffled")
    if build.train.size is None:  # within each batch
        generator = _drawn(build)
        batches = []
        for batch in build.train.batches:
            order = torch.randperm(len(batch[names[0]]), generator=generator)
            batches.append({n: t[order.to(t.device)] if n in names else t for n, t in batch.items()})
        build.train = type(build.train)(tuple(batches), build.train.roles, build.train.fixed_size)
        return
    order = torch.randperm(build.train.size, generator=_drawn(build))
    pool = type(build.train)((build.train.pooled(),), build.train.roles)
    mixed = pool.mapped(lambda _, t: t[order.to(t.device)], names)
    rows = torch.arange(build.train.size).split(build.train.batch_size or build.train.size)  # type: ignore[no-untyped-call]
    build.train = type(build.train)(tuple(mixed.samples(some) for some in rows), build.train.roles)


def shown(build: Build, samples: int) -> None:
    """At the end, keep the first predictions on the training data beside their targets."""

    def measure(made: Build) -> Mapping[str, Any]:
        from netvet.experiments.task import predictions

        batch = made.train.batches[0]
        with in_eval_mode(made.learner.model):
            _, output = without_graph(made.learner, batch)
        target = next((batch[n] for n in made.train.roles.targets), None)
        pair = predictions(made.problem.kind, output, target) if output is not None and target is not None else None
        if pair is None:
            return {}
        predicted, wanted = (values[:samples].tolist() for values in pair)
        return {"predicted": predicted, "wanted": wanted}

    build.at_end.append(measure)


def scored(build: Build, samples: int) -> None:
    """At the end, loss and score on about so many samples of the validation data, as `held_out`."""

    def measure(made: Build) -> Mapping[str, Any]:
        from netvet.experiments.trial import evaluate

        size = made.val.batch_size
        some = math.ceil(samples / size) if size else UNSIZED
        found = evaluate(made, replace(made.val, batches=made.val.batches[:some]))
        return {} if found is None else {"held_out": asdict(found)}

    build.at_end.append(measure)


def sensitivity(build: Build, _: bool) -> None:
    """At the end, how much the outputs differ for other inputs, as a share of their size: `sensitivity`."""

    def measure(made: Build) -> Mapping[str, Any]:
        batch, model = made.val.batches[0], made.learner.model
        names = made.val.roles.inputs
        other = {n: t.flip(0) if n in names and t.dim() else t for n, t in batch.items()}
        try:
            with in_eval_mode(model):
                here, there = (without_graph(made.learner, one)[1] for one in (batch, other))
        except Exception as error:  # inputs that must stay in their order (a graph)
            if is_memory(error):
                raise
            return {}
        if here is None or there is None or here.shape != there.shape or not here.is_floating_point():
            return {}
        size = float(here.double().square().mean().sqrt())
        return {"sensitivity": float((here.double() - there.double()).square().mean().sqrt()) / size if size else 0.0}

    build.at_end.append(measure)


def _with_groups(build: Build, change: Callable[[dict[str, Any], int], Any]) -> None:
    make = build.make_optimizer

    def made(model: torch.nn.Module) -> torch.optim.Optimizer:
        result = make(model)
        for number, group in enumerate(result.param_groups):
            change(group, number)
        return result

    build.make_optimizer = made


def _need_samples(build: Build) -> None:
    if build.train.size is None:
        raise NetvetError("the step takes only whole batches of one form: samples cannot be drawn from them")


def _drawn(build: Build) -> torch.Generator:
    return torch.Generator().manual_seed(build.trial.seed + 1)


CHANGES: dict[str, Change] = {
    function.__name__.replace("_", "-"): function
    for function in (
        lr, lr_of_first, lr_factor, constant_lr, warmup, lr_ramp, beside_untouched, optimizer, weight_decay,
        batch_size, no_clipping, clipping, unregularised, dropout, one_batch, subset, zeroed_inputs, shuffled_inputs,
        shuffled_targets, shown, scored, sensitivity, final_bias, by_batch, beside, twin_instead, corpus_instead,
        without, loss_without,
        *REGULARISERS, *SQUEEZERS, *SWAPS,
    )
} | TUNE_CHANGES | AUGMENT_CHANGES  # fmt: skip
