"""Exact copies among the training samples dropped."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import define, free_of, loader, unused, with_data_set
from netvet.fixes.source import Editor

CODE = '''def {}(dataset):
    """The samples of a data set, each once."""
    seen, kept = set(), []
    for index in range(len(dataset)):
        key = tuple(torch.as_tensor(part).numpy().tobytes() for part in dataset[index])
        if key not in seen:
            seen.add(key)
            kept.append(index)
    return torch.utils.data.Subset(dataset, kept)
'''


@fix(title="duplicates dropped", mends=("duplicate-samples",), corrects_score=True)
def drop_duplicates(program: Program) -> Iterator[Editor]:
    """Train on each sample once: exact copies (input and target) are left out.

    ## What it changes
    The data set of the training loader is read once, and a subset without copies takes its place.

    ## Known problems
    Reading a large data set once takes time. Where copies were made on purpose, as a weight, `balanced-sampler` says
    the same in a cleaner way. Epochs become shorter, so that the same number of epochs is fewer steps.

    ## References
    Lee et al., "Deduplicating training data makes language models better" (2022).
    """
    site = loader(program)
    free_of(site, "sampler", "batch_sampler")
    editor = program.editor("duplicates dropped")
    name = unused(site.file, "without_copies")
    define(editor, site.file, CODE.format(name), "torch")
    with_data_set(editor, site, f"{name}({{}})")
    yield editor
