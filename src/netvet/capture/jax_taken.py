"""Which values of a loss's program are handed out with each look: what losses compare, inputs, outputs of layers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from netvet.capture.jax_events import Differentiation, Session
from netvet.capture.jax_graph import layer_outputs, node_name
from netvet.capture.jax_losses import VIEWS, Reader
from netvet.capture.jax_modes import running_statistics
from netvet.capture.jax_program import Program

# Arrays with more elements than this are not handed out whole.
MAX_ELEMENTS = 2_000_000
_RECTIFIED = ("Relu",)
_BOUNDED = ("Tanh", "Sigmoid")
# Share of its largest derivative below which a unit counts as saturated.
SATURATED = 0.01


def choose_taps(found: Differentiation, session: Session) -> None:
    """Say what is to be handed out; its `options` tell what it is."""
    program = found.program
    parameters = program.arguments[: len(found.leaves)]
    losses = Reader(program, session, parameters, [found.loss_id]).losses()
    found.options |= {"losses": losses, "inputs": inputs_of(program, parameters)}
    for number, one in enumerate(losses):
        for name, value in (("given", one.given), ("target", one.target), ("value", one.value)):
            if value is not None and _small(program, value):
                found.taps[f"{name}:{number}"] = value
    for number, value in enumerate(found.options["inputs"]):
        if _small(program, value):
            found.taps[f"input:{number}"] = value
    statistics = running_statistics(program, parameters)
    found.options["statistics"] = statistics[0][2].site if statistics else None
    for number, (mean, variance, _) in enumerate(statistics):
        found.taps |= {f"zeros:{number}": mean, f"ones:{number}": variance}
    for layer, value in layer_outputs(found).items():
        found.taps[f"output:{layer}"] = value
        for kind, unit in _units(program, value, session):
            found.taps[f"{kind}:{layer}"] = unit


def _small(program: Program, value: int) -> bool:
    count = 1
    for size in program.shape(value):
        count *= size
    return count <= MAX_ELEMENTS


def _units(program: Program, value: int, session: Session) -> list[tuple[str, int]]:
    """Activations right behind a layer, also behind a norm."""
    waiting, found, passed = [value], [], 0
    for one in waiting:
        for op in program.users.get(one, ()):
            passed += 1
            name = node_name(program, op, session)
            if name in _RECTIFIED:
                found.append(("rectified", op.outputs[0]))
            elif name in _BOUNDED:
                found.append(("tanh" if name == "Tanh" else "sigmoid", op.outputs[0]))
            elif op.name in VIEWS | {"add", "mul", "sub"} and passed < 20:
                waiting += [o for o in op.outputs if program.shape(o) == program.shape(value) and o not in waiting]
    return found[:1]


def inputs_of(program: Program, parameters: list[int]) -> list[int]:
    """What enters the net: the data operand of each operation that is the first to meet a parameter."""
    dependent = program.downstream(parameters)
    entering: dict[int, None] = {}
    for op in program.operations:
        met = [i for i in op.inputs if program.behind(i, VIEWS - {"gather"})[0] in parameters]
        if not met or op.name not in ("dot_general", "conv_general_dilated", "gather"):
            continue
        for value in op.inputs:
            if value not in dependent and program.shape(value):
                source, _ = program.behind(value, VIEWS - {"gather", "slice", "dynamic_slice"})
                if op.name == "gather":
                    source = _indices(program, value)
                entering.setdefault(source)
    return list(entering)


def _indices(program: Program, value: int) -> int:
    """The integers that the user gave, of the indices that a look-up is made of."""
    found = [
        i
        for i in program.upstream([value])
        if i not in program.makers and program.shape(i) and "int" in program.dtype(i)
    ]
    return found[0] if len(found) == 1 else value


def reduced(name: str, value: Any) -> Any:
    """What is handed out of a value: a few numbers of a layer's output, others as they are."""
    kind = name.partition(":")[0]
    if kind in ("zeros", "ones"):
        return (value == (kind == "ones")).all()
    if kind == "output":
        wide = value.astype(jnp.float32)
        return jnp.stack([wide.mean(), wide.std()])
    if kind == "rectified":
        axes = tuple(range(value.ndim - 1))
        return (value == 0).all(axes).mean() if axes else jnp.zeros(())
    if kind in ("tanh", "sigmoid"):
        slope = 1 - value**2 if kind == "tanh" else 4 * value * (1 - value)
        axes = tuple(range(value.ndim - 1))
        return ((slope < SATURATED).mean(axes) > 0.5).mean() if axes else jnp.zeros(())
    return value
