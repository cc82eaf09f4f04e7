"""Changes that several fixes make: arguments of a call, factors of numbers, calls taken away."""

from __future__ import annotations

import re

import libcst as cst

from netvet.fixes.program import Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, expression


def set_argument(editor: Editor, site: Site, name: str, value: str, position: int | None = None) -> None:
    """Give an argument of a call, in the place of what is given; `{}` in the value is what stood there.

    Raises:
        NotApplicable: the value needs what stood there, and nothing did.
    """
    given = argument(site.call, name, position)
    if given is not None:
        editor.replace(site.file, given.value, value)
        return
    if "{}" in value:
        raise NotApplicable(f"{name} is not given to {site.code(site.call.func)}")

    def add(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.Call)
        made = cst.Arg(
            expression(value), cst.Name(name),
            equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
        )  # fmt: skip
        *others, last = old.args or (None,)
        if last is None:
            return old.with_changes(args=[made])
        if isinstance(last.comma, cst.Comma):  # one argument a line: the new one as the others
            return old.with_changes(args=[*old.args, made.with_changes(comma=last.comma)])
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        return old.with_changes(args=[*others, last.with_changes(comma=comma), made])

    editor.change(site.file, site.call, add)


def drop_argument(editor: Editor, site: Site, *names: str) -> None:
    """Take arguments out of a call.

    Raises:
        NotApplicable: none of them is given.
    """
    if not any(argument(site.call, name) for name in names):
        raise NotApplicable(f"{' or '.join(names)} is not given to {site.code(site.call.func)}")

    def drop(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.Call)
        kept = [a for a in old.args if a.keyword is None or a.keyword.value not in names]
        if kept and kept[-1] is not old.args[-1]:
            kept[-1] = kept[-1].with_changes(comma=old.args[-1].comma)
        return old.with_changes(args=kept)

    editor.change(site.file, site.call, drop)


def held(node: cst.BaseExpression) -> str:
    """`{}`, in brackets where the expression needs them before a dot or beside an operator."""
    simple = isinstance(node, (cst.Name, cst.Attribute, cst.Subscript, cst.Call)) or bool(getattr(node, "lpar", ()))
    return "{}" if simple else "({})"


def scaled(node: cst.BaseExpression, code: str, factor: float) -> str:
    """An expression times a number: of a number the product, else a product."""
    try:
        return f"{float(code) * factor:.6g}"
    except ValueError:
        simple = isinstance(node, (cst.Name, cst.Attribute, cst.Subscript, cst.Call))
        return f"{code if simple else f'({code})'} * {factor:g}"


def scale_argument(
    editor: Editor, site: Site, name: str, factor: float, position: int | None = None, default: float | None = None
) -> None:
    """Multiply an argument of a call with a number.

    Args:
        default: what holds where it is not given.

    Raises:
        NotApplicable: it is not given, and has no default.
    """
    given = argument(site.call, name, position)
    if given is not None:
        editor.replace(site.file, given.value, scaled(given.value, site.code(given.value), factor))
    elif default is not None:
        set_argument(editor, site, name, f"{default * factor:.6g}")
    else:
        raise NotApplicable(f"{name} is not given to {site.code(site.call.func)}")


def rename(editor: Editor, site: Site, name: str, package: str) -> None:
    """Call another function of the same module: `optim.AdamW` in the place of `optim.SGD`.

    Args:
        package: of PyTorch, by whose whole name it is called where the old one was imported alone.
    """

    def change(old: cst.CSTNode) -> cst.CSTNode:
        if isinstance(old, cst.Attribute):
            return old.with_changes(attr=cst.Name(name))
        return cst.parse_expression(f"{package}.{name}")

    if isinstance(site.call.func, cst.Name):
        editor.require(site.file, "torch", "import torch")
    editor.change(site.file, site.call.func, change)


def unwrap(editor: Editor, site: Site) -> None:
    """Put what a function is given in the place of its result: `x` for `softmax(x, 1)` and for `x.softmax(1)`."""
    around = (cst.Attribute, cst.Subscript, cst.BinaryOperation, cst.UnaryOperation, cst.Comparison)
    part_of_more = isinstance(site.file.parent(site.call), around)

    def change(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.Call)
        function = old.func
        method = isinstance(function, cst.Attribute) and not is_module(function.value, site.file)
        if method:
            assert isinstance(function, cst.Attribute)
            return function.value
        if not old.args:
            raise NotApplicable(f"{site.code(site.call)} is given nothing")
        return _bracketed(old.args[0].value) if part_of_more else old.args[0].value

    editor.change(site.file, site.call, change)


def _bracketed(node: cst.BaseExpression) -> cst.BaseExpression:
    """An expression that can stand before a dot or beside an operator."""
    return expression(held(node).replace("{}", cst.Module([]).code_for_node(node)))


# Names that stand for modules of PyTorch, so that what follows the dot is a function and no method; what follows
# `self` is a layer, which is given its input in the same way.
MODULES = ("self", "torch", "F", "functional", "nn", "optim", "special", "np", "numpy", "init")


def is_module(node: cst.BaseExpression, file: SourceFile | None = None) -> bool:
    """`F` of `F.softmax`, `torch.nn.functional` of `torch.nn.functional.softmax`; any name that the file imports."""
    if isinstance(node, cst.Attribute):
        return is_module(node.value, file) and node.attr.value in MODULES
    known = (*MODULES, *file.imported) if file is not None else MODULES
    return isinstance(node, cst.Name) and node.value in known


def functional(file: SourceFile) -> str:
    """`torch.nn.functional` as a file calls it: `F`, `nn.functional`, or by its whole name."""
    for statement in file.module.body:
        for one in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            code = " ".join(file.code(one).split()) if isinstance(one, (cst.Import, cst.ImportFrom)) else ""
            named = re.fullmatch(r"(?:import torch\.nn\.functional|from torch\.nn import functional) as (\w+)", code)
            if named is not None:
                return named[1]
    return f"{package(file)}.functional"


def package(file: SourceFile) -> str:
    """`torch.nn` as a file calls it."""
    return "nn" if "nn" in file.imported else "torch.nn"
