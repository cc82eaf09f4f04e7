"""Layers and functions that are taken out of a model, or put in the place of others."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.edits import unwrap
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable


def without_layer(program: Program, names: tuple[str, ...]) -> Editor:
    """One variant: the call or the layer of one of these names is gone, at the place of the finding.

    Raises:
        NotApplicable: none of these stands there.
    """
    site = program.site(program.place, *names)
    editor = program.editor(f"without {site.code(site.call.func)}")
    take_out(editor, site)
    return editor


def take_out(editor: Editor, site: Site) -> None:
    """The call or the layer is gone: what it was given takes its place.

    Raises:
        NotApplicable: the layer is made and called at once.
    """
    if not is_layer(site):
        unwrap(editor, site)
        return
    holder = site.file.parent(site.call)
    parent = site.file.parent(holder) if isinstance(holder, cst.Arg) else None
    inside = isinstance(parent, cst.Call) and site.code(parent.func).endswith("Sequential") and len(parent.args) > 1
    if inside and isinstance(parent, cst.Call) and holder is parent.args[-1]:  # no name of another layer changes
        editor.change(site.file, parent, _without_last)
        return
    editor.replace(site.file, site.call, f"{_prefix(site)}Identity()")


def _without_last(old: cst.CSTNode) -> cst.CSTNode:
    """A call without its last argument; the one before it ends the list in the same way, without its comment."""
    assert isinstance(old, cst.Call)
    comma = old.args[-1].comma
    if isinstance(comma, cst.Comma) and isinstance(comma.whitespace_after, cst.ParenthesizedWhitespace):
        space = comma.whitespace_after
        plain = space.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
        comma = comma.with_changes(whitespace_after=space.with_changes(first_line=plain))
    kept = old.args[-2].with_changes(comma=comma, whitespace_after_arg=old.args[-1].whitespace_after_arg)
    return old.with_changes(args=[*old.args[:-2], kept])


def is_layer(site: Site) -> bool:
    """`nn.Softmax(dim=1)`, which makes a layer, and not `softmax(x, 1)`.

    Raises:
        NotApplicable: it is made and called at once, as `nn.Softmax(dim=1)(x)` is.
    """
    name = site.code(site.call.func).rpartition(".")[2]
    parent = site.file.parent(site.call)
    if name[:1].isupper() and isinstance(parent, cst.Call) and parent.func is site.call:
        raise NotApplicable(f"{name} is made and called at once")
    return name[:1].isupper()


def _prefix(site: Site) -> str:
    """`nn.` of `nn.Softmax(...)`; where the class was imported alone, the whole name of the package."""
    module, dot, _ = site.code(site.call.func).rpartition(".")
    return module + dot if dot else "torch.nn."
