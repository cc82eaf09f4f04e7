"""Training samples whose label the samples most like them contradict left out."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.drop_suspects import training_rows
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record
from netvet.fixes.samples import (
    define,
    free_of,
    is_floating,
    loader,
    one_class_each,
    training_input,
    unused,
    with_data_set,
)
from netvet.fixes.source import Editor, NotApplicable

WHAT = "samples with suspect labels left out"
# Distances between all pairs: a minute for so many samples of 1,000 numbers on two cores.
MOST = 50_000
RULE = '''def {rule}(x, y, neighbours=15):
    """Whether each label is not contradicted by those of the nearest other samples."""
    x = torch.as_tensor(x).double().reshape(len(x), -1)
    y = torch.as_tensor(y).flatten().long()
    x = (x - x.mean(0)) / x.std(0).clamp_min(1e-9)
    shares = torch.zeros(len(x), int(y.max()) + 1, dtype=torch.float64)
    for rows in torch.arange(len(x)).split(500):
        distances = torch.cdist(x[rows], x)
        distances[torch.arange(len(rows)), rows] = torch.inf
        nearest = distances.topk(min(neighbours, len(x) - 1), largest=False).indices
        shares[rows] = torch.nn.functional.one_hot(y[nearest], shares.shape[1]).double().mean(1)
    given = shares.gather(1, y[:, None])
    others = shares.scatter(1, y[:, None], 0.0).max(1).values
    return others - given[:, 0] < 0.5
'''
SUBSET = '''

def {subset}(dataset):
    """The samples of a data set without those whose label is probably wrong."""
    pairs = [dataset[i] for i in range(len(dataset))]
    kept = {rule}(torch.stack([torch.as_tensor(p[0]) for p in pairs]), torch.tensor([int(p[1]) for p in pairs]))
    return torch.utils.data.Subset(dataset, torch.where(kept)[0].tolist())
'''


@fix(title="suspect labels left out", mends=("label-errors",))
def drop_label_errors(program: Program) -> Iterator[Editor]:
    """Leave training samples out whose label most of the samples nearest to them contradict.

    ## What it changes
    The training samples are compared with each other once, before the first epoch: of the 15 nearest to a sample (all
    features at one spread), the share with some other class must not be higher by a half than that with its own. A
    subset without those where it is takes the place of the data set, or of the training arrays. Evaluation data stay as
    they are, so that the score says whether it helped. `netvet data` lists suspects by name, to be looked at and
    corrected, which is better than to leave them out.

    ## Known problems
    Where the nearest in pixels or features are not alike in meaning (photographs, text), few samples are suspect, and
    some of them only rare. Distances between all pairs take time with the square of their number. Epochs become
    shorter, so that the same number of epochs is fewer steps.

    ## References
    Wilson, "Asymptotic properties of nearest neighbor rules using edited data" (1972): the rule, with a margin here.
    Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels" (2021): training without
    suspects.
    """
    record = training_input(program, floating=False)
    if not is_floating(record) or record.get("embedding_rows"):
        raise NotApplicable("the inputs are no numbers that distances could be taken of")
    if any(r.get("created_file") and r.get("phase") != "eval" for r in program.facts("loaders")):
        yield _from_loader(program)
        return
    _one_class(program)
    yield _from_arrays(program, record)


def _from_loader(program: Program) -> Editor:
    site = loader(program)
    one_class_each(program, site)
    free_of(site, "sampler", "batch_sampler")
    _few(site.record.get("samples"))
    editor = program.editor(WHAT)
    names = {"rule": unused(site.file, "plausible"), "subset": unused(site.file, "without_suspect_labels")}
    define(editor, site.file, (RULE + SUBSET).format(**names), "torch")
    with_data_set(editor, site, f"{names['subset']}({{}})")
    return editor


def _from_arrays(program: Program, record: Record) -> Editor:
    _few(record.get("samples"))
    rows = training_rows(program, record)
    rule, kept = unused(rows.file, "plausible"), unused(rows.file, "kept")
    editor = program.editor(WHAT)
    define(editor, rows.file, RULE.format(rule=rule), "torch")
    x, y = rows.inputs, rows.targets
    editor.insert(rows.file, rows.last, after=f"{kept} = {rule}({x}, {y})\n{x}, {y} = {x}[{kept}], {y}[{kept}]\n")
    return editor


def _one_class(program: Program) -> None:
    kinds = {r.get("kind") for r in program.facts("targets") if r.get("phase") == "train"}
    if not kinds or not kinds <= {"classes", "binary"}:
        raise NotApplicable("the targets are not one class a sample")


def _few(samples: object) -> None:
    if isinstance(samples, int) and samples > MOST:
        raise NotApplicable(f"{samples:,} training samples: to compare all pairs would take too long")
