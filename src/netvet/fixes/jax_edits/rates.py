"""Where learning rates stand in a program of JAX: at optimizers, in schedules, in updates that are written out."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import scaled, set_argument
from netvet.fixes.jax_edits.places import constant, gradient_function, made_by, optimizers, package, steps_by_hand
from netvet.fixes.lower_lr import FACTORS as DOWN
from netvet.fixes.outputs import assigned
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.raise_lr import FACTORS as UP
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside

# Arguments of Optax's schedules that are rates, with their positions.
SCHEDULES: dict[str, dict[str, int]] = {
    "constant_schedule": {"value": 0},
    "cosine_decay_schedule": {"init_value": 0},
    "exponential_decay": {"init_value": 0, "end_value": 6},
    "linear_schedule": {"init_value": 0, "end_value": 1},
    "polynomial_schedule": {"init_value": 0, "end_value": 1},
    "piecewise_constant_schedule": {"init_value": 0},
    "piecewise_interpolate_schedule": {"init_value": 1},
    "warmup_constant_schedule": {"init_value": 0, "peak_value": 1},
    "warmup_cosine_decay_schedule": {"init_value": 0, "peak_value": 1, "end_value": 4},
    "warmup_exponential_decay_schedule": {"init_value": 0, "peak_value": 1, "end_value": 7},
    "cosine_onecycle_schedule": {"peak_value": 1},
    "linear_onecycle_schedule": {"peak_value": 1},
}
# What a rate is called where an update is written out.
RATE = re.compile(r"(lr|learning_rate|rate|step_size|eta|alpha|LR|LEARNING_RATE|STEP_SIZE|ETA)\d*$")
# Optimizers of Optax with a rate of their own.
DEFAULTS = {"adadelta": 1.0, "adafactor": None, "fromage": None, "lbfgs": None}
# Karpathy's "safe" warm-up is a tenth of the run; at most a thousand steps, as in the fix of PyTorch.
SHARE, MOST = 0.1, 1000
FIRST = 0.01  # of the rate at the first step


def lower_lr(program: Program) -> Iterator[Editor]:
    """A tenth, a hundredth, a thousandth of all rates."""
    for factor in DOWN:
        yield with_rate(program, factor)


def raise_lr(program: Program) -> Iterator[Editor]:
    """Ten, a hundred, a thousand times all rates."""
    for factor in UP:
        yield with_rate(program, factor)


def with_rate(program: Program, factor: float) -> Editor:
    """One variant: all learning rates times a number.

    Raises:
        NotApplicable: they do not stand in the program's files.
    """
    editor = program.editor(f"learning rate times {factor:g}")
    if steps_by_hand(program):
        file, rates = rates_by_hand(program)
        for node in rates:
            _scale(editor, file, node, factor)
        return editor
    for site in optimizers(program):
        given = rate_of(site)
        for file, node in _numbers(site.file, given.value):
            _scale(editor, file, node, factor)
    return editor


def rate_of(site: Site) -> cst.Arg:
    """What an optimizer, or the part of a chain that sets the rate, is given as its rate.

    Raises:
        NotApplicable: it is given none.
    """
    name = "step_size" if made_by(site.call) == "scale" else "learning_rate"
    given = argument(site.call, name, 0)
    if given is None:
        raise NotApplicable(f"no learning rate is given to {site.code(site.call.func)}")
    return given


def _numbers(file: SourceFile, node: cst.BaseExpression) -> Iterator[tuple[SourceFile, cst.BaseExpression]]:
    """The expressions that are rates: the one itself, or those that a schedule is made of."""
    made = schedule_of(file, node)
    if made is None:
        yield file, node
    elif called(made) == "join_schedules":
        parts = argument(made, "schedules", 0)
        for one in inside(parts.value, cst.Call) if parts is not None else ():
            if called(one) in SCHEDULES:
                yield from _numbers(file, one)
    else:
        for name, position in SCHEDULES[called(made)].items():
            given = argument(made, name, position)
            if given is not None and file.code(given.value) not in ("0", "0.0", "None"):
                yield file, given.value


def schedule_of(file: SourceFile, node: cst.BaseExpression) -> cst.Call | None:
    """The call that makes the schedule that an optimizer is given; None where it is given a number.

    Raises:
        NotApplicable: it is a function that the program has written.
    """
    made = assigned(file, node) if isinstance(node, cst.Name) else node
    if isinstance(made, cst.Call) and called(made) in (*SCHEDULES, "join_schedules"):
        return made
    functions = {f.name.value for f in file.nodes(cst.FunctionDef)}
    if isinstance(made, cst.Lambda) or (isinstance(node, cst.Name) and node.value in functions):
        raise NotApplicable("the learning rate is a function that the program has written")
    return None


def _scale(editor: Editor, file: SourceFile, node: cst.BaseExpression, factor: float) -> None:
    """Multiply a rate, where it gets its number: `LR` of `optax.adam(LR)` where that is set once."""
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        node = node.expression
    made = assigned(file, node) if isinstance(node, cst.Name) else None
    made = made if made is not None or not isinstance(node, cst.Name) else constant(file, node.value)
    if isinstance(made, (cst.Float, cst.Integer)):
        node = made
    editor.replace(file, node, scaled(node, file.code(node), factor))


def rates_by_hand(program: Program) -> tuple[SourceFile, list[cst.BaseExpression]]:
    """The rates of updates that are written out: `0.1` of `p - 0.1 * g`.

    Raises:
        NotApplicable: no such update stands beside the gradient.
    """
    file, _, _ = gradient_function(program)
    found = [rate for node in updates(program) if (rate := _factor(file, node)) is not None]
    if not found:
        raise NotApplicable("the line that changes the parameters, `p - rate * g`, is not known")
    unique: dict[str, cst.BaseExpression] = {}
    for one in found:
        named = isinstance(one, cst.Name) and isinstance(assigned(file, one) or constant(file, one.value), cst.Float)
        unique.setdefault(file.code(one) if named else str(id(one)), one)
    return file, list(unique.values())


def updates(program: Program) -> list[cst.BinaryOperation | cst.AugAssign]:
    """The differences and sums of parameters and rates times gradients: `p - 0.1 * g`, `w -= lr * dw`."""
    file, function, _ = gradient_function(program)
    nodes: list[cst.BinaryOperation | cst.AugAssign] = [*file.nodes(cst.BinaryOperation), *file.nodes(cst.AugAssign)]
    every = [
        one for one in nodes
        if isinstance(one.operator, (cst.Subtract, cst.Add, cst.SubtractAssign, cst.AddAssign))
        and _factor(file, one) is not None
    ]  # fmt: skip
    every = [one for one in every if _steps(file, one)]
    beside = [one for one in every if function is None or any(f is function for f in file.around(one, cst.FunctionDef))]
    found = beside or [one for one in every if _maps(file, one)]
    down = [one for one in found if isinstance(one.operator, (cst.Subtract, cst.SubtractAssign))]
    return down or found


def _steps(file: SourceFile, node: cst.BinaryOperation | cst.AugAssign) -> bool:
    """The result takes the place of what it was made of: `w = w - lr * dw`, or stands in a map over all of them."""
    if isinstance(node, cst.AugAssign) or _maps(file, node):
        return True
    above = file.parent(node)
    return isinstance(above, cst.Assign) and any(file.code(t.target) == file.code(node.left) for t in above.targets)


def _maps(file: SourceFile, node: cst.CSTNode) -> bool:
    """Within a function that goes over a tree of parameters, or over their list."""
    return any(called(c) in ("map", "tree_map") for c in file.around(node, cst.Call)) or any(
        True for _ in file.around(node, cst.ListComp, cst.DictComp, cst.GeneratorExp)
    )


def _factor(file: SourceFile, node: cst.BinaryOperation | cst.AugAssign) -> cst.BaseExpression | None:
    """The rate of an update: the number, or what is called as rates are, that is multiplied with a gradient."""
    right = node.right if isinstance(node, cst.BinaryOperation) else node.value
    if not isinstance(right, cst.BinaryOperation) or not isinstance(right.operator, cst.Multiply):
        return None
    if isinstance(node, cst.BinaryOperation) and not isinstance(node.left, (cst.Name, cst.Attribute, cst.Subscript)):
        return None
    for one, other in ((right.left, right.right), (right.right, right.left)):
        number = isinstance(one, (cst.Float, cst.Integer))
        if (number or RATE.search(file.code(one))) and not isinstance(other, (cst.Float, cst.Integer)):
            return one
    return None


def constant_lr(program: Program) -> Iterator[Editor]:
    """The highest rate of the schedule, kept."""
    editor, found = program.editor("a constant learning rate"), False
    for site in optimizers(program):
        given = rate_of(site)
        made = schedule_of(site.file, given.value)
        if made is None:
            continue
        names = SCHEDULES.get(called(made), {})
        name = "peak_value" if "peak_value" in names else next(iter(names), "")
        value = argument(made, name, names.get(name)) if name else None
        if value is None:
            raise NotApplicable("the rate that the schedule begins with is not written where it is made")
        editor.replace(site.file, given.value, site.code(value.value))
        found = True
    if not found:
        raise NotApplicable("no schedule sets the learning rate")
    yield editor


def warmup(program: Program) -> Iterator[Editor]:
    """A linear rise of the rate over a tenth of the run, and over three times as many steps."""
    seen = next(iter(program.facts("run")), {}).get("steps") or 0
    first = max(1, min(MOST, round(SHARE * int(seen)) or 100))
    for steps in (first, 3 * first):
        editor = program.editor(f"the learning rate warmed up over {steps} steps")
        for site in optimizers(program):
            given = rate_of(site)
            if schedule_of(site.file, given.value) is not None:
                raise NotApplicable("a schedule sets the learning rate: the rise belongs into it")
            optax = package(editor, site.file, "optax")
            if made_by(site.call) == "scale":
                raise NotApplicable("the rate is a factor in a chain")
            rate = site.code(given.value)
            code = f"{optax}.linear_schedule({scaled(given.value, rate, FIRST)}, {rate}, {steps})"
            set_argument(editor, site, "learning_rate", code, 0)
        yield editor
