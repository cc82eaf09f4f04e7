"""Training samples that are evaluation samples dropped."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import assignment, calls_of, data_set, define, free_of, loader, targets, unused
from netvet.fixes.source import Editor, NotApplicable

CODE = '''def {}(dataset, others):
    """The samples of a data set whose input is in no other data set."""
    held = {{torch.as_tensor(others[i][0]).numpy().tobytes() for i in range(len(others))}}
    kept = [i for i in range(len(dataset)) if torch.as_tensor(dataset[i][0]).numpy().tobytes() not in held]
    return torch.utils.data.Subset(dataset, kept)
'''
# What draws indices in random order.
DRAWS = ("randperm", "permutation", "choice", "sample", "randint", "integers")


@fix(title="evaluation samples kept out of training", mends=("split-overlap",), corrects_score=True)
def drop_shared(program: Program) -> Iterator[Editor]:
    """Remove from the training data every sample that is in the evaluation data too.

    ## What it changes
    The indices of the training samples, where both are drawn by hand; else the data set of the training loader, of
    which a subset without the shared inputs takes its place.

    ## Known problems
    The score becomes worse, as it should: it no longer measures memory. Only exact copies are found.

    ## References
    Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science" (2023).
    """
    if any(r.get("created_file") and r.get("phase") != "eval" for r in program.facts("loaders")):
        yield _from_loader(program)
    else:
        yield _from_indices(program)


def _from_loader(program: Program) -> Editor:
    site = loader(program)
    free_of(site, "sampler", "batch_sampler")
    evaluating = [r for r in program.facts("loaders") if r.get("phase") == "eval" and r.get("created_file")]
    if len(evaluating) != 1:
        raise NotApplicable(
            f"the program has {len(evaluating)} loaders for evaluation, and which is meant is not known"
        )
    other = program.loader(evaluating[0])
    mine, theirs = data_set(site).value, data_set(other).value
    if not isinstance(mine, cst.Name) or not isinstance(theirs, cst.Name):
        raise NotApplicable("the data sets have no names")
    if site.file.path != other.file.path or site.file.function(site.call) is not site.file.function(other.call):
        raise NotApplicable("the loaders for training and for evaluation are not made in one place")
    made = [a for a in site.file.nodes(cst.Assign) if theirs.value in targets(a)]
    if made and site.file.line(made[0]) > site.file.line(site.call):
        raise NotApplicable("the evaluation data are made after the training loader")
    editor = program.editor("evaluation samples kept out of training")
    name = unused(site.file, "without_shared")
    define(editor, site.file, CODE.format(name), "torch")
    editor.insert(site.file, site.call, before=f"{mine.value} = {name}({mine.value}, {theirs.value})\n")
    return editor


def _from_indices(program: Program) -> Editor:
    records = [r for r in program.facts("inputs") if r.get("chosen_file")]
    sides = [next((r for r in records if r.get("phase") == phase), None) for phase in ("train", "eval")]
    if sides[0] is None or sides[1] is None:
        raise NotApplicable("where the samples of training and of evaluation are chosen is not known")
    (file, line), (other, second) = program.file(sides[0], "chosen_"), program.file(sides[1], "chosen_")
    train, val = assignment(file, line), assignment(other, second)
    if file is not other or train is val or file.function(train) is not file.function(val):
        raise NotApplicable("the samples of training and of evaluation are not chosen in one place")
    drawn = [calls_of(one.value, *DRAWS) for one in (train, val)]
    names = [targets(one) for one in (train, val)]
    if not all(drawn) or [len(n) for n in names] != [1, 1]:
        raise NotApplicable("the samples of training and of evaluation are not chosen by indices that are drawn")
    (a,), (b,) = names
    editor = program.editor("evaluation samples kept out of training")
    torch_made = file.code(drawn[0][0]).startswith("torch.")
    kept = f"{a}[~torch.isin({a}, {b})]" if torch_made else f"{a}[~np.isin({a}, {b})]"
    editor.insert(file, max(train, val, key=file.line), after=f"{a} = {kept}\n")
    return editor
