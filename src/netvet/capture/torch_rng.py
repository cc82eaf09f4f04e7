"""Random generators: use them freely, then put them back as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def forked_rng(state: torch.Tensor | None = None) -> Iterator[None]:
    """Restore the global generators of PyTorch, numpy and Python on leaving.

    Args:
        state: state that PyTorch's CPU generator starts from inside.
    """
    kept_numpy, kept_python = np.random.get_state(), random.getstate()
    with torch.random.fork_rng():
        if state is not None:
            torch.set_rng_state(state)
        try:
            yield
        finally:
            np.random.set_state(kept_numpy)
            random.setstate(kept_python)
