"""The differences that a trial can have, by name. Each takes the trial in the making and an argument of JSON types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from netvet.core import NetvetError
from netvet.experiments.ensembles import SQUEEZERS
from netvet.experiments.problem import in_eval_mode, without_regularisation
from netvet.experiments.regularisers import REGULARISERS
from netvet.experiments.trial import Build, without_graph

Change = Callable[[Build, Any], None]


def lr(build: Build, value: float) -> None:
    """Begin with this learning rate; a schedule goes on from it."""
    _with_groups(build, lambda group, _: group.update(lr=value))


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
    """Let the learning rate rise geometrically over the trial, from the first end to the second."""
    low, high = ends
    last = max(1, build.trial.steps - 1)
    lr(build, low)
    build.rate = lambda step: float((high / low) ** (step / last))


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
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):
            module.p = value


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
        lr, lr_factor, constant_lr, warmup, lr_ramp, optimizer, weight_decay, batch_size, no_clipping, clipping,
        unregularised, dropout, one_batch, subset, zeroed_inputs, shuffled_inputs, shuffled_targets, shown,
        *REGULARISERS, *SQUEEZERS,
    )
}  # fmt: skip
