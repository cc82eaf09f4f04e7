"""The last, smaller batch left out."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import free_of, loader
from netvet.fixes.source import Editor, NotApplicable

# Batches this much smaller than the others make an estimate of another kind, of a gradient or of a batch norm.
SMALL = 4


@fix(title="last small batch left out", mends=("tiny-batch-norm",))
def drop_last(program: Program) -> Iterator[Editor]:
    """Leave out the last batch of an epoch where it holds only a few samples.

    ## What it changes
    `drop_last=True` for the training loader.

    ## Known problems
    Without shuffling, the same samples are left out in every epoch.

    ## References
    The documentation of `torch.utils.data.DataLoader`; of `torch.nn.BatchNorm1d`, which fails on one sample.
    """
    site = loader(program)
    free_of(site, "batch_sampler")
    samples, size = site.record.get("samples"), site.record.get("batch_size")
    if not samples or not size or samples < size:
        raise NotApplicable("the data set is smaller than a batch, or its size is not known")
    last = samples % size
    if site.record.get("drop_last") or not 0 < last < size / SMALL:
        raise NotApplicable("the last batch of an epoch is no small one")
    editor = program.editor("last small batch left out")
    set_argument(editor, site, "drop_last", "True")
    yield editor
