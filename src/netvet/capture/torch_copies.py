"""Copies of a user's model that are truly apart from it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import CellType, FunctionType
from typing import Any, TypeVar

import torch
from torch import nn

from netvet.capture.torch_collectives import alone
from netvet.capture.torch_events import Session
from netvet.capture.torch_patch import is_own
from netvet.capture.torch_rng import forked_rng

M = TypeVar("M", bound=nn.Module)

# What a function may hold that must not be shared: calling the copy would change or use the user's own.
_OWNED = (nn.Module, torch.Tensor, list, dict, set)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def separate_copy(model: M) -> M:
    """A deep copy, in which functions that modules hold (lambdas, hooks) refer to the copy as well.

    `copy.deepcopy` shares functions: a module that keeps `self.f = lambda x: self.layer(x)` would call the
    layer of the original, and a hook that appends to a list would append to the user's list.
    """
    memo: dict[int, Any] = {}
    made = copy.deepcopy(model, memo)
    rebind(made, memo)
    return made


def rebind(made: nn.Module, memo: dict[int, Any]) -> None:
    """Let the functions that the modules of a deep copy hold refer to copies; `memo` is that of the copying."""
    seen: dict[int, FunctionType] = {}
    for module in made.modules():
        for name, value in list(vars(module).items()):
            vars(module)[name] = _rebound(value, memo, seen)


def without_own_hooks(model: nn.Module) -> None:
    """Take off a copy what netvet had put on the model: it listens to the user's training, and to no other."""
    for module in model.modules():
        for name in _HOOKS:
            hooks = getattr(module, name)
            for key in [key for key, hook in hooks.items() if is_own(hook)]:
                del hooks[key]


def _rebound(value: Any, memo: dict[int, Any], seen: dict[int, FunctionType]) -> Any:
    if isinstance(value, FunctionType):
        return _function(value, memo, seen)
    if type(value) is list:
        return [_rebound(v, memo, seen) for v in value] if any(callable(v) for v in value) else value
    if isinstance(value, dict) and not isinstance(value, nn.Module):
        for key, one in list(value.items()):
            if isinstance(one, FunctionType):
                value[key] = _function(one, memo, seen)
    return value


def _function(function: FunctionType, memo: dict[int, Any], seen: dict[int, FunctionType]) -> FunctionType:
    """The function with the copies of what it closes over and of its default arguments."""
    if id(function) in seen:
        return seen[id(function)]
    cells, defaults = function.__closure__ or (), function.__defaults__ or ()
    if not any(isinstance(v, (*_OWNED, FunctionType)) for v in (*_contents(cells), *defaults)):
        return function
    new_cells = tuple(CellType() for _ in cells)
    made = FunctionType(function.__code__, function.__globals__, function.__name__, None, new_cells or None)
    seen[id(function)] = made  # before the contents: a function may close over itself
    made.__kwdefaults__, made.__dict__ = function.__kwdefaults__, dict(function.__dict__)
    made.__defaults__ = tuple(_own(v, memo, seen) for v in defaults) or None
    for old, new in zip(cells, new_cells, strict=True):
        for content in _contents((old,)):
            new.cell_contents = _own(content, memo, seen)
    return made


def _contents(cells: tuple[CellType, ...]) -> Iterator[Any]:
    for cell in cells:
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue


def _own(value: Any, memo: dict[int, Any], seen: dict[int, FunctionType]) -> Any:
    if isinstance(value, FunctionType):
        return _function(value, memo, seen)
    return copy.deepcopy(value, memo) if isinstance(value, _OWNED) else value


@contextmanager
def copies_at_work(session: Session, copies: Sequence[nn.Module]) -> Iterator[None]:
    """Let copies run: nothing is recorded, random generators are put back, and the user's own modules refuse.

    A copy that still calls a module of the user's (one that it finds in a global variable, say) raises RuntimeError,
    and so does one that would exchange data with the other ranks of a distributed run.
    """
    recorder = session.recorder
    own = {id(sub) for one in copies for sub in one.modules()}
    alive = session.models.alive()
    before = recorder.suspended, session.forbidden
    recorder.suspended = True
    session.forbidden = frozenset(
        id(m) for m in alive if id(m) not in own and (m._buffers or next(m.parameters(), None) is not None)
    )
    try:
        with forked_rng(), alone():
            yield
    finally:
        recorder.suspended, session.forbidden = before


def shared_parameters(loss: torch.Tensor, copies: list[nn.Module], originals: list[nn.Module]) -> int:
    """How many parameters of the originals the graph of a copy's loss reaches: a backward would change them."""
    own = {id(p) for one in copies for p in one.parameters()}
    theirs = {id(p) for one in originals for p in one.parameters()} - own
    found: set[int] = set()
    seen, queue = set(), [loss.grad_fn] if loss.grad_fn is not None else []
    while queue:
        node = queue.pop()
        variable = getattr(node, "variable", None)
        if variable is not None and id(variable) in theirs:
            found.add(id(variable))
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                queue.append(following)
    return len(found)
