"""Inputs of a model shifted and scaled, in training and in evaluation alike."""

from __future__ import annotations

import builtins
import math
import re
import textwrap
from collections.abc import Sequence

import libcst as cst

from netvet.fixes.program import Program, Record
from netvet.fixes.samples import define, unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile

# Of the largest std: features below are constant but for rounding in float32, and are left as they are.
CONSTANT = 1e-6
# More numbers than this are no code that anybody reads.
MOST_NUMBERS = 64
WIDTH = 88  # as formatters have it
# What is said of numbers that stand in the code.
SEEN = "  # of the training inputs of one run: compute them anew for other data"


def transformed(program: Program, record: Record, what: str, name: str, doc: str, body: str, head: str = "") -> Editor:
    """One variant: what enters a model goes through a function first, at each place that calls it.

    Args:
        name: of the function; `doc`: its docstring; `body`: what it returns for its argument `x`.
        head: constants before it.

    Raises:
        NotApplicable: the model is no module, or cannot be reached.
    """
    editor = program.editor(what)
    position = record.get("position")
    sites = call_sites(program, str(record.get("model")))
    files = {file.path: file for file, _ in sites}
    if sites and len(files) == 1 and isinstance(position, int):
        file = sites[0][0]
        name = unused(file, name)
        _define(editor, file, f'{head}def {name}(x):\n    """{doc}"""\n    return {body}\n')
        for _, call in sites:
            plain = [a for a in call.args if a.keyword is None]
            if position >= len(plain) or any(a.star for a in plain):
                return _hooked(program, what, record, name, doc, body, head)
            editor.replace(file, plain[position].value, f"{name}({{}})")
        return editor
    return _hooked(program, what, record, name, doc, body, head)


def _define(editor: Editor, file: SourceFile, code: str) -> None:
    head, mark, function = code.partition("def ")
    define(editor, file, f"{head}\n\n{mark}{function}" if head else code, "torch")


def call_sites(program: Program, model: str) -> list[tuple[SourceFile, cst.Call]]:
    """Each call of a root model: those seen, and those of the same name in the same file. None: not all are known."""
    names: dict[str, set[str]] = {}
    try:
        trained = {code for code, _ in program.models}
    except NotApplicable:
        trained = set()
    for record in program.facts("calls"):
        if record.get("model") != model:
            continue
        try:
            file, line = program.file(record)
        except NotApplicable:
            return []
        seen = {file.code(c.func) for c in file.calls(line) if _is_model(file, c)}
        if len(seen) > 1:  # a loss without the word in its name, as `bce(net(x), y)`
            seen &= trained
        if len(seen) != 1:
            return []
        names.setdefault(file.path, set()).update(seen)
    found = []
    for path, texts in names.items():
        file = program.sources.file(path)
        found += [(file, c) for c in file.nodes(cst.Call) if file.code(c.func) in texts]
    return found


def _is_model(file: SourceFile, call: cst.Call) -> bool:
    """A name or attribute of `self` that is called with arguments, and is no function of the file or of a module."""
    function = call.func
    if not call.args:
        return False
    own = (
        isinstance(function, cst.Attribute) and isinstance(function.value, cst.Name) and function.value.value == "self"
    )
    if not isinstance(function, cst.Name) and not own:
        return False
    name = file.code(function)
    defined = {f.name.value for f in file.nodes(cst.FunctionDef)} | {c.name.value for c in file.nodes(cst.ClassDef)}
    imported = [file.code(one) for one in file.nodes(cst.ImportFrom)]
    if name in defined or name in dir(builtins) or any(re.search(rf"\b{re.escape(name)}\b", one) for one in imported):
        return False
    return not re.search(r"loss|criterion", name, re.IGNORECASE)


def _hooked(program: Program, what: str, record: Record, name: str, doc: str, body: str, head: str) -> Editor:
    """The same as a hook of the model, which no call of it can miss."""
    editor, position = program.editor(what), record.get("position")
    if not isinstance(position, int):
        raise NotApplicable("the input is given to the model by name, or to no module")
    if len(program.models) != 1:
        raise NotApplicable(f"the program has {len(program.models)} models where optimizers are made")
    model, site = program.models[0]
    name = unused(site.file, name)
    lines = f'    """{doc}"""\n    x = args[{position}]\n'
    given = f"*args[:{position}], {body}, *args[{position + 1}:]" if position else f"{body}, *args[1:]"
    _define(editor, site.file, f"{head}def {name}(module, args):\n{lines}    return ({given})\n")
    editor.insert(site.file, site.call, before=f"{model}.register_forward_pre_hook({name})\n")
    return editor


def numbers(values: Sequence[float]) -> str:
    """As they are written in code, to six digits; many of them on lines of their own."""
    written = ", ".join(f"{float(v):.6g}" for v in values)
    if len(written) <= WIDTH:
        return written
    return f"\n{textwrap.fill(written, WIDTH, initial_indent='    ', subsequent_indent='    ')}\n"


def feature_statistics(record: Record) -> tuple[list[float], list[float]] | None:
    """Mean and std per feature of a table or channel of images; a constant one is divided by 1. None: not known."""
    means, stds = list(record.get("feature_mean") or ()), list(record.get("feature_std") or ())
    shape = list(record.get("shape") or ())
    whole = len(shape) in (2, 4) and len(means) == len(stds) == shape[1] and 1 < len(means) <= MOST_NUMBERS
    if not whole or any(v is None or not math.isfinite(v) for v in (*means, *stds)):
        return None
    floor = CONSTANT * max(stds)
    return means, [s if s > floor else 1.0 for s in stds]


def axis(record: Record) -> str:
    """Of the samples (and pixels), over which features (or channels) have their statistics; empty: all values alike."""
    shape = list(record.get("shape") or ())
    if len(shape) not in (2, 4) or not all(isinstance(n, int) for n in shape) or shape[1] < 2:
        return ""
    return "0" if len(shape) == 2 else "(0, 2, 3), keepdims=True"
