"""Layers of a Keras program that are added, taken out, set otherwise or allowed to learn."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import scale_argument, set_argument
from netvet.fixes.keras_edits.models import behind, each, hidden, layers, prefix
from netvet.fixes.keras_edits.places import fit
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, last_name

DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d")
LESS, MORE = (0.5, 0.2, 0.1), (0.2, 0.5)
SIZES = {"units": 0, "filters": 0}


def less_dropout(program: Program) -> Iterator[Editor]:
    """`Dropout` of at most a half, then a fifth, then a tenth."""
    dropping = layers(program, *DROPOUTS)
    for share in LESS:
        above = [r for r in dropping if float((r.get("settings") or {}).get("p") or 0) > share]
        if not above:
            continue
        editor = program.editor(f"dropout of {share:g} at most")
        for site in each(program, above):
            set_argument(editor, site, "rate", f"{share:g}", 0)
        yield editor
    if not dropping:
        raise NotApplicable("the model has no dropout")


def no_dropout(program: Program) -> Iterator[Editor]:
    """`Dropout` of nothing."""
    dropping = layers(program, *DROPOUTS)
    if not dropping:
        raise NotApplicable("the model has no dropout")
    editor = program.editor("no dropout")
    for site in each(program, dropping):
        set_argument(editor, site, "rate", "0.0", 0)
    yield editor


def more_dropout(program: Program) -> Iterator[Editor]:
    """`Dropout` of a fifth behind hidden dense layers, then of a half."""
    if layers(program, *DROPOUTS):
        raise NotApplicable("the model has dropout already")
    dense = [r for r in hidden(program) if r.get("cls") == "Linear"]
    for share in MORE:
        yield _behind_each(program, dense, f"dropout of {share:g}", f"Dropout({share:g})")


def batch_norm(program: Program) -> Iterator[Editor]:
    """`BatchNormalization` behind each hidden layer."""
    yield _behind_each(program, hidden(program), "batch norm behind each layer", "BatchNormalization()")


def layer_norm(program: Program) -> Iterator[Editor]:
    """`LayerNormalization` behind each hidden layer."""
    yield _behind_each(program, hidden(program), "layer norm behind each layer", "LayerNormalization()")


def wider(program: Program) -> Iterator[Editor]:
    """Twice the units or filters of hidden layers, then four times."""
    for factor in (2.0, 4.0):
        yield _sized(program, factor, f"layers {factor:g} times as wide")


def narrower(program: Program) -> Iterator[Editor]:
    """Half the units or filters of hidden layers, then a quarter."""
    for factor in (0.5, 0.25):
        yield _sized(program, factor, f"layers of {factor:g} times the width")


def unfreeze(program: Program) -> Iterator[Editor]:
    """`trainable = True` where layers are frozen that hold no trained weights."""
    frozen = [r for r in program.facts("parameters") if r.get("requires_grad") is False]
    if not frozen or any(r.get("loaded") for r in frozen):
        raise NotApplicable("no layer is frozen, or one with trained weights is")
    editor, done = program.editor("frozen layers trained"), 0
    file = fit(program).file
    for one in file.nodes(cst.Assign):
        target = one.targets[0].target
        if isinstance(target, cst.Attribute) and last_name(target) == "trainable" and file.code(one.value) == "False":
            editor.replace(file, one.value, "True")
            done += 1
    for call in file.nodes(cst.Call):
        given = argument(call, "trainable")
        if given is not None and file.code(given.value) == "False":
            editor.replace(file, given.value, "True")
            done += 1
    if not done:
        raise NotApplicable("the line that freezes the layers is not known")
    yield editor


def _behind_each(program: Program, records: list[Record], what: str, code: str) -> Editor:
    if not records:
        raise NotApplicable("the model has no hidden layer of this kind")
    editor = program.editor(what)
    for site in each(program, records):
        behind(editor, site, f"{prefix(editor, site)}{code}")
    return editor


def _sized(program: Program, factor: float, what: str) -> Editor:
    editor = program.editor(what)
    for site in each(program, hidden(program)):
        _scale(editor, site, factor)
    return editor


def _scale(editor: Editor, site: Site, factor: float) -> None:
    for name, position in SIZES.items():
        given = argument(site.call, name, position)
        if given is not None:
            code = site.code(given.value)
            if not code.isdigit():
                raise NotApplicable("the sizes of the layers are not written as numbers")
            if int(int(code) * factor) < 1:
                raise NotApplicable("a layer would have no units left")
            scale_argument(editor, site, name, factor, position)
            return
    raise NotApplicable("the sizes of the layers are not written where they are made")
