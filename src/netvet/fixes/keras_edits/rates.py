"""The learning rate of a Keras program: at its optimizer, or within the schedule that it is given."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import scale_argument, scaled, set_argument
from netvet.fixes.keras_edits.places import COMPILE, compiling, keras, optimizer_record, text, value_of
from netvet.fixes.lower_lr import FACTORS as DOWN
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.raise_lr import FACTORS as UP
from netvet.fixes.source import Editor, NotApplicable, called

# Rates of the optimizers of Keras 3 where none is given.
DEFAULTS = {
    "SGD": 0.01, "Adam": 1e-3, "AdamW": 1e-3, "Nadam": 1e-3, "Adamax": 1e-3, "Adagrad": 1e-3, "Adadelta": 1e-3,
    "RMSprop": 1e-3, "Ftrl": 1e-3, "Lion": 1e-3, "Lamb": 1e-3, "Adafactor": 1e-3, "Muon": 1e-3,
}  # fmt: skip
# Arguments of schedules that are rates.
RATES = ("initial_learning_rate", "end_learning_rate", "warmup_target", "alpha_rate")


def lower_lr(program: Program) -> Iterator[Editor]:
    """A tenth, a hundredth, a thousandth of the rate of the optimizer, or of those of its schedule."""
    for factor in DOWN:
        yield with_rate(program, factor)


def raise_lr(program: Program) -> Iterator[Editor]:
    """Ten, a hundred, a thousand times the rate of the optimizer, or those of its schedule."""
    for factor in UP:
        yield with_rate(program, factor)


def with_rate(program: Program, factor: float) -> Editor:
    """One variant: the learning rate times a number.

    Raises:
        NotApplicable: it does not stand in the program's files.
    """
    editor = program.editor(f"learning rate times {factor:g}")
    made = optimizer(program)
    if isinstance(made, Named):
        rate = DEFAULTS[made.name] * factor
        replaced = f"{keras(editor, made.site.file, 'optimizers')}.{made.name}(learning_rate={_float(f'{rate:.6g}')})"
        editor.replace(made.site.file, made.value, replaced)
        return editor
    given = value_of(made, "learning_rate", 0)
    if given is None:
        usual = DEFAULTS.get(called(made.call))
        if usual is None:
            raise NotApplicable(f"learning_rate is not given to {made.code(made.call.func)}")
        set_argument(editor, made, "learning_rate", _float(f"{usual * factor:.6g}"))
        return editor
    if isinstance(given[1], cst.Call) and called(given[1])[:1].isupper():
        _schedule(editor, Site(made.file, given[1], {}), factor)
    else:
        editor.replace(made.file, given[1], _float(scaled(given[1], made.code(given[1]), factor)))
    return editor


def _float(code: str) -> str:
    """A number as Keras takes it for a rate: `1` is none."""
    return f"{code}.0" if code.isdigit() else code


def _schedule(editor: Editor, site: Site, factor: float) -> None:
    found = [name for name in RATES if argument(site.call, name, 0 if name == RATES[0] else None) is not None]
    if not found:
        raise NotApplicable(f"the rates of {site.code(site.call.func)} are not written where it is made")
    for name in found:
        scale_argument(editor, site, name, factor, 0 if name == RATES[0] else None)


class Named:
    """An optimizer that is given by its name, and is made with default settings.

    Attributes:
        site: the call of `compile`; `value`: the string in it; `name`: of the class.
    """

    def __init__(self, site: Site, value: cst.BaseExpression, name: str) -> None:
        self.site, self.value, self.name = site, value, name


def optimizer(program: Program) -> Site | Named:
    """Where the optimizer is made, or named.

    Raises:
        NotApplicable: neither stands in a file of the program.
    """
    record = optimizer_record(program)
    file, line = program.file(record)
    name = str(record.get("name"))
    calls = [c for c in file.calls(line, name) if file.line(c) == line] or file.calls(line, name)
    if calls:
        return Site(file, calls[0], record)
    site = compiling(program)
    given = value_of(site, "optimizer", COMPILE["optimizer"])
    if given is not None and text(given[1]) is not None and name in DEFAULTS:
        return Named(site, given[1], name)
    if given is None and name in DEFAULTS:
        raise NotApplicable("no optimizer is given to compile")
    if given is not None and isinstance(given[1], cst.Call):
        return Site(site.file, given[1], record)
    raise NotApplicable("where the optimizer is made is not known")


def set_option(program: Program, editor: Editor, name: str, value: str) -> None:
    """Give the optimizer an option; one that is named is made first."""
    made = optimizer(program)
    if isinstance(made, Named):
        call = f"{keras(editor, made.site.file, 'optimizers')}.{made.name}({name}={value})"
        editor.replace(made.site.file, made.value, call)
    else:
        set_argument(editor, made, name, value)
