"""Training samples in a new order in each epoch."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.samples import assigns, calls_of, free_of, targets, unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile, inside, last_name
from netvet.fixes.trainers import held

DRAWS = ("randperm", "permutation", "shuffle", "multinomial")


@fix(
    title="training samples shuffled",
    mends=("unshuffled-data", "noisy-loss", "loss-spikes"),
)
def shuffle(program: Program) -> Iterator[Editor]:
    """Draw the training samples in a new random order in each epoch.

    ## What it changes
    `shuffle=True` for the DataLoader of the training samples. Where batches are cut by hand, a permutation is drawn
    before the loop that cuts them, and the batches are taken from it.

    ## Known problems
    Parts of one long sequence whose state is carried from batch to batch must keep their order.

    ## References
    Bottou, "Stochastic gradient descent tricks" (2012), section 3.1. The documentation of `torch.utils.data`.
    """
    editor = program.editor("training samples shuffled")
    if any(r.get("phase") != "eval" and r.get("created_file") for r in program.facts("loaders")):
        try:
            loaders = program.training_loaders
        except NotApplicable:  # a trainer makes them
            for one in held(program, "shuffle"):
                one.set(editor, "True")
            loaders = []
        for site in loaders:
            _shuffled(program, editor, site)
    else:
        _permuted(program, editor)
    yield editor


def _shuffled(program: Program, editor: Editor, site: Site) -> None:
    if site.record.get("iterable"):
        raise NotApplicable("the data set is a stream, which has no order to draw from: shuffle it where it is read")
    free_of(site, "sampler", "batch_sampler")
    given = argument(site.call, "shuffle", 2)
    if not _shared(program, site):
        set_argument(editor, site, "shuffle", "True", 2)
        return
    function = site.file.function(site.call)
    name = given.value.value if given is not None and isinstance(given.value, cst.Name) else ""
    if function is None or name not in {p.name.value for p in function.params.params}:
        raise NotApplicable("the line that makes the training loader makes the one for evaluation too")
    at = [r for r in program.facts("inputs") if r.get("phase") == "train"]
    caller = program.site(at[0], function.name.value, prefix="given_") if at else None
    if caller is None:
        raise NotApplicable("where the training loader is asked for is not known")
    names = [p.name.value for p in function.params.params if p.name.value != "self"]
    set_argument(editor, caller, name, "True", names.index(name))


def _shared(program: Program, site: Site) -> bool:
    """The call makes a loader of evaluation too."""
    place = (site.record.get("created_file"), site.record.get("created_line"))
    for one in program.facts("loaders"):
        if one.get("phase") == "eval" and (one.get("created_file"), one.get("created_line")) == place:
            try:
                if program.loader(one).call is site.call:
                    return True
            except NotApplicable:
                return True
    return False


def _permuted(program: Program, editor: Editor) -> None:
    records = [r for r in program.facts("inputs") if r.get("phase") == "train"]
    for record in records:
        for prefix in ("batch_", ""):  # where rows are drawn; else the loop that calls the model
            if record.get(f"{prefix}file") and _by_hand(program, editor, record, prefix):
                return
    raise NotApplicable("where batches are cut from arrays by hand is not known")


def _by_hand(program: Program, editor: Editor, record: Record, prefix: str) -> bool:
    """Whether batches are cut by the innermost loop at a place, which is then changed."""
    file, line = program.file(record, prefix)
    for loop in file.at(line, cst.For)[:1]:
        if calls_of(loop.iter, *DRAWS):
            raise NotApplicable("the batches are drawn in random order already")
        if _drawn(editor, file, loop):
            return True
        order = unused(file, "order")
        arrays = _split(editor, file, loop, order) or _cut(editor, file, loop, order)
        for one in assigns(file):
            if set(targets(one)) & set(arrays) and calls_of(one.value, *DRAWS):
                raise NotApplicable("the batches are drawn in random order already")
        if arrays:
            editor.insert(file, loop, before=f"{order} = torch.randperm(len({arrays[0]}))\n")
            editor.require(file, "torch", "import torch")
            return True
    return False


def _drawn(editor: Editor, file: SourceFile, loop: cst.For) -> bool:
    """`torch.arange(n).split(32)` in the head of the loop: a permutation takes the place of the range."""
    for call in calls_of(loop.iter, "arange"):
        if len(call.args) == 1 and file.code(call.func) == "torch.arange":
            editor.replace(file, call.func, "torch.randperm")
            return True
    return False


def _cut(editor: Editor, file: SourceFile, loop: cst.For, order: str) -> list[str]:
    """`x[i : i + n]`, with the loop's variable `i`: becomes `x[order[i : i + n]]`."""
    if not isinstance(loop.target, cst.Name):
        return []
    variable, arrays = loop.target.value, []
    for node in inside(loop.body, cst.Subscript):
        index = node.slice[0].slice
        if not isinstance(index, cst.Slice) or not isinstance(node.value, (cst.Name, cst.Attribute)):
            continue
        if index.lower is None or not re.search(rf"\b{variable}\b", file.code(index.lower)):
            continue
        rest = "".join(", " + file.code(e).rstrip(", ") for e in node.slice[1:])
        array, rows = file.code(node.value), file.code(index)
        editor.replace(file, node, f"{array}[{order}[{rows}]{rest}]")
        arrays.append(array)
    return arrays


def _split(editor: Editor, file: SourceFile, loop: cst.For, order: str) -> list[str]:
    """`x.split(n)` and `torch.split(x, n)` in the head of the loop: become those of `x[order]`."""
    arrays = []
    for call in calls_of(loop.iter, "split", "chunk"):
        assert isinstance(call.func, cst.Attribute)
        whole = call.args[0].value if last_name(call.func.value) == "torch" else call.func.value
        if isinstance(whole, (cst.Name, cst.Attribute)):
            editor.replace(file, whole, f"{{}}[{order}]")
            arrays.append(file.code(whole))
    return arrays
