"""Rare classes drawn more often."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument, set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.samples import labels, loader, named_data_set, one_class_each, unused
from netvet.fixes.source import Editor


@fix(
    title="classes drawn equally often",
    mends=("class-imbalance", "collapsed-prediction"),
    cost="accuracy elsewhere",
    changes_loss=True,
    metric="balanced accuracy",
)
def balanced_sampler(program: Program) -> Iterator[Editor]:
    """Draw training samples so that each class comes equally often.

    ## What it changes
    A `WeightedRandomSampler` with the inverse frequency of each sample's class for the training loader, in the place
    of `shuffle=True`.

    ## Known problems
    The net overrates the rare classes afterwards: accuracy and the loss on data with the true shares get worse,
    while recall of the rare classes gets better. Few rare samples are repeated many times and may be learned by heart.

    ## References
    Buda, Maki and Mazurowski, "A systematic study of the class imbalance problem in convolutional neural networks"
    (2018).
    """
    site = loader(program)
    one_class_each(program, site)
    file, editor = site.file, program.editor("classes drawn equally often")
    name, kept = named_data_set(editor, site), unused(file, "train_labels")
    labels(editor, site, name)
    weights, sampler = unused(file, "sample_weights"), unused(file, "sampler")
    lines = (
        f"{weights} = 1.0 / torch.bincount({kept})[{kept}]",
        f"{sampler} = torch.utils.data.WeightedRandomSampler({weights}, len({kept}))",
    )
    editor.insert(file, site.call, before="".join(f"{line}\n" for line in lines))
    set_argument(editor, site, "sampler", sampler)
    if argument(site.call, "shuffle") is not None:
        drop_argument(editor, site, "shuffle")
    yield editor
