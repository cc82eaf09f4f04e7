"""Where learning rates stand in a program: at optimizers, at schedules that set them, in assignments of the loop."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import scale_argument, scaled
from netvet.fixes.loops import assignments, within
from netvet.fixes.program import Entrusted, Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile
from netvet.fixes.trainers import held

# Rates that PyTorch's optimizers have where none is given.
DEFAULTS = {
    "SGD": 1e-3, "Adam": 1e-3, "AdamW": 1e-3, "NAdam": 2e-3, "RAdam": 1e-3, "Adamax": 2e-3, "Adagrad": 1e-2,
    "Adadelta": 1.0, "RMSprop": 1e-2, "Rprop": 1e-2, "ASGD": 1e-2, "LBFGS": 1.0, "Muon": 1e-3, "Adafactor": 1e-2,
}  # fmt: skip
# Arguments of schedules that are rates themselves, not factors of the optimizer's.
ABSOLUTE = ("max_lr", "base_lr", "eta_min", "min_lr")


def with_rate(program: Program, factor: float) -> Editor:
    """One variant: all learning rates times a number.

    Raises:
        NotApplicable: they do not stand in the program's files.
    """
    editor = program.editor(f"learning rate times {factor:g}")
    try:
        sites = program.optimizers
    except Entrusted:
        for one in held(program, "lr"):
            one.times(editor, factor)
        return editor
    for site in sites:
        for value in group_rates(site):
            editor.replace(site.file, value, scaled(value, site.code(value), factor))
        bare = not argument(site.call, "lr", 1) and not any(True for _ in group_rates(site))
        default = DEFAULTS.get(str(site.record.get("cls")))
        if argument(site.call, "lr", 1) or bare:
            scale_argument(editor, site, "lr", factor, 1, default)
    for schedule in schedules(program):
        for name in ABSOLUTE:
            given = argument(schedule.call, name)
            if given is not None and not isinstance(given.value, (cst.List, cst.Tuple)):
                editor.replace(schedule.file, given.value, scaled(given.value, schedule.code(given.value), factor))
    for file, value in assigned(program):
        editor.replace(file, value, scaled(value, file.code(value), factor))
    return editor


def group_rates(site: Site) -> Iterator[cst.BaseExpression]:
    """The rates of parameter groups, written as dicts in the call or in the variable that it is given."""
    around: list[cst.CSTNode] = [site.call]
    if handed(site) is not site.call.args[0].value:
        around.append(handed(site))
    for node in around:
        yield from _rates(site, node)


def _rates(site: Site, node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    for group in (node, *within(node)):
        if isinstance(group, cst.Dict):
            for one in group.elements:
                if isinstance(one, cst.DictElement) and site.code(one.key).strip("'\"") == "lr":
                    yield one.value
        elif isinstance(group, cst.Call) and isinstance(group.func, cst.Name) and group.func.value == "dict":
            given = argument(group, "lr")
            if given is not None:
                yield given.value


def handed(site: Site) -> cst.BaseExpression:
    """What an optimizer is given: the expression, or that of the variable that it is in.

    Raises:
        NotApplicable: it is given nothing.
    """
    if not site.call.args:
        raise NotApplicable("the optimizer is given nothing where it is made")
    value = site.call.args[0].value
    if isinstance(value, cst.Name):
        made = assignments(site.file, site.call, value.value)
        return made[0].value if len(made) == 1 else value
    return value


def schedules(program: Program) -> list[Site]:
    """Where schedulers are made, in files of the program."""
    found = []
    for one in program.facts("schedulers"):
        try:
            found.append(program.site(one, str(one.get("cls"))))
        except NotApplicable:
            continue
    return found


def assigned(program: Program) -> list[tuple[SourceFile, cst.BaseExpression]]:
    """What is assigned to `group["lr"]`, in the files in which optimizers step, or are made for a framework's loop."""
    found: list[tuple[SourceFile, cst.BaseExpression]] = []
    try:
        places = program.steps
    except NotApplicable:
        places = program.optimizers
    for path in {site.file.path for site in places}:
        file = program.sources.file(path)
        for one in file.nodes(cst.Assign):
            target = one.targets[0].target
            if isinstance(target, cst.Subscript) and file.code(target).rstrip("]").endswith(("'lr'", '"lr"')):
                found.append((file, one.value))
    return found
