"""Where a loss is clamped from above, and that bound taken away."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.edits import drop_argument, is_module, unwrap
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, called

CLAMPS = ("clamp", "clip", "clamp_", "clip_", "clamp_max", "clamp_max_")


def clamp_at(program: Program) -> Site:
    """The call that clamps, at the finding's place.

    Raises:
        NotApplicable: there is none, or it stands by itself and its result is not used.
    """
    site = program.site(program.place, *CLAMPS)
    if isinstance(site.file.parent(site.call), cst.Expr):
        raise NotApplicable(f"{site.code(site.call)} changes the loss in place")
    return site


def without_bound(editor: Editor, site: Site) -> None:
    """The clamp without its upper bound; without any where it had no lower one."""
    function = site.call.func
    method = isinstance(function, cst.Attribute) and not is_module(function.value, site.file)
    low = argument(site.call, "min", 0 if method else 1)
    if called(site.call).startswith("clamp_max") or low is None or _is_none(low.value):
        unwrap(editor, site)
        return
    if argument(site.call, "max") is not None:
        drop_argument(editor, site, "max")
        return
    plain = len(site.call.args) == (2 if method else 3)
    if not plain:
        raise NotApplicable(f"the bounds of {site.code(site.call)} are not known")

    def drop(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.Call)
        return old.with_changes(args=[*old.args[:-2], old.args[-2].with_changes(comma=old.args[-1].comma)])

    editor.change(site.file, site.call, drop)


def _is_none(node: cst.BaseExpression) -> bool:
    infinite = isinstance(node, cst.UnaryOperation) and "inf" in cst.Module([]).code_for_node(node)
    return infinite or (isinstance(node, cst.Name) and node.value == "None")
