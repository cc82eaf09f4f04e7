"""Samples of PyTorch as the simple learners take them."""

from __future__ import annotations

import torch

from netvet.capture.learners import Matrix, side_by_side


def flat(inputs: list[torch.Tensor]) -> Matrix:
    """All inputs side by side. [samples, features]; ids of tokens as counts."""
    return side_by_side([_array(tensor) for tensor in inputs])


def _array(tensor: torch.Tensor) -> Matrix:
    return (tensor.double() if tensor.is_floating_point() else tensor).numpy()
