"""Whether the first axis of a batch is that of its samples, so that other batches can be put together from them."""

from __future__ import annotations

from dataclasses import replace

import torch

from netvet.capture.torch_rng import forked_rng
from netvet.experiments.data import Batch, Data
from netvet.experiments.problem import Learner, in_eval_mode, seed_all
from netvet.experiments.trial import is_memory, without_graph

# The smallest batch that a step is tried with.
FEWER = 2
# Outputs of the same sample at another place in the batch may differ by rounding, relative to the largest.
TOLERANCE = 1e-3


def drawable(data: Data, learner: Learner) -> Data:
    """The data, marked as of fixed size where the step takes only whole batches as they are.

    A recorded step can hold its batch size as a number; and what looks like the axis of samples may be another one
    (40 time steps of 40 sequences). Both are tried, on a learner that nobody else uses.
    """
    size = data.batch_size
    if size is None or size < 2 or data.fixed_size:
        return data
    own = [n for n in data.batches[0] if n not in data.roles.shared]
    batch = data.batches[0]
    count = max(FEWER, size // 2)
    fewer = {n: t[:count] if n in own else t for n, t in batch.items()}
    turned = {n: t.flip(0) if n in own else t for n, t in batch.items()}
    try:
        with forked_rng(), in_eval_mode(learner.model):
            loss = float(_drawn(learner, fewer)[0])
            free = loss == loss and _keeps_samples_apart(learner, batch, turned, size)
    except Exception as error:  # whatever a step with a number in it does
        if is_memory(error):
            raise
        free = False
    return replace(data, fixed_size=not free)


def _keeps_samples_apart(learner: Learner, batch: Batch, turned: Batch, size: int) -> bool:
    """In reverse order samples have the same outputs, in reverse order; True where that cannot be seen."""
    output, again, back = (_drawn(learner, b, seed)[1] for b, seed in ((batch, 0), (batch, 1), (turned, 0)))
    if output is None or again is None or back is None or not output.dim() or len(output) % size:
        return True
    if output.shape != back.shape or not torch.equal(output, again):
        return output.shape == back.shape
    rows, turned_rows = (t.reshape(size, -1).double() for t in (output, back))
    reach = TOLERANCE * float(rows.abs().max())
    return bool(((rows - turned_rows.flip(0)).abs() <= reach).all())


def _drawn(learner: Learner, batch: Batch, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor | None]:
    seed_all(seed)
    return without_graph(learner, batch)
