"""Larger batches."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.batches import multiply, sizes
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor

FACTORS = (4, 16)  # the noise of the gradient falls by the root: 2 and 4 times


@fix(
    title="larger batches", mends=("too-small-batch", "noisy-gradient", "noisy-loss", "tiny-batch-norm"), cost="memory"
)
def larger_batch(program: Program) -> Iterator[Editor]:
    """Four times as many samples in each batch of training, then sixteen times.

    ## What it changes
    `batch_size` of the loader of training samples, or the size that an order of samples is split into.

    ## Known problems
    An epoch has fewer steps, so that a run of as many epochs may learn less.

    ## References
    McCandlish et al., "An empirical model of large-batch training" (2018).
    """
    for factor in FACTORS:
        editor = program.editor(f"batches {factor} times as large")
        for size in sizes(program):
            multiply(editor, size, factor)
        yield editor
