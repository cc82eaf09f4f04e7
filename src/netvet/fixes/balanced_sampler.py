"""Rare classes drawn more often."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument, set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.samples import data_set, define, free_of, loader, unused
from netvet.fixes.source import Editor, NotApplicable

CODE = '''def {}(dataset):
    """Draws each class equally often, with replacement."""
    labels = torch.tensor([int(dataset[index][-1]) for index in range(len(dataset))])
    weights = 1.0 / torch.bincount(labels)[labels]
    return torch.utils.data.WeightedRandomSampler(weights, len(labels))
'''


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
    kinds = {r.get("kind") for r in program.facts("targets") if r.get("phase") == "train"}
    if not kinds <= {"classes", "binary"} or not kinds:
        raise NotApplicable("the targets are not one class a sample")
    site = loader(program)
    free_of(site, "sampler", "batch_sampler")
    if len([a for a in site.call.args if a.keyword is None]) > 2:
        raise NotApplicable("the loader is given shuffle without its name")
    editor = program.editor("classes drawn equally often")
    name = unused(site.file, "balanced")
    define(editor, site.file, CODE.format(name), "torch")
    set_argument(editor, site, "sampler", f"{name}({site.code(data_set(site).value)})")
    if argument(site.call, "shuffle") is not None:
        drop_argument(editor, site, "shuffle")
    yield editor
