"""The layers of a Keras model in its source: where each is made, what it is given, and others in front or behind."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.edits import drop_argument, set_argument
from netvet.fixes.keras_edits.places import keras, text
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, called

# Classes of Keras by the names that the run gives them (those of PyTorch).
CLASSES = {
    "Linear": ("Dense", "EinsumDense"), "Conv1d": ("Conv1D", "SeparableConv1D", "DepthwiseConv1D"),
    "Conv2d": ("Conv2D", "SeparableConv2D", "DepthwiseConv2D"), "Conv3d": ("Conv3D",),
    "ConvTranspose2d": ("Conv2DTranspose",), "Dropout1d": ("SpatialDropout1D",), "Dropout2d": ("SpatialDropout2D",),
    "RNN": ("SimpleRNN",), "LayerNorm": ("LayerNormalization",), "BatchNorm1d": ("BatchNormalization",),
    "BatchNorm2d": ("BatchNormalization",),
}  # fmt: skip
WEIGHTED = ("Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d")
# Of positions, only those of Dense and Activation are in use.
ACTIVATION = {"Dense": 1, "Activation": 0}
# What tells the first layer of a Sequential of its input.
_SHAPES = {"input_shape": "{}", "input_dim": "({},)", "batch_input_shape": ""}


def layers(program: Program, *classes: str) -> list[Record]:
    """Layers, of these classes (none: of all), in the order of their calls."""
    found = [m for m in program.facts("modules") if m.get("is_leaf") and not str(m.get("name")).endswith(".activation")]
    found = [m for m in found if m.get("cls") != "InputLayer"]
    if any(m.get("order") is not None for m in found):  # else the first step has failed: as they are listed
        found = sorted((m for m in found if m.get("order") is not None), key=lambda m: int(m["order"]))
    return [m for m in found if not classes or m.get("cls") in classes]


def weighted(program: Program) -> list[Record]:
    """Dense and convolutional layers, in order.

    Raises:
        NotApplicable: there are none, or of several models.
    """
    found = layers(program, *WEIGHTED)
    if len({m.get("model") for m in found}) != 1:
        raise NotApplicable("the layers of the model are not known" if not found else "there are several models")
    return found


def hidden(program: Program) -> list[Record]:
    """Those in front of the last."""
    return weighted(program)[:-1]


def activation_of(program: Program, record: Record) -> str | None:
    """Class of the activation of a layer or right behind it, by the name of PyTorch; None without any."""
    inner = [m for m in program.facts("modules") if m.get("name") == f"{record.get('name')}.activation"]
    return str(inner[0].get("cls")) if inner else None


def made(program: Program, record: Record) -> Site:
    """Where a layer is made.

    Raises:
        NotApplicable: not in a file of the program, or by a name that is not known.
    """
    file, line = program.file(record, "created_")
    names = (*CLASSES.get(str(record.get("cls")), ()), str(record.get("cls")))
    calls = [c for c in file.calls(line, *names) if file.line(c) == line] or file.calls(line, *names)
    if not calls:
        calls = [c for c in file.calls(line, "Activation") if file.line(c) == line]
    keys = ("created_file", "created_line", "cls")
    beside = [m for m in layers(program) if all(m.get(k) == record.get(k) for k in keys)]
    if len(calls) > 1 and len(calls) == len(beside) and record in beside:  # several on a line
        calls = [c for c in file.nodes(cst.Call) if any(c is one for one in calls)]
        return Site(file, calls[beside.index(record)], record)
    if not calls:
        raise NotApplicable(f"where the layer {record.get('name')} is made is not known")
    return Site(file, calls[0], record)


def each(program: Program, records: list[Record]) -> list[Site]:
    """The calls that make these layers, each once: a loop makes several by one.

    Raises:
        NotApplicable: one of them is not found.
    """
    found: list[Site] = []
    for record in records:
        site = made(program, record)
        if not any(s.call is site.call for s in found):
            found.append(site)
    return found


def activation_argument(site: Site) -> cst.Arg | None:
    """What a layer is given as its activation."""
    return argument(site.call, "activation", ACTIVATION.get(called(site.call)))


def set_activation(editor: Editor, site: Site, name: str | None) -> None:
    """Give a layer another activation, or none."""
    given = activation_argument(site)
    if called(site.call) == "Activation":
        editor.replace(site.file, site.call.args[0].value, f'"{name or "linear"}"')
    elif name is None and given is not None and given.keyword is not None:
        drop_argument(editor, site, "activation")
    elif name is not None or given is not None:
        value = f'"{name}"' if name is not None else "None"
        set_argument(editor, site, "activation", value, ACTIVATION.get(called(site.call)))


def last_activation(program: Program) -> tuple[Site, str | None]:
    """The call that decides over the last activation of the model, and which it is (`softmax`), None: none.

    Raises:
        NotApplicable: it is not found.
    """
    record = layers(program)[-1:] or [{}]
    site = made(program, record[0])
    given = activation_argument(site)
    if called(site.call) in ("Softmax", "ReLU", "LeakyReLU", "ELU"):
        raise NotApplicable(f"the last activation is a layer of its own, {called(site.call)}")
    name = text(given.value) if given is not None else None
    if given is not None and name is None:
        name = site.code(given.value).rpartition(".")[2]
    return site, None if name in ("linear", "None") else name


def prefix(editor: Editor, site: Site) -> str:
    """`layers.` of `layers.Dense(...)`; where the class was imported alone, `keras.layers.`."""
    module, dot, _ = site.code(site.call.func).rpartition(".")
    return module + dot if dot else keras(editor, site.file, "layers") + "."


def front(editor: Editor, site: Site, code: str) -> None:
    """Put a layer in front of the first one of a model.

    Raises:
        NotApplicable: it does not stand in a list of layers, and is not called where it is made.
    """
    told = [name for name in _SHAPES if argument(site.call, name) is not None]
    codes = [code]
    if told and _SHAPES[told[0]]:
        shape = argument(site.call, told[0])
        assert shape is not None
        codes.insert(0, f"{keras(editor, site.file, 'Input')}({_SHAPES[told[0]].format(site.code(shape.value))})")
        drop_argument(editor, site, told[0])
    elif told:
        raise NotApplicable("the first layer is given the shape of a batch")
    _insert(editor, site, codes, before=True)


def behind(editor: Editor, site: Site, code: str) -> None:
    """Put a layer behind one.

    Raises:
        NotApplicable: it does not stand in a list of layers, and is not called where it is made.
    """
    _insert(editor, site, [code], before=False)


def _insert(editor: Editor, site: Site, codes: list[str], *, before: bool) -> None:
    parent = site.file.parent(site.call)
    if isinstance(parent, cst.Element):
        _in_list(editor, site, parent, codes, before=before)
    elif isinstance(parent, cst.Call) and parent.func is site.call and len(parent.args) >= 1:
        joined = "{}"
        for code in codes:
            joined = f"{code}({joined})"
        editor.replace(site.file, parent.args[0].value if before else parent, joined)
    elif isinstance(parent, cst.Arg) and (adding := _adding(site, parent)) is not None:
        lines = "".join(f"{site.code(adding.func)}({code})\n" for code in codes)
        if before:
            editor.insert(site.file, adding, before=lines)
        else:
            editor.insert(site.file, adding, after=lines)
    else:
        raise NotApplicable("the layer stands neither in a list of layers nor in a call of `add`")


def _adding(site: Site, parent: cst.Arg) -> cst.Call | None:
    above = site.file.parent(parent)
    return above if isinstance(above, cst.Call) and called(above) == "add" and len(above.args) == 1 else None


def _in_list(editor: Editor, site: Site, held: cst.Element, codes: list[str], *, before: bool) -> None:
    above = site.file.parent(held)
    if not isinstance(above, cst.List):
        raise NotApplicable("the layer does not stand in a list of layers")
    between = next((e.comma for e in above.elements[:-1] if isinstance(e.comma, cst.Comma)), None)
    comma = between or cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))

    def add(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.Element)
        new = [cst.Element(cst.parse_expression(code), comma=comma) for code in codes]
        if before:
            return cst.FlattenSentinel([*new, old])  # type: ignore[return-value]
        new[-1] = new[-1].with_changes(comma=old.comma)
        return cst.FlattenSentinel([old.with_changes(comma=comma), *new])  # type: ignore[return-value]

    editor.change(site.file, held, add)
