"""Differences of the stages regularise and squeeze: dropout, weight decay, augmentation, fewer units, validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.layers import (
    dropout_of,
    drops_elements,
    has_channels_last,
    has_signals,
    is_activation,
    is_attention,
    is_first,
    is_weighted,
    set_dropout,
)
from netvet.experiments.problem import in_eval_mode, seed_all
from netvet.experiments.trial import Build, evaluate, without_graph

# A curve is drawn of so many samples: their scatter is a part of what a difference has to exceed.
MAX_SAMPLES = 2_000
# Smaller pictures lose what they show when they are moved by a pixel or made coarser.
LEAST_SIDE = 8


def validate_every(build: Build, steps: int) -> None:
    """Every so many steps, loss and score on validation data; at the end those on training data too."""
    curve: dict[str, Any] = {"steps": [], "loss": [], "score": [], "name": None, "samples": 0}
    data = _first(build.val)

    def measure(made: Build, step: int) -> None:
        found = evaluated(made, data)
        if found is not None:
            curve["steps"].append(step)
            curve["loss"].append(found.loss)
            curve["score"].append(found.score)
            curve["name"], curve["samples"] = found.name, found.samples

    def regularly(made: Build, step: int) -> None:
        if step % steps == 0:
            measure(made, step)

    def finish(made: Build) -> Mapping[str, Any]:
        measure(made, made.trial.steps)
        fit = evaluated(made, _first(made.train))
        return {"validation": {**curve, "train": {"loss": fit.loss, "score": fit.score} if fit else None}}

    build.before_step.append(regularly)
    build.at_end.append(finish)


def evaluated(build: Build, data: Data) -> Any:
    """As `evaluate`, with the same random numbers each time (a model may draw some in eval mode too)."""
    with forked_rng():
        seed_all(0)
        return evaluate(build, data)


def _first(data: Data) -> Data:
    """The first batches, of no more samples than a curve needs."""
    kept: list[Batch] = []
    for batch in data.batches:
        if kept and sum(len(b[n]) for b in kept for n in data.roles.inputs[:1] if b[n].dim()) >= MAX_SAMPLES:
            break
        kept.append(batch)
    return Data(tuple(kept), data.roles, data.fixed_size)


def dropouts(model: nn.Module) -> list[float]:
    """Probabilities of everything in a model that drops units by a setting of a module."""
    found = [p for m in model.modules() if (p := dropout_of(m)) is not None]
    own = (m.dropout for m in model.modules() if _has_own(m))
    return found + [p for p in own if isinstance(p, float)]


def _has_own(module: nn.Module) -> bool:
    """A recurrent net drops between its layers only."""
    return isinstance(module, nn.MultiheadAttention) or (isinstance(module, nn.RNNBase) and module.num_layers > 1)


def all_dropout(build: Build, value: float) -> None:
    """Probability of all dropout layers, and of what attention and recurrent nets have built in."""
    for module in build.learner.model.modules():
        set_dropout(module, value)
        if _has_own(module):
            setattr(module, "dropout", value)  # noqa: B010  # modules declare tensors and modules only


def channel_dropout(build: Build, _: bool) -> None:
    """Dropout layers that get feature maps [N, C, H, W] drop whole channels."""
    for module in build.learner.model.modules():
        share = dropout_of(module)
        if share and drops_elements(module):
            module.register_forward_hook(_by_channels(share))
            set_dropout(module, 0.0)


def _by_channels(p: float) -> Callable[[nn.Module, Any, torch.Tensor], torch.Tensor]:
    def hook(module: nn.Module, _: Any, output: torch.Tensor) -> torch.Tensor:
        return _dropped(module, output, p, channels=True, training=module.training)

    return hook


def _dropped(module: nn.Module, value: torch.Tensor, p: float, *, channels: bool, training: bool) -> torch.Tensor:
    """Dropout of what a module takes or gives, of whole channels where it has some."""
    if not channels or value.dim() != 4:
        return F.dropout(value, p, training)
    if not has_channels_last(module):
        return F.dropout2d(value, p, training)
    return F.dropout2d(value.movedim(-1, 1), p, training).movedim(1, -1)


def dropout_inserted(build: Build, options: Mapping[str, Any]) -> None:
    """Drop hidden activations in training: `p`, and `channels` for whole feature maps where there are some."""
    p, channels = float(options["p"]), bool(options.get("channels"))

    def drop(module: nn.Module, value: torch.Tensor) -> torch.Tensor:
        return _dropped(module, value, p, channels=channels, training=build.learner.model.training)

    _on_hidden(build, drop)


def narrower(build: Build, share: float) -> None:
    """Only this share of the units (channels) of each hidden activation, in training and evaluation.

    Units that are always zero neither add to the next layer nor learn: it is a net with fewer of them. Those that are
    left are scaled up, so that the next layer sees the variance that its initialisation is made for.
    """
    kept: dict[tuple[int, int], torch.Tensor] = {}
    generator = torch.Generator().manual_seed(build.trial.seed + 1)
    signals = has_signals(build.learner.model)

    def mask(module: nn.Module, value: torch.Tensor) -> torch.Tensor:
        second = value.dim() >= 4 or (value.dim() == 3 and signals)
        axis = 1 if second and not has_channels_last(module) else value.dim() - 1
        key = (id(module), value.shape[axis])
        if key not in kept:
            chosen = torch.randperm(value.shape[axis], generator=generator)[: max(1, round(share * value.shape[axis]))]
            kept[key] = torch.zeros(value.shape[axis]).index_fill_(0, chosen, share**-0.5).to(value)
        return value * kept[key].view([-1 if a == axis else 1 for a in range(value.dim())])

    _on_hidden(build, mask)


def _on_hidden(build: Build, change: Callable[[nn.Module, torch.Tensor], torch.Tensor]) -> None:
    """Let hidden activations go through a function: after activation modules, else before all weights but the first."""
    after, before = hidden_places(build)
    if not after and not before:
        raise NetvetError("the model has no hidden layer of a known kind: it can neither be narrowed nor get dropout")
    for module in after:
        module.register_forward_hook(lambda m, _, out: change(m, out) if isinstance(out, torch.Tensor) else out)
    for module in before:
        module.register_forward_pre_hook(lambda m, args: (change(m, args[0]), *args[1:]))


def hidden_places(build: Build) -> tuple[list[nn.Module], list[nn.Module]]:
    """Activation modules that weights come after; without them (ReLU as a function), layers that are not the first."""
    order: list[nn.Module] = []
    model = build.learner.model
    handles = [
        m.register_forward_hook(lambda module, _args, _out: order.append(module))
        for m in model.modules()
        if is_activation(m) or is_weighted(m) or is_first(m)
    ]
    try:
        with forked_rng(), in_eval_mode(model):
            without_graph(build.learner, build.train.batches[0])
    finally:
        for handle in handles:
            handle.remove()
    weighted = [i for i, m in enumerate(order) if is_weighted(m) or is_first(m)]
    end = weighted[-1] if weighted else 0
    after: list[nn.Module] = list(dict.fromkeys(m for m in order[:end] if is_activation(m)))
    # The heads of attention are no layers of their own: what enters them is not an activation.
    plain = not any(is_attention(m) for m in model.modules())
    later = [order[i] for i in weighted[1:] if order[i] is not order[weighted[0]]]
    before: list[nn.Module] = list(dict.fromkeys(m for m in later if is_weighted(m)))
    return after, [] if after or not plain else before


def weight_decay_factor(build: Build, factor: float) -> None:
    """Multiply the weight decay of each parameter group."""

    def change(made: torch.optim.Optimizer) -> None:
        for group in made.param_groups:
            group["weight_decay"] = group["weight_decay"] * factor

    _after_making(build, change)


def weight_decay_of_matrices(build: Build, value: float | None) -> None:
    """No weight decay of norms and biases; of the rest this one, or the program's own."""

    def change(made: torch.optim.Optimizer) -> None:
        for group in list(made.param_groups):
            small = [p for p in group["params"] if p.dim() < 2]
            group["params"] = [p for p in group["params"] if p.dim() >= 2]
            if small:
                made.add_param_group({**group, "params": small, "weight_decay": 0.0})
            if value is not None:
                group["weight_decay"] = value

    _after_making(build, change)


def _after_making(build: Build, change: Callable[[torch.optim.Optimizer], None]) -> None:
    make = build.make_optimizer

    def made(model: nn.Module) -> torch.optim.Optimizer:
        result = make(model)
        change(result)
        return result

    build.make_optimizer = made


def stretched_schedule(build: Build, factor: int) -> None:
    """The schedule over so many times its steps."""
    after = build.rate
    build.rate = lambda step: after(step // factor)


def images_in(data: Data) -> list[str]:
    """Names of the inputs that are pictures [N, C, H, W], with few channels."""
    first = data.batches[0]
    return [
        n for n in data.roles.inputs
        if first[n].dim() == 4 and first[n].is_floating_point() and first[n].shape[1] in (1, 3, 4)
        and min(first[n].shape[2:]) >= LEAST_SIDE
    ]  # fmt: skip


def numbers_in(data: Data) -> list[str]:
    """Names of the inputs that are rows of numbers [N, features]."""
    first = data.batches[0]
    return [n for n in data.roles.inputs if first[n].dim() == 2 and first[n].is_floating_point()]


def shifted_images(build: Build, pixels: int) -> None:
    """Training pictures moved by up to so many pixels, each on its own; what comes in repeats the border."""

    def move(images: torch.Tensor) -> torch.Tensor:
        count, _, height, width = images.shape
        padded = F.pad(images, [pixels] * 4, mode="replicate")
        down, right = (torch.randint(0, 2 * pixels + 1, (count, 1), device=images.device) for _ in range(2))
        rows = down + torch.arange(height, device=images.device)
        columns = right + torch.arange(width, device=images.device)
        each = torch.arange(count, device=images.device)
        return padded[each[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

    _augmented(build, images_in(build.train), move)


def flipped_images(build: Build, share: float) -> None:
    """This share of the training pictures mirrored, left and right."""

    def flip(images: torch.Tensor) -> torch.Tensor:
        chosen = torch.rand(len(images), device=images.device) < share
        return torch.where(chosen[:, None, None, None], images.flip(3), images)

    _augmented(build, images_in(build.train), flip)


def noisy_inputs(build: Build, share: float) -> None:
    """Normal noise on the numbers of the training inputs, as a share of each feature's standard deviation."""
    names = numbers_in(build.train)
    spread = {n: torch.cat([b[n] for b in build.train.batches]).std(0) for n in names}

    def loss(batch: Batch) -> Batch:
        return {n: t + share * spread[n] * torch.randn_like(t) if n in names else t for n, t in batch.items()}

    _before_loss(build, names, loss)


def coarser_images(build: Build, factor: int) -> None:
    """Training and validation pictures averaged over squares of so many pixels, at their old size."""

    def coarse(_: str, images: torch.Tensor) -> torch.Tensor:
        small = F.avg_pool2d(images, factor, ceil_mode=True)
        return F.interpolate(small, scale_factor=float(factor))[..., : images.shape[2], : images.shape[3]]

    names = images_in(build.train)
    if not names:
        raise NetvetError("the inputs are no pictures")
    build.train, build.val = (d.mapped(coarse, names) for d in (build.train, build.val))


def _augmented(build: Build, names: list[str], change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    _before_loss(build, names, lambda batch: {n: change(t) if n in names else t for n, t in batch.items()})


def _before_loss(build: Build, names: list[str], change: Callable[[Batch], Batch]) -> None:
    if not names:
        raise NetvetError("the inputs are neither pictures nor rows of numbers")
    inner = build.loss
    build.loss = lambda learner, batch: inner(learner, change(batch))


REGULARISERS = (
    validate_every, all_dropout, channel_dropout, dropout_inserted, narrower, weight_decay_factor,
    weight_decay_of_matrices, stretched_schedule, shifted_images, flipped_images, noisy_inputs, coarser_images,
)  # fmt: skip
