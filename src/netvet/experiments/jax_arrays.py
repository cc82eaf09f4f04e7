"""Arrays of JAX as tensors of PyTorch and back, each a copy: neither may change under the other."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[Any]
# Whole numbers as PyTorch wants them as labels and indices.
_WHOLE = frozenset({"int16", "int32", "int64", "uint16", "uint32", "uint64"})


def tensor_of(array: Any) -> torch.Tensor:
    """A tensor with the numbers of an array; whole numbers are int64 (bytes stay bytes)."""
    plain = np.asarray(array)
    if plain.dtype.name == "bfloat16":  # numpy knows it by an extension that PyTorch does not read
        return torch.from_numpy(plain.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(np.array(plain, dtype=np.int64 if plain.dtype.name in _WHOLE else plain.dtype))


def array_of(tensor: torch.Tensor, dtype: Any) -> jax.Array:
    """An array with the numbers of a tensor, of the dtype that the program takes."""
    held = tensor.detach().cpu()
    if held.dtype == torch.bfloat16:
        held = held.float()
    return jnp.array(held.numpy(), dtype=dtype, copy=True)
