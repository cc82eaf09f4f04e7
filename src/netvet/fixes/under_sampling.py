"""Common classes cut down to the size of the rarest."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import labels, loader, named_data_set, one_class_each, reassign, unused
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.target_statistics import share_counts

# Fewer samples of each class than this say nothing of the class.
FEWEST = 20


@fix(
    title="common classes cut down",
    mends=("class-imbalance", "collapsed-prediction"),
    cost="accuracy elsewhere",
    changes_loss=True,
    metric="balanced accuracy",
)
def under_sampling(program: Program) -> Iterator[Editor]:
    """Train on as many samples of each class as there are of the rarest.

    ## What it changes
    A random subset of the training data set with equally many samples of each class takes its place.

    ## Known problems
    Most samples of the common classes are never seen: where there are few of the rare one, too little is left to learn
    from. Epochs become shorter, so that the same number of epochs is fewer steps. The net overrates the rare classes
    afterwards, as with `balanced-sampler`, which throws nothing away.

    ## References
    Buda, Maki and Mazurowski, "A systematic study of the class imbalance problem in convolutional neural networks"
    (2018). Drummond and Holte, "C4.5, class imbalance, and cost sensitivity: why under-sampling beats over-sampling"
    (2003).
    """
    site = loader(program)
    one_class_each(program, site)
    _enough(program, site.record.get("samples"))
    file, editor = site.file, program.editor("common classes cut down")
    name, kept = named_data_set(editor, site), unused(file, "train_labels")
    labels(editor, site, name)
    rows, size = unused(file, "rows_of"), unused(file, "smallest")
    lines = (
        f"{rows} = [torch.where({kept} == c)[0] for c in {kept}.unique()]",
        f"{size} = min(len(r) for r in {rows})",
        f"{rows} = [r[torch.randperm(len(r))[:{size}]] for r in {rows}]",
    )
    editor.insert(file, site.call, before="".join(f"{line}\n" for line in lines))
    reassign(editor, site, name, f"torch.utils.data.Subset({name}, torch.cat({rows}).tolist())")
    yield editor


def _enough(program: Program, samples: object) -> None:
    """That enough is left of each class."""
    every = [share_counts(program, t.get("site")) for t in program.facts("targets") if t.get("phase") == "train"]
    counts = [c for c in (every[0] if len(every) == 1 else []) if c > 0]
    if counts and isinstance(samples, int) and samples * min(counts) / sum(counts) < FEWEST:
        raise NotApplicable(f"the rarest class has fewer than {FEWEST} samples: too little would be left")
