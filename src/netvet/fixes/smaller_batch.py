"""Smaller batches."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.batches import divide, sizes
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor

FACTORS = (4, 16)


@fix(title="smaller batches", mends=("too-large-batch", "overfitting", "underfitting", "lr-too-low"), cost="time")
def smaller_batch(program: Program) -> Iterator[Editor]:
    """A quarter of the samples in each batch of training, then a sixteenth.

    ## What it changes
    `batch_size` of the loader of training samples, or the size that an order of samples is split into.

    ## References
    Masters and Luschi, "Revisiting small batch training for deep neural networks" (2018); Keskar et al., "On
    large-batch training for deep learning" (2017).
    """
    for factor in FACTORS:
        editor = program.editor(f"batches a {factor}th as large")
        for size in sizes(program):
            divide(editor, size, factor)
        yield editor
