"""How the weights of a program of JAX begin: initialisers of layers, and arrays that are drawn by hand."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import drop_argument, set_argument
from netvet.fixes.jax_edits.activations import LAYERS
from netvet.fixes.jax_edits.places import package
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# Of one number in float32, the spread that is computed is no zero: this share of the number at most.
ROUNDING = 1e-6
CONSTANT = ("full", "zeros", "ones", "constant", "zeros_init", "ones_init")
DRAWN = ("normal", "uniform", "truncated_normal")
INITS = ("kernel_init", "bias_init")


def random_init(program: Program) -> Iterator[Editor]:
    """Glorot and Bengio's distribution where all weights of a matrix are one number."""
    if not any(_constant(p) for p in program.facts("parameters") if len(p.get("shape") or ()) > 1):
        raise NotApplicable("no matrix of weights begins with one number")
    editor, done = program.editor("weights begin at random"), False
    for file in files(program):
        for call in file.nodes(cst.Call):
            done = _drawn_instead(editor, file, call, "glorot_normal") or done
    if not done:
        raise NotApplicable("the line that sets the weights to one number is not known")
    yield editor


def _constant(record: object) -> bool:
    std, mean = (record.get(name) for name in ("init_std", "init_mean"))  # type: ignore[attr-defined]
    return std is not None and float(std) <= ROUNDING * abs(float(mean or 0.0))


def files(program: Program) -> list[SourceFile]:
    """Those in which parameters are used, and where the loss is differentiated."""
    found: dict[str, SourceFile] = {}
    for fact, prefix in (("parameters", "created_"), ("backwards", ""), ("inputs", "")):
        for one in program.facts(fact):
            if one.get(f"{prefix}file"):
                file = program.file(one, prefix)[0]
                found.setdefault(file.path, file)
    return list(found.values())


def _drawn_instead(editor: Editor, file: SourceFile, call: cst.Call, name: str) -> bool:
    """`jnp.full((m, n), 0.1)` and `kernel_init=constant(0.1)` become draws."""
    if called(call) not in CONSTANT:
        return False
    init = f"{package(editor, file, 'jax')}.nn.initializers.{name}()"
    holder = file.parent(call)
    if isinstance(holder, cst.Arg) and holder.keyword is not None and holder.keyword.value == "kernel_init":
        editor.change(file, call, lambda _: cst.parse_expression(init))
        return True
    shape = call.args[0].value if call.args and called(call) in ("full", "zeros", "ones") else None
    if not isinstance(shape, cst.Tuple) or len(shape.elements) < 2 or not _is_array(file, call):
        return False
    code = f"{init}({_key(file, call)}, {file.code(shape)})"
    editor.change(file, call, lambda _: cst.parse_expression(code))
    return True


def _is_array(file: SourceFile, call: cst.Call) -> bool:
    return file.code(call.func).startswith(("jnp.", "jax.numpy.", "np.", "numpy."))


def _key(file: SourceFile, call: cst.Call) -> str:
    """A key of the function that makes the weights; without any, one of its own."""
    function = file.function(call)
    if function is not None:
        names = [p.name.value for p in function.params.params]
        keys = [name for name in names if name in ("key", "rng", "rng_key", "subkey", "sub", "k")]
        if len(keys) == 1:
            return keys[0]
    return "jax.random.key(0)"


def he_init(program: Program) -> Iterator[Editor]:
    """`he_normal`, or `sqrt(2 / inputs)` as the scale of weights that are drawn by hand."""
    yield _initialised(program, "he_normal", "2", "He initialisation")


def xavier_init(program: Program) -> Iterator[Editor]:
    """`glorot_normal`, or the scale of Glorot and Bengio for weights that are drawn by hand."""
    yield _initialised(program, "glorot_normal", "", "Xavier initialisation")


def _initialised(program: Program, name: str, gain: str, what: str) -> Editor:
    editor, done = program.editor(what), False
    for file in files(program):
        for call in file.nodes(cst.Call):
            if called(call) in LAYERS and _is_flax(file, call):
                init = f"{package(editor, file, 'jax')}.nn.initializers.{name}()"
                set_argument(editor, Site(file, call, {}), "kernel_init", init)
                done = True
            done = _rescaled(editor, file, call, gain) or _drawn_instead(editor, file, call, name) or done
    if not done:
        raise NotApplicable("no layer and no weights that are drawn by hand stand in the program")
    return editor


def _is_flax(file: SourceFile, call: cst.Call) -> bool:
    return file.code(call.func).startswith(("nn.", "nnx.", "linen.", "flax.")) and "eqx" not in file.code(call.func)


def _rescaled(editor: Editor, file: SourceFile, call: cst.Call, gain: str) -> bool:
    """`normal(key, (m, n)) * 0.5` becomes `normal(key, (m, n)) * sqrt(2 / m)`."""
    shape = argument(call, "shape", 1)
    elements = shape.value.elements if shape is not None and isinstance(shape.value, cst.Tuple) else ()
    if called(call) not in DRAWN or len(elements) < 2 or "random" not in file.code(call.func):
        return False
    sizes = [file.code(e.value) for e in elements[-2:]]
    jnp = package(editor, file, "jax.numpy")
    scale = f"{jnp}.sqrt({gain} / {sizes[0]})" if gain else f"{jnp}.sqrt(2 / ({sizes[0]} + {sizes[1]}))"
    above = file.parent(call)
    code = f"{file.code(call)} * {scale}"
    product = isinstance(above, cst.BinaryOperation) and isinstance(above.operator, (cst.Multiply, cst.Divide))
    node = above if product and isinstance(above, cst.BinaryOperation) else call
    editor.change(file, node, lambda _: cst.parse_expression(code if product else f"({code})"))
    return True


def default_init(program: Program) -> Iterator[Editor]:
    """The initialisation that layers have where none is given."""
    editor, done = program.editor("the layers' own initialisation"), False
    for file in files(program):
        for call in file.nodes(cst.Call):
            names = [name for name in INITS if argument(call, name) is not None]
            if called(call) in LAYERS and names:
                drop_argument(editor, Site(file, call, {}), *names)
                done = True
    if not done:
        raise NotApplicable("no layer is given another initialisation than its own")
    yield editor
