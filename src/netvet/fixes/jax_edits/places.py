"""Where things stand in a program of JAX: its optimizers, the line that trains, what this line is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside, last_name, root_name

# Functions of Optax that make optimizers, as `capture/jax_optimizers.py` knows them, and parts of a chain with a rate.
MAKERS = frozenset({
    "sgd", "adam", "adamw", "nadam", "nadamw", "radam", "adamax", "adamaxw", "adagrad", "adadelta", "adabelief",
    "adafactor", "adan", "amsgrad", "rmsprop", "rprop", "lamb", "lars", "lion", "yogi", "fromage", "novograd",
    "noisy_sgd", "sign_sgd", "sm3", "lbfgs", "sophia",
})  # fmt: skip
PARTS = frozenset({"scale_by_learning_rate", "scale"})
GRADIENTS = ("value_and_grad", "grad", "filter_value_and_grad", "filter_grad")
BY_HAND = "by hand"
# What only makes arrays of what it is given, and what takes the result of a step.
_MAKING = ("asarray", "array", "device_put")
_TAKING = ("append", "extend", "float", "print", "item", "update_loss", "block_until_ready")


def optimizers(program: Program) -> list[Site]:
    """The calls of Optax that make the optimizers, or the parts of a chain that set their rates.

    Raises:
        NotApplicable: none stands in a file of the program.
    """
    found: list[Site] = []
    for one in program.facts("optimizers"):
        if one.get("cls") == BY_HAND or not one.get("file"):
            continue
        file, line = program.file(one)
        calls = [c for c in file.calls(line) if made_by(c) in MAKERS]
        calls = calls or [c for c in inside(file.statement(line), cst.Call) if made_by(c) in MAKERS | PARTS]
        if calls and all(s.call is not calls[0] for s in found):
            found.append(Site(file, calls[0], one))
    if not found:
        raise NotApplicable("no optimizer of Optax is made in a file of the program")
    return found


def made_by(call: cst.Call) -> str:
    """`adam` of `optax.adam(...)` and of `optax.inject_hyperparams(optax.adam)(...)`."""
    func = call.func
    if isinstance(func, cst.Call) and called(func) == "inject_hyperparams" and func.args:
        return last_name(func.args[0].value)
    return called(call)


def steps_by_hand(program: Program) -> bool:
    """The program subtracts itself."""
    return any(one.get("cls") == BY_HAND for one in program.facts("optimizers"))


def gradient_function(program: Program) -> tuple[SourceFile, cst.FunctionDef | None, int]:
    """The file, the function and the line in which the loss is differentiated.

    Raises:
        NotApplicable: it is in no file of the program.
    """
    for one in program.facts("backwards"):
        file, line = program.file(one)
        return file, file.function(file.statement(line)), line
    raise NotApplicable("where the loss is differentiated is not known")


@dataclass(frozen=True)
class Given:
    """The call that trains.

    Attributes:
        data: what it is given of samples, inputs first; `state`: the other names that it is given or that it gives.
    """

    site: Site
    data: tuple[cst.BaseExpression, ...]
    state: frozenset[str]


def training(program: Program) -> Given:
    """The call that trains, with what it is given.

    Raises:
        NotApplicable: it is not known.
    """
    for one in program.facts("inputs"):
        if one.get("phase") == "train" and one.get("file"):
            file, line = program.file(one)
            calls = file.calls(line)
            if not calls:
                break
            statement = file.statement(line)
            return _given(Site(file, _step(calls), one), statement)
    raise NotApplicable("the line that trains is not known")


def _step(calls: list[cst.Call]) -> cst.Call:
    """The call that trains, of all that cover its line: `step(...)` of `losses.append(float(step(...)))`."""
    own = [c for c in calls if called(c) not in (*_MAKING, *_TAKING)]
    cutting = [c for c in own if any(isinstance(v, cst.Subscript) and is_rows(v) for v in values(c))]
    return (cutting or own or calls)[-1]


def _given(site: Site, statement: cst.CSTNode) -> Given:
    bound = {n.value for t in inside(statement, cst.AssignTarget) for n in inside(t, cst.Name)}
    every = values(site.call)
    rows: list[cst.BaseExpression] = [v for v in every if isinstance(v, cst.Subscript) and is_rows(v)]
    if not rows:
        changing = _changing(site.file, site.call) - bound
        named = [v for v in every if isinstance(v, cst.Name)]
        rows += [v for v in named if v.value in changing] or [v for v in named if looks_like_data(v.value)]
    state = {root_name(v) for v in every if all(v is not r for r in rows)} | bound
    return Given(site, tuple(rows), frozenset(state - {""}))


def values(call: cst.Call) -> list[cst.BaseExpression]:
    """What a call is given, in dictionaries and tuples too, and through functions that only make arrays."""
    found: list[cst.BaseExpression] = []
    waiting: list[cst.BaseExpression] = [a.value for a in call.args]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, (cst.Dict, cst.Tuple, cst.List)):
            waiting[:0] = [e.value for e in one.elements]
        elif isinstance(one, cst.Call) and called(one) in _MAKING and one.args:
            waiting.insert(0, one.args[0].value)
        else:
            found.append(one)
    return found


def is_rows(node: cst.Subscript) -> bool:
    """`x[rows]`, and not `state["params"]` or `keys[0]`."""
    index = node.slice[0].slice
    value = index.value if isinstance(index, cst.Index) else None
    return not isinstance(value, (cst.SimpleString, cst.Integer, cst.UnaryOperation))


def looks_like_data(name: str) -> bool:
    """What arrays of samples are called where nothing else tells them from models and states."""
    plain = name.lower()
    words = ("train", "test", "val", "image", "label", "target", "input", "feature", "data", "batch")
    return plain in ("x", "y", "xs", "ys", "xb", "yb") or any(word in plain for word in words)


def _changing(file: SourceFile, node: cst.CSTNode) -> set[str]:
    """Names that get a new value in each round of the innermost loop around a node."""
    loop = next(file.around(node, cst.For, cst.While), None)
    if loop is None:
        return set()
    found = {n.value for t in inside(loop.body, cst.AssignTarget) for n in inside(t, cst.Name)}
    return found | ({n.value for n in inside(loop.target, cst.Name)} if isinstance(loop, cst.For) else set())


def uses_of_model(given: Given) -> Iterator[cst.Call]:
    """Other calls of the same file that are given the model or its state, or belong to it."""
    file, call = given.site.file, given.site.call
    models = {name for name in given.state if name not in ("opt_state", "key", "rng")}
    for one in file.nodes(cst.Call):
        if one is call or any(a is call for a in file.around(one, cst.Call)):
            continue
        if root_name(one.func) in models or any(root_name(n) in models for v in values(one) for n in [v]):
            yield one
        elif isinstance(one.func, cst.Call) and any(root_name(a.value) in models for a in one.func.args):
            yield one  # jax.vmap(model)(x)
        elif called(one) == "init" and isinstance(one.func, cst.Attribute):
            yield one


def named_argument(site: Site, name: str, position: int | None) -> cst.Arg | None:
    """Of a call that makes an optimizer."""
    return argument(site.call, name, position)


def package(editor: Editor, file: SourceFile, module: str) -> str:
    """How a file calls `jax.numpy`, `jax.nn`, `jax` or `optax`, imported where it is not yet."""
    shown = {"jax.numpy": "jnp", "numpy": "np"}.get(module)
    for statement in (*file.nodes(cst.Import), *file.nodes(cst.ImportFrom)):
        code = file.code(statement)
        if shown is not None and code in (f"import {module} as {shown}", f"from jax import numpy as {shown}"):
            return shown
    if shown is not None:
        editor.require(file, shown, f"import {module} as {shown}")
        return shown
    root = module.partition(".")[0]
    editor.require(file, root, f"import {root}")
    return module


def constant(file: SourceFile, name: str) -> cst.BaseExpression | None:
    """The number of a name that is set once, at the top of the file."""
    found = [
        one.value for one in file.nodes(cst.Assign)
        if file.function(one) is None and any(file.code(t.target) == name for t in one.targets)
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None
