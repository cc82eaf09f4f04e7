"""Targets that are handed to the model, which takes its own loss: `logits, loss = model(tokens, targets)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_program import Program
from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_tensors import is_plain, tensors_in


def inner_targets(calls: Iterable[ModelCall], program: Program) -> set[int]:
    """Numbers of the given tensors that a loss function inside a model compares with, whole or as a view.

    To be asked while the recorded step is still there (see `Program.number_of`).
    """
    found = set()
    for call in calls:
        compared = [
            t for loss in call.losses if (t := loss.kwargs.get("target", (*loss.args, None, None)[1])) is not None
        ]
        for given in tensors_in((call.args, call.kwargs)):
            number = program.number_of(given)
            if number is not None and any(_same_elements(given, target) for target in compared):
                found.add(number)
    return found


def outputs_ignore(program: Program, targets: Iterable[int]) -> bool:
    """Whether other targets leave all that the model puts out as it was, but for single numbers (the loss).

    A decoder that is fed its targets has them as inputs too.
    """
    trial = program.separate()
    trial.model.eval()
    rolled = {number: program.given[number].roll(1) for number in targets}
    try:
        with torch.no_grad(), forked_rng():
            first, second = (list(_rows(trial.run_with_output(batch)[1])) for batch in ({}, rolled))
    except Exception:  # whatever a model does with other targets, or without a graph
        return False
    return bool(first) and len(first) == len(second) and all(map(torch.equal, first, second))


def _rows(output: object) -> Iterator[torch.Tensor]:
    return (t for t in tensors_in(output) if t.dim())


def _same_elements(given: torch.Tensor, target: object) -> bool:
    if not isinstance(target, torch.Tensor) or not is_plain(given) or not is_plain(target):
        return False
    whole = given.is_contiguous() and target.is_contiguous() and given.data_ptr() == target.data_ptr()
    return given is target or (whole and given.dtype == target.dtype and 0 < given.numel() == target.numel())
