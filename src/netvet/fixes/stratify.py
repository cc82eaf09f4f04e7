"""All classes in both parts of a split."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import drop_argument, set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.samples import unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile


@fix(title="a split that holds all classes", mends=("missing-class",))
def stratify(program: Program) -> Iterator[Editor]:
    """Split with all classes in both parts.

    ## What it changes
    `train_test_split` is given `stratify=` with the labels, and shuffles. Where rows are cut in order
    (`x[:n]`, `x[n:]`), they are put into random order before.

    ## Known problems
    Data in time order are split in order on purpose. The score is of another validation set, and cannot be compared
    with the one before.

    ## References
    Kohavi, "A study of cross-validation and bootstrap for accuracy estimation and model selection" (1995).
    """
    file, line = program.file(program.place)
    scope = file.function(file.statement(line))
    editor = program.editor("a split that holds all classes")
    calls = [c for c in file.nodes(cst.Call) if file.code(c.func).endswith("train_test_split")]
    calls = [c for c in calls if file.function(c) is scope]
    if len(calls) == 1:
        _by_class(editor, Site(file, calls[0], {}))
    elif calls:
        raise NotApplicable(f"the data are split {len(calls)} times")
    else:
        _in_random_order(editor, file, line, scope)
    yield editor


def _by_class(editor: Editor, site: Site) -> None:
    arrays = [a for a in site.call.args if a.keyword is None and not a.star]
    if len(arrays) != 2:
        raise NotApplicable("train_test_split is not given inputs and labels")
    set_argument(editor, site, "stratify", site.code(arrays[1].value))
    if argument(site.call, "shuffle") is not None:
        drop_argument(editor, site, "shuffle")


def _in_random_order(editor: Editor, file: SourceFile, line: int, scope: cst.FunctionDef | None) -> None:
    heads: dict[tuple[str, str], cst.Subscript] = {}
    tails: dict[tuple[str, str], cst.Subscript] = {}
    for node in file.nodes(cst.Subscript):
        part = node.slice[0].slice
        if file.function(node) is not scope or not isinstance(node.value, cst.Name) or not isinstance(part, cst.Slice):
            continue
        if part.lower is None and part.upper is not None:
            heads[node.value.value, file.code(part.upper)] = node
        elif part.upper is None and part.lower is not None:
            tails[node.value.value, file.code(part.lower)] = node
    both = [key for key in heads if key in tails]
    cuts = {cut for _, cut in both}
    names = list(dict.fromkeys(name for name, _ in both))
    if len(cuts) != 1 or len(names) < 2:
        raise NotApplicable(f"inputs and labels are not cut in two at one row near line {line}")
    first = min((n for k in both for n in (heads[k], tails[k])), key=file.line)
    order = unused(file, "order")
    shuffled = ", ".join(f"{name}[{order}]" for name in names)
    code = f"{order} = torch.randperm(len({names[0]}))\n{', '.join(names)} = {shuffled}\n"
    editor.insert(file, first, before=code)
    editor.require(file, "torch", "import torch")
