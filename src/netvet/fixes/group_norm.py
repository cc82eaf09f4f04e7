"""Group norm, in the place of batch norm or behind layers without a norm."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.modules import made_by, of_class, prefix
from netvet.fixes.norms import groups, with_norm
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable

BATCH = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm")


@fix(
    title="group norm in the place of batch norm",
    mends=("tiny-batch-norm", "vanishing-gradient", "exploding-gradient", "batch-mixing", "too-small-batch"),
)
def group_norm(program: Program) -> Iterator[Editor]:
    """Group norm in the place of batch norm; in a model without norms, behind each layer but the last.

    ## What it changes
    `BatchNorm2d(c)` becomes `GroupNorm(groups, c)`: at most 32 groups, as many as divide the channels.

    ## Known problems
    Weights that were trained with batch norm do not fit.

    ## References
    Wu and He, "Group normalization" (2018).
    """
    norms = of_class(program, *BATCH)
    if not norms:
        yield with_norm(program, "group")
        return
    editor = program.editor("group norm in the place of batch norm")
    for site, records in made_by(program, norms):
        given = argument(site.call, "num_features", 0)
        channels = [int((r.get("input_shape") or (0, 0))[1]) for r in records]
        if given is None or not all(channels):
            raise NotApplicable("the number of channels is not known")
        affine = ", affine=False" if argument(site.call, "affine", 3) else ""
        norm = f"{prefix(site)}GroupNorm({groups(channels)}, {site.code(given.value)}{affine})"
        editor.replace(site.file, site.call, norm)
    yield editor
