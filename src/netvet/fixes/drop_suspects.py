"""Training samples that cannot be right left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netvet.fixes.fix import fix
from netvet.fixes.in_place import input_arrays, target_array
from netvet.fixes.loss_calls import loss_at
from netvet.fixes.program import Program, Record
from netvet.fixes.samples import define, free_of, loader, unused, with_data_set
from netvet.fixes.source import Editor, NotApplicable, SourceFile, Statement

FINITE = '''def {}(dataset):
    """The samples of a data set that hold neither NaN nor infinite values."""
    kept = [i for i in range(len(dataset)) if all(torch.as_tensor(p).isfinite().all() for p in dataset[i])]
    return torch.utils.data.Subset(dataset, kept)
'''
AGREEING = '''def {}(dataset):
    """The samples of a data set without those whose input comes with several targets."""
    known = {{}}
    pairs = [[torch.as_tensor(p).numpy().tobytes() for p in dataset[i]] for i in range(len(dataset))]
    for x, y in pairs:
        known.setdefault(x, set()).add(y)
    return torch.utils.data.Subset(dataset, [i for i, (x, _) in enumerate(pairs) if len(known[x]) == 1])
'''
NUMBERS = "samples with NaN or infinite values left out"
CONFLICTS = "samples whose input has several targets left out"


@fix(title="suspect samples left out", mends=("non-finite-input", "duplicate-samples"), corrects_score=True)
def drop_suspects(program: Program) -> Iterator[Editor]:
    """Leave training samples out that hold NaN or infinite values, then those whose equal inputs have several targets.

    ## What it changes
    The data set of the training loader is read once, and a subset without them takes its place. Where batches are cut
    by hand, the rows of the training arrays that are not finite are dropped before.

    ## Known problems
    Reading a large data set once takes time. Samples with missing values may be a kind of their own (a sensor that
    fails in the cold): without them the net never sees that kind, and evaluation still does. Where every sample holds
    such values, `clean-data` is the fix.

    ## References
    Little and Rubin, "Statistical analysis with missing data" (2019), chapter 3. Northcutt, Athalye and Mueller,
    "Pervasive label errors in test sets destabilize machine learning benchmarks" (2021).
    """
    broken = [r for r in program.facts("inputs") if r.get("nonfinite") and r.get("phase") == "train"]
    conflicts = any(r.get("conflicting") for r in program.facts("samples"))
    if not broken and not conflicts:
        raise NotApplicable("no training sample is known to be wrong")
    if broken:
        yield _finite(program, broken[0])
    if conflicts:
        yield _subset(program, CONFLICTS, "without_conflicts", AGREEING)


def _finite(program: Program, record: Record) -> Editor:
    count, samples = record.get("nonfinite") or 0, record.get("samples") or 0
    if count >= samples:
        raise NotApplicable("so many samples hold NaN or infinite values that too few would be left")
    if any(r.get("created_file") and r.get("phase") != "eval" for r in program.facts("loaders")):
        return _subset(program, NUMBERS, "finite", FINITE)
    rows = training_rows(program, record)
    x, y, file = rows.inputs, rows.targets, rows.file
    finite = unused(file, "finite")
    lines = f"{finite} = torch.isfinite(torch.as_tensor({x})).flatten(1).all(1)\n"
    editor = program.editor(NUMBERS)
    editor.insert(file, rows.last, after=f"{lines}{x}, {y} = {x}[{finite}], {y}[{finite}]\n")
    editor.require(file, "torch", "import torch")
    return editor


@dataclass(frozen=True)
class TrainingRows:
    """The two variables that hold all training samples. `last`: the statement behind which both are known."""

    file: SourceFile
    inputs: str
    targets: str
    last: Statement


def training_rows(program: Program, record: Record) -> TrainingRows:
    """Those of an input, and of the targets of the loss in training.

    Raises:
        NotApplicable: they are not two variables of one place.
    """
    call = loss_at(program)
    inputs = input_arrays(program, record)
    target = target_array(program, call.site.file, call.target())
    x, y, file = inputs.train.name, target.train.name, inputs.file
    same = target.file is file and target.scope is inputs.scope and inputs.code == x and target.code == y
    if not same or file.parent(inputs.place) is not file.parent(target.place):
        raise NotApplicable("inputs and targets of training are not two variables of one place")
    return TrainingRows(file, x, y, max(inputs.place, target.place, key=file.line))


def _subset(program: Program, what: str, name: str, code: str) -> Editor:
    site = loader(program)
    free_of(site, "sampler", "batch_sampler")
    editor = program.editor(what)
    name = unused(site.file, name)
    define(editor, site.file, code.format(name), "torch")
    with_data_set(editor, site, f"{name}({{}})")
    return editor
