"""Layers of a model: where they are made and called, and others put behind or in front of them."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, expression

WEIGHTED = ("Linear", "Conv1d", "Conv2d", "Conv3d")
Holder = cst.Arg | cst.Element


def module_named(program: Program, name: str) -> Record:
    """Its record.

    Raises:
        NotApplicable: the run knows none of this name.
    """
    for one in program.facts("modules"):
        if one.get("name") == name:
            return one
    raise NotApplicable(f"the layer {name} is not known")


def of_class(program: Program, *names: str) -> list[Record]:
    """Modules of these classes, in the order of their first calls."""
    found = [m for m in program.facts("modules") if m.get("cls") in names]
    return sorted(found, key=lambda m: (m.get("order") is None, m.get("order")))


def weighted(program: Program) -> list[Record]:
    """Linear and convolutional layers that were called, in the order of their calls.

    Raises:
        NotApplicable: there are none, or of several models.
    """
    found = [m for m in of_class(program, *WEIGHTED) if m.get("called")]
    if len({m.get("model") for m in found}) != 1:
        raise NotApplicable("the layers of the model are not known" if not found else "there are several models")
    return found


def made(program: Program, record: Record) -> Site:
    """Where a module is made.

    Raises:
        NotApplicable: not in a file of the program, or by another name.
    """
    kind, place = record.get("cls"), (record.get("created_file"), record.get("created_line"))
    here = [m for m in program.facts("modules") if m.get("cls") == kind]
    here = [m for m in here if (m.get("created_file"), m.get("created_line")) == place]
    if len(here) > 1 and record in here and place[0]:  # several on a line: in the order in which they are made
        file, line = program.file(record, "created_")
        calls = [c for c in file.nodes(cst.Call) if called(c) == kind and file.line(c) == line]
        if len(calls) == len(here):
            return Site(file, calls[here.index(record)], record)
    return program.site(record, str(kind), prefix="created_")


def made_by(program: Program, records: list[Record]) -> list[tuple[Site, list[Record]]]:
    """The calls that make these modules, each with all that it makes.

    Raises:
        NotApplicable: one is not made in a file of the program.
    """
    found: list[tuple[Site, list[Record]]] = []
    by_line: dict[tuple[str, int], list[Record]] = {}
    for one in records:
        by_line.setdefault((str(one.get("created_file")), int(one.get("created_line") or 0)), []).append(one)
    for several in by_line.values():
        file, line = program.file(several[0], "created_")
        calls = [c for c in file.calls(line, str(several[0].get("cls"))) if file.line(c) == line]
        if len(calls) > 1 and len(calls) == len(several):  # several on a line: in the order in which they are made
            calls = [c for c in file.nodes(cst.Call) if any(c is one for one in calls)]
            found += [(Site(file, call, one), [one]) for call, one in zip(calls, several, strict=True)]
        else:
            found.append((made(program, several[0]), several))
    return found


def prefix(site: Site) -> str:
    """`nn.` of `nn.Linear(...)`; where the class was imported alone, `torch.nn.`."""
    module, dot, _ = site.code(site.call.func).rpartition(".")
    return module + dot if dot else "torch.nn."


def size(site: Site, record: Record) -> str:
    """How many outputs a layer has, as it is written.

    Raises:
        NotApplicable: it is not given.
    """
    name = "out_features" if record.get("cls") == "Linear" else "out_channels"
    given = argument(site.call, name, 1)
    if given is None:
        raise NotApplicable(f"the size of {record.get('name')} is not written where it is made")
    return site.code(given.value)


def holder(site: Site) -> Holder | None:
    """What holds a layer in a `Sequential`, or in a list of which one is made; None where there is none."""
    file, node = site.file, site.call
    parent = file.parent(node)
    if isinstance(parent, cst.Assign) and isinstance(parent.targets[0].target, cst.Name):
        name = parent.targets[0].target.value
        around = file.function(node)
        uses = [n for n in file.nodes(cst.Name) if n.value == name and file.function(n) is around]
        held = [file.parent(n) for n in uses]
        listed = [h for h in held if isinstance(h, cst.Element) and _sequence(file, h)]
        return listed[0] if len(listed) == 1 else None
    if isinstance(parent, (cst.Arg, cst.Element)) and _sequence(file, parent):
        return parent
    return None


def _sequence(file: SourceFile, held: Holder) -> bool:
    above = file.parent(held)
    if isinstance(held, cst.Arg):
        return isinstance(above, cst.Call) and called(above) == "Sequential" and not held.star
    around = file.parent(above) if above is not None else None
    if isinstance(around, cst.Arg):  # Sequential(*[...]), and not ModuleList([...])
        maker = file.parent(around)
        return isinstance(maker, cst.Call) and called(maker) == "Sequential" and bool(around.star)
    names = "".join(file.code(s) for s in (file.module,))
    target = _list_name(file, above)
    return bool(target) and f"Sequential(*{target})" in names


def _list_name(file: SourceFile, listed: cst.CSTNode | None) -> str:
    around = file.parent(listed) if listed is not None else None
    if isinstance(around, cst.AugAssign):
        return file.code(around.target)
    if isinstance(around, cst.Assign):
        return file.code(around.targets[0].target)
    return ""


def insert_layer(editor: Editor, file: SourceFile, held: Holder, code: str, *, front: bool = False) -> None:
    """Another layer behind or in front of one that stands in a list of layers."""
    above = file.parent(held)
    several = above.args if isinstance(above, cst.Call) else above.elements if isinstance(above, cst.List) else ()
    between = next((s.comma for s in several[:-1] if isinstance(s.comma, cst.Comma)), None)
    comma = between or cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))

    def add(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, (cst.Arg, cst.Element))
        new = cst.Arg(expression(code)) if isinstance(old, cst.Arg) else cst.Element(expression(code))
        pair = [new.with_changes(comma=comma), old] if front else [old.with_changes(comma=comma), new]
        if not front:
            pair[1] = new.with_changes(comma=old.comma)
        return cst.FlattenSentinel(pair)  # type: ignore[return-value]

    editor.change(file, held, add)


def calls_of(program: Program, record: Record) -> list[tuple[SourceFile, cst.Call]]:
    """Where forward calls a module: by its attribute, else the variable of the loop that goes over its list.

    Raises:
        NotApplicable: not found.
    """
    file, line = program.file(record, "called_")
    name = str(record.get("name")).rpartition(".")[2]
    found = [c for c in file.calls(line, name) if file.line(c) == line or len(file.calls(line, name)) == 1]
    if name.isdigit():
        loops = [n.target.value for n in file.at(line, cst.For) if isinstance(n.target, cst.Name)]
        found = [c for c in file.calls(line) if isinstance(c.func, cst.Name) and c.func.value in loops]
    if not found or (len(found) < int(record.get("called") or 0) and not name.isdigit() and len(found) != 1):
        raise NotApplicable(f"the call of {record.get('name')} is not found")
    if name.isdigit():
        return [(file, c) for c in found]
    inside = next(file.around(found[0], cst.ClassDef), None)
    every = [c for c in file.nodes(cst.Call) if file.code(c.func) == file.code(found[0].func)]
    return [(file, c) for c in every if next(file.around(c, cst.ClassDef), None) is inside]


def wrap_output(editor: Editor, program: Program, record: Record, function: str) -> None:
    """`function(layer(x))` in the place of `layer(x)`."""
    for file, call in calls_of(program, record):
        editor.replace(file, call, f"{function}({{}})")


def wrap_input(editor: Editor, program: Program, record: Record, code: str) -> None:
    """`layer(function(x))` in the place of `layer(x)`; `{}` in the code is what enters.

    Raises:
        NotApplicable: it is given more than one thing.
    """
    for file, call in calls_of(program, record):
        if len(call.args) != 1 or call.args[0].star:
            raise NotApplicable(f"{record.get('name')} is given more than one thing")
        editor.replace(file, call.args[0].value, code)


LAYER_OF = {
    "torch.relu": "ReLU", "torch.tanh": "Tanh", "torch.nn.functional.gelu": "GELU",
    "torch.nn.functional.leaky_relu": "LeakyReLU", "torch.nn.functional.silu": "SiLU", "torch.nn.functional.elu": "ELU",
}  # fmt: skip


def behind(editor: Editor, program: Program, record: Record, function: str) -> None:
    """Apply a function of PyTorch to what a layer gives, as a layer where it stands among layers."""
    if record.get("created_file") and not record.get("called_file"):
        site = made(program, record)
        held = holder(site)
        if held is None:
            raise NotApplicable(f"{record.get('name')} does not stand in a list of layers")
        insert_layer(editor, site.file, held, f"{prefix(site)}{LAYER_OF[function]}()")
        return
    wrap_output(editor, program, record, function)
    for file, _ in calls_of(program, record)[:1]:
        editor.require(file, "torch", "import torch")


def norm_behind(editor: Editor, site: Site, records: list[Record], norm: str, program: Program) -> None:
    """A norm behind the layers that a call makes: among layers, as an attribute of its own, or joined with each.

    Raises:
        NotApplicable: the parts of these layers are used by name, or their calls are not found.
    """
    held = holder(site)
    if held is not None:
        insert_layer(editor, site.file, held, norm)
        return
    parent = site.file.parent(site.call)
    target = parent.targets[0].target if isinstance(parent, cst.Assign) else None
    if isinstance(target, cst.Attribute) and len(records) == 1:
        name = f"{site.code(target)}_norm"
        editor.insert(site.file, site.call, after=f"{name} = {norm}\n")
        wrap_output(editor, program, records[0], name)
        return
    if _parts_used(site.file):
        raise NotApplicable("weights of these layers are used by name, which another layer around them would hide")
    editor.replace(site.file, site.call, f"{prefix(site)}Sequential({{}}, {norm})")


def _parts_used(file: SourceFile) -> bool:
    """`.weight` or a size of a layer is asked for, and not only of layers that a test of the class has picked."""
    for one in file.nodes(cst.Attribute):
        if one.attr.value in ("weight", "bias", "in_features", "out_features", "out_channels", "in_channels"):
            tests = [file.code(i.test) for i in file.around(one, cst.If)]
            if not any("isinstance" in t for t in tests):
                return True
    return False


def each(program: Program, records: list[Record], change: Callable[[Site, list[Record]], None]) -> None:
    """Change each call that makes some of these modules, once."""
    for site, several in made_by(program, records):
        change(site, several)
