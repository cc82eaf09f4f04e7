"""A mean in the place of a sum."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import drop_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, called


@fix(title="the loss averaged over the batch", mends=("unreduced-loss", "lr-too-high"), changes_loss=True)
def mean(program: Program) -> Iterator[Editor]:
    """Average the training loss over the batch where it is summed.

    ## What it changes
    `reduction="sum"` is dropped where the loss is made or called, `.sum()` becomes `.mean()`. A loss that the
    evaluation adds up with the same object stays a sum, and is divided by the number of targets in training.

    ## Known problems
    Who adds the values of batches up and divides by the number of samples prints another training loss.

    ## References
    Goyal et al., "Accurate, large minibatch SGD" (2017), section 2.1.
    """
    summed = [r for r in program.facts("losses") if r.get("phase") != "eval" and r.get("feeds_backward") is not False]
    summed = [r for r in summed if r.get("reduction") == "sum"]
    if not summed:
        raise NotApplicable("no training loss is a sum")
    editor = program.editor("the loss averaged over the batch")
    for record in summed:
        _average(program, editor, record)
    yield editor


def _average(program: Program, editor: Editor, record: Record) -> None:
    if record.get("created_file"):
        made = program.site(record, prefix="created_")
        made = next((s for s in _calls(made) if argument(s.call, "reduction")), made)
        if _evaluates(program, record):
            _divide(editor, program.site(record))
        else:
            drop_argument(editor, made, "reduction")
        return
    site = program.site(record)
    given = next((s for s in _calls(site) if argument(s.call, "reduction")), None)
    if given is not None:
        drop_argument(editor, given, "reduction")
        return
    for one in _calls(site):
        rest = [a for a in one.call.args if a.keyword is not None or not isinstance(one.call.func, cst.Name)]
        method = isinstance(one.call.func, cst.Attribute) and one.code(one.call.func.value) != "torch"
        if called(one.call) == "sum" and ((method and not rest) or (not method and len(rest) == 1)):
            assert isinstance(one.call.func, cst.Attribute)
            editor.change(one.file, one.call.func.attr, lambda _: cst.Name("mean"))
            return
    raise NotApplicable("no sum over all elements stands where the loss is made")


def _evaluates(program: Program, record: Record) -> bool:
    """The evaluation adds up with the same loss."""
    place = (record.get("created_file"), record.get("created_line"))
    others = [r for r in program.facts("losses") if r.get("phase") == "eval"]
    return any((r.get("created_file"), r.get("created_line")) == place for r in others)


def _divide(editor: Editor, site: Site) -> None:
    target = argument(site.call, "target", 1)
    if target is None or not isinstance(target.value, (cst.Name, cst.Attribute, cst.Subscript)):
        raise NotApplicable("the targets of the loss have no name where it is called")
    editor.replace(site.file, site.call, f"{{}} / len({site.code(target.value)})")


def _calls(site: Site) -> list[Site]:
    """All that are called on the first line of a call."""
    file = site.file
    return [Site(file, c, site.record) for c in file.calls(file.line(site.call))]
