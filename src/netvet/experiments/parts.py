"""Parts that the author of a program has declared: layers to be bypassed, terms of the loss to be left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.problem import Learner, ModelAndStep, Problem
from netvet.experiments.trial import Build, evaluate

Stepping = Callable[[nn.Module, Batch], tuple[torch.Tensor, torch.Tensor | None]]
# The name of a module, or the step without a term of the loss.
Part = str | Stepping


def declared(problem: Problem) -> Mapping[str, Part]:
    """The parts by the names that their author gave them."""
    found: Mapping[str, Part] = problem.details.get("parts", {})
    return found


def require_bypass(learner: Learner, batch: Batch, part: str) -> None:
    """See that a module gives tensors of the form that it gets, so that its input can stand for its output.

    Raises:
        NetvetError: there is no such module, or it cannot be bypassed.
    """
    try:
        module = learner.model.get_submodule(part)
    except AttributeError:
        raise NetvetError(f"Setup(parts=...): the model has no module {part!r}") from None
    forms: list[tuple[Any, Any]] = []
    handle = module.register_forward_hook(lambda _, given, made: forms.append((_form(_first(given)), _form(made))))
    try:
        learner.step(batch)
    finally:
        handle.remove()
    if not forms:
        raise NetvetError(f"Setup(parts=...): the step does not call the module {part!r}")
    given, made = forms[0]
    if given is None or given != made:
        raise NetvetError(f"Setup(parts=...): {part!r} cannot be bypassed: it gets {given} and gives {made}")


def _first(given: Sequence[Any]) -> Any:
    return given[0] if given else None


def _form(tensor: Any) -> tuple[int, ...] | None:
    return tuple(tensor.shape) if isinstance(tensor, torch.Tensor) else None


def without(build: Build, name: str) -> None:
    """Train without a declared part."""
    part = declared(build.problem)[name]
    if isinstance(part, str):
        build.learner.model.get_submodule(part).forward = _input_itself
    else:
        build.loss = lambda learner, batch: part(learner.model, batch)


def _input_itself(given: Any, *_: Any, **__: Any) -> Any:
    return given


def loss_without(build: Build, names: Sequence[str]) -> None:
    """At the end, take the loss on held-out data without each of these terms, for trainings with and without it."""

    def measure(made: Build) -> Mapping[str, Any]:
        found = {name: _held_out(made, declared(made.problem)[name], made.val) for name in names}
        return {"loss_without": found}

    build.at_end.append(measure)


def _held_out(build: Build, part: Part, data: Data) -> float | None:
    assert not isinstance(part, str)
    found = evaluate(replace(build, learner=ModelAndStep(build.learner.model, part)), data)
    return found.loss if found is not None else None
