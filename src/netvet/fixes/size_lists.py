"""Lists of sizes, over whose neighbours layers are made: `for a, b in zip(sizes, sizes[1:])`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.loops import names
from netvet.fixes.program import Site, argument
from netvet.fixes.source import SourceFile, called, last_name

Listed = cst.List | cst.Tuple


def sizes_of(site: Site, node: cst.BaseExpression, *, ends: bool) -> tuple[list[cst.BaseExpression], Listed] | None:
    """The hidden sizes of a list that the size of a layer is taken from, and the list; None where it is from none.

    Args:
        node: how many outputs the layer has, as it is written.
        ends: the layer that ends the model is made in the same place, so that the last size is none of a hidden layer.
    """
    found = _iterated(site, node)
    if found is None:
        return None
    source, pairs = found
    listed = literal(site.file, source, site)
    if listed is None:
        return None
    hidden = [e.value for e in listed.elements][1 if pairs else 0 :]
    return (hidden[:-1] if ends else hidden), listed


def _iterated(site: Site, node: cst.BaseExpression) -> tuple[cst.BaseExpression, bool] | None:
    """What a loop goes over from which a size is taken, and whether two neighbours are taken at a time."""
    if isinstance(node, cst.Subscript):  # sizes[i + 1]
        return node.value, True
    for above in loops_around(site):
        if names(above.target) & names(node):
            return _source(above.iter)
    return None


def loops_around(site: Site) -> Iterator[cst.For | cst.CompFor]:
    """Loops and comprehensions around a call, innermost first."""
    above = site.file.parent(site.call)
    while above is not None:
        if isinstance(above, cst.For):
            yield above
        one = above.for_in if isinstance(above, (cst.GeneratorExp, cst.ListComp)) else None
        while one is not None:
            yield one
            one = one.inner_for_in
        above = site.file.parent(above)


def _source(node: cst.BaseExpression) -> tuple[cst.BaseExpression, bool] | None:
    """`sizes` of `zip(sizes, sizes[1:])`, of `pairwise(sizes)`, of `enumerate(sizes)`, and of itself."""
    if not isinstance(node, cst.Call):
        return node, False
    plain = [a.value for a in node.args if a.keyword is None]
    if called(node) == "pairwise" and plain:
        return plain[0], True
    if called(node) == "enumerate" and plain:
        return _source(plain[0])
    if called(node) == "zip" and len(plain) == 2:
        first, second = (p.value if isinstance(p, cst.Subscript) else p for p in plain)
        if isinstance(first, (cst.Name, cst.Attribute)) and first.deep_equals(second):
            return first, True
    return None


def literal(file: SourceFile, node: cst.BaseExpression, site: Site) -> Listed | None:
    """The list that stands behind a name: a constant, a default, or what the only caller gives; None if not known."""
    if isinstance(node, (cst.List, cst.Tuple)):
        return node
    found = [one for one in _values(file, node, site) if isinstance(one, (cst.List, cst.Tuple))]
    return found[0] if len(found) == 1 else None


def _values(file: SourceFile, node: cst.BaseExpression, site: Site) -> Iterator[cst.BaseExpression]:
    name, function = last_name(node), file.function(site.call)
    params = [*function.params.params, *function.params.kwonly_params] if function is not None else []
    given = next((p for p in params if p.name.value == name), None)
    if given is None or not isinstance(node, cst.Name):
        for assign in file.nodes(cst.Assign):
            if file.code(assign.targets[0].target) == file.code(node):
                yield assign.value
        return
    owner = next(file.around(site.call, cst.ClassDef), None)
    maker = owner.name.value if owner is not None else function.name.value if function is not None else ""
    position = next(i for i, p in enumerate(params) if p is given) - (owner is not None)
    calls = [c for c in file.nodes(cst.Call) if called(c) == maker]
    handed = [a.value for c in calls if (a := argument(c, name, position)) is not None]
    if not handed and given.default is not None:
        yield given.default
    for value in handed:
        if isinstance(value, cst.Name):
            yield from (a.value for a in file.nodes(cst.Assign) if file.code(a.targets[0].target) == value.value)
        else:
            yield value
