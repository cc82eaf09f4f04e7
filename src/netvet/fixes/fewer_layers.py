"""Fewer hidden layers."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.modules import WEIGHTED, holder, made, made_by, weighted
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.schedules import range_stop
from netvet.fixes.size_lists import loops_around, sizes_of
from netvet.fixes.sizes import integer_behind, together
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside

PARTS = {2: "half", 8: "an eighth"}


@fix(
    title="fewer hidden layers",
    mends=("unstable-depth", "vanishing-gradient", "overfitting"),
    cost="accuracy elsewhere",
)
def fewer_layers(program: Program) -> Iterator[Editor]:
    """Half, then an eighth of the layers of a stack that is made in a loop; else one hidden layer less.

    ## What it changes
    The number that the loop over equal layers counts to, where that comes from, or the list of sizes. In a
    `Sequential` the last hidden layer is taken out with what stands behind it, and the next one fits what came before.

    ## Known problems
    Where the depth itself is what the task needs, residual connections or norms let a deep net learn instead.

    ## References
    He et al., "Deep residual learning for image recognition" (2016), section 1: deeper plain nets end worse.
    """
    *hidden, last = weighted(program)
    if not hidden:
        raise NotApplicable("the model has no hidden layer")
    for site, records in made_by(program, hidden):
        if len(records) > 1:
            editors = [program.editor(f"{share} of the layers") for share in PARTS.values()]
            if all(_divide(e, site, records, last, part) for e, part in zip(editors, PARTS, strict=True)):
                yield from editors
                return
    yield _without_one(program, hidden, last)


def _divide(editor: Editor, site: Site, records: list[Record], last: Record, part: int) -> bool:
    """Of the layers that one line makes, so many times less."""
    stop = next((c for c in map(range_stop, loops_around(site)) if c is not None), None)
    if stop is not None and not isinstance(stop, cst.Call) and not together(records[0], last):
        number = stop if isinstance(stop, cst.Integer) else integer_behind(site.file, stop, site)
        editor.replace(site.file, number, str(max(1, int(number.value) // part)))
        return True
    size = argument(site.call, "out_features" if records[0].get("cls") == "Linear" else "out_channels", 1)
    listed = sizes_of(site, size.value, ends=together(records[0], last)) if size is not None else None
    if listed is None or len(listed[0]) < 2:
        return False
    gone = listed[0][max(1, len(listed[0]) // part) :]

    def shorten(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, (cst.List, cst.Tuple))
        kept = [
            e for e, was in zip(old.elements, listed[1].elements, strict=True) if not any(was.value is g for g in gone)
        ]
        single = isinstance(old, cst.Tuple) and len(kept) == 1
        kept[-1] = kept[-1].with_changes(comma=cst.Comma() if single else old.elements[-1].comma)
        return old.with_changes(elements=kept)

    editor.change(site.file, listed[1], shorten)
    return True


def _without_one(program: Program, hidden: list[Record], last: Record) -> Editor:
    """The last hidden layer of a `Sequential` is gone, up to the next layer with weights."""
    order = [*hidden, last]
    for at in range(len(hidden) - 1, 0, -1):
        one, following = order[at], order[at + 1]
        site, after = made(program, one), made(program, following)
        held, behind = holder(site), holder(after)
        if not isinstance(held, cst.Arg) or one.get("cls") != following.get("cls"):
            continue
        above = site.file.parent(held)
        if not isinstance(above, cst.Call) or behind is None or site.file.parent(behind) is not above:
            continue
        return _cut(program, site, after, above, [held, behind])
    raise NotApplicable("no hidden layer stands in a Sequential between two others, and no loop makes several")


def _cut(program: Program, site: Site, after: Site, above: cst.Call, ends: list[cst.Arg | cst.Element]) -> Editor:
    first, last = (next(i for i, a in enumerate(above.args) if a is end) for end in ends)
    _check_parts(site.file, above, first, last)
    entering = argument(site.call, "in_features", 0) or argument(site.call, "in_channels", 0)
    if entering is None:
        raise NotApplicable("the size of what enters the hidden layer is not written")
    editor = program.editor("one hidden layer less")
    name = "in_features" if called(after.call).endswith("Linear") else "in_channels"
    set_argument(editor, after, name, site.code(entering.value), 0)

    def cut(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.Call)
        return old.with_changes(args=[*old.args[:first], *old.args[last:]])

    editor.change(site.file, above, cut)
    return editor


# Layers that keep the shape, and go with the one that they stand behind.
BETWEEN = ("ReLU", "GELU", "Tanh", "Sigmoid", "LeakyReLU", "ELU", "SiLU", "Dropout", "Dropout2d", "BatchNorm1d",
           "BatchNorm2d", "LayerNorm", "GroupNorm", "Identity")  # fmt: skip


def _check_parts(file: SourceFile, above: cst.Call, first: int, last: int) -> None:
    """Nothing but layers that keep the shape goes, and the layers are not used by number.

    Raises:
        NotApplicable: it is not so.
    """
    for one in above.args[first + 1 : last]:
        if not isinstance(one.value, cst.Call) or called(one.value) not in BETWEEN:
            raise NotApplicable(f"{file.code(one.value)} stands behind the hidden layer")
    for one in above.args[first:last]:
        if any(called(c) in WEIGHTED for c in list(inside(one.value, cst.Call))[1:]):
            raise NotApplicable("the hidden layer holds others")
    parent = file.parent(above)
    name = file.code(parent.targets[0].target) if isinstance(parent, cst.Assign) else ""
    if name and any(file.code(s.value) == name for s in file.nodes(cst.Subscript)):
        raise NotApplicable(f"layers of {name} are used by their number")
