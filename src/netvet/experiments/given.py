"""The parts that a user gives, each checked where it is given: model, optimizer, and the loaders to read."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from netvet.capture.torch_remade import OptimizerForm
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.problem import MakeOptimizer, copy_of, redrawn, seed_all

# How far generators are looked for from a loader: sampler, dataset, its transforms, what those hold.
MAX_DEPTH, MAX_OBJECTS = 6, 2_000
_CLOSED = (torch.Tensor, np.ndarray, str, bytes, int, float, bool, type(None), type, nn.Module)


def model_factory(given: Any, *, pretrained: bool) -> Callable[[int], nn.Module]:
    """What makes a model for a seed: copies of one with other initial weights, or what the user's function makes.

    Raises:
        NetvetError: that is no model.
    """
    if not isinstance(given, nn.Module):
        if not callable(given):
            raise NetvetError(f"Setup(model=...) is a {type(given).__name__}; expected a torch.nn.Module or a function")
        made = [_made(given, 0) for _ in range(2)]
        mine = {id(p) for p in made[0].parameters()}
        if not mine or not any(id(p) in mine for p in made[1].parameters()):
            return lambda seed: _made(given, seed)
        given = made[0]  # the same model each time: the user's own
    kept = copy_of(given)
    return lambda seed: redrawn(copy_of(kept), seed, kept=pretrained)


def _made(function: Callable[[], Any], seed: int) -> nn.Module:
    with forked_rng():
        seed_all(seed)
        try:
            made = function()
        except Exception as error:
            raise NetvetError(f"model() raised {type(error).__name__}: {error}") from error
    if not isinstance(made, nn.Module):
        raise NetvetError(f"model() gave a {type(made).__name__}; expected a torch.nn.Module")
    return made


def is_trained(model: Any) -> bool:
    """Whether the weights seem to come from a training: a norm layer has seen batches."""
    modules = model.modules() if isinstance(model, nn.Module) else ()
    counts = (getattr(m, "num_batches_tracked", None) for m in modules)
    return any(isinstance(c, torch.Tensor) and int(c) > 0 for c in counts)


def optimizer_factory(given: Any, model: Any, made: nn.Module) -> MakeOptimizer:
    """What makes an optimizer for a copy of the model.

    Args:
        given: `optimizer(model)`, or an optimizer that holds parameters of `model`; `made`: a copy to try it on.

    Raises:
        NetvetError: that is no optimizer.
    """
    if isinstance(given, torch.optim.Optimizer):
        return _like(given, model)
    if not callable(given):
        raise NetvetError(f"optimizer is a {type(given).__name__}; expected optimizer(model) or a torch optimizer")
    try:
        tried = given(made)
    except Exception as error:
        raise NetvetError(
            f"optimizer(model) raised {type(error).__name__}: {error}; expected a function of the model, "
            "such as lambda model: torch.optim.Adam(model.parameters())"
        ) from error
    if not isinstance(tried, torch.optim.Optimizer):
        raise NetvetError(f"optimizer(model) gave a {type(tried).__name__}; expected a torch.optim.Optimizer")
    made_by: MakeOptimizer = given
    return made_by


def _like(given: torch.optim.Optimizer, model: Any) -> MakeOptimizer:
    own = list(model.parameters()) if isinstance(model, nn.Module) else []
    try:
        form = OptimizerForm.of(given, own)
    except ValueError:
        told = "the optimizer holds parameters of another model; give optimizer(model), a function"
        raise NetvetError(told) from None
    return lambda made: form.made_for(list(made.parameters()))


def batches_of(source: Any, which: str, size: int) -> Iterator[Any]:
    """The batches of a loader, of a list, or of a pair of tensors.

    Raises:
        NetvetError: they cannot be read, or not without taking them from the user.
    """
    if isinstance(source, tuple) and source and all(isinstance(t, torch.Tensor) for t in source):
        if len({len(t) if t.dim() else None for t in source}) > 1:
            shapes = " and ".join(str(tuple(t.shape)) for t in source)
            raise NetvetError(f"the tensors of {which} have different lengths: {shapes}")
        return iter(list(zip(*(t.split(size) for t in source), strict=True)))
    if isinstance(source, DataLoader):
        return iter(_own_loader(source))
    if not isinstance(source, Iterable):
        raise NetvetError(f"{which} is a {type(source).__name__}; expected a loader, a list of batches or two tensors")
    if isinstance(source, Iterator) or iter(source) is iter(source):
        raise NetvetError(
            f"{which} is an iterator, which can be read only once; give the loader itself, or a list of its batches"
        )
    return iter(source)


def _own_loader(loader: DataLoader[Any]) -> DataLoader[Any]:
    """Persistent workers belong to the user's own epochs."""
    if not loader.persistent_workers:
        return loader
    own = copy.copy(loader)
    own._iterator = None
    return own


@contextmanager
def rewound(source: Any) -> Iterator[None]:
    """Leave the generators of a loader as they were: the user's next epoch has the order that it would have had."""
    restore = [_restoring(one) for one in _generators(source)]
    try:
        yield
    finally:
        for action in restore:
            action()


def _restoring(one: Any) -> Callable[[], Any]:
    """What puts a generator back into its present state."""
    if isinstance(one, torch.Generator):
        return partial(one.set_state, one.get_state())
    if isinstance(one, np.random.Generator):
        return partial(setattr, one.bit_generator, "state", one.bit_generator.state)
    if isinstance(one, np.random.RandomState):
        return partial(one.set_state, one.get_state())
    return partial(one.setstate, one.getstate())


def _generators(source: Any) -> list[Any]:
    """Random generators that a loader, its sampler and its dataset hold."""
    kinds = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
    found: dict[int, Any] = {}
    seen: set[int] = set()
    queue = [(source, 0)]
    while queue and len(seen) < MAX_OBJECTS:
        one, depth = queue.pop(0)
        if id(one) in seen or isinstance(one, _CLOSED):
            continue
        seen.add(id(one))
        if isinstance(one, kinds):
            found[id(one)] = one
        elif depth < MAX_DEPTH:
            queue += [(part, depth + 1) for part in _parts(one)]
    return list(found.values())


def _parts(one: Any) -> list[Any]:
    if isinstance(one, dict):
        return list(one.values())[:MAX_OBJECTS]
    if isinstance(one, (list, tuple, set)):
        return list(one)[:MAX_OBJECTS]
    inside = []
    for cell in getattr(one, "__closure__", None) or ():
        with suppress(ValueError):  # not filled yet
            inside.append(cell.cell_contents)
    return [*inside, *getattr(one, "__dict__", {}).values()]
