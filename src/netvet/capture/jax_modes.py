"""Whether dropout draws or batch norm takes the statistics of the batch in a program, by its arithmetic."""

from __future__ import annotations

from netvet.capture.jax_losses import VIEWS
from netvet.capture.jax_program import Operation, Program

_RANDOM = frozenset({"random_bits", "threefry2x32", "random_gamma", "rng_bit_generator", "rng_uniform"})
_COMPARE = frozenset({"lt", "le", "gt", "ge"})


def active_modes(program: Program, parameters: list[int]) -> tuple[bool, bool]:
    """Dropout is on; batch norm uses the batch. Of what the results depend on."""
    dependent = program.downstream(parameters)
    leading = program.upstream(program.results)
    return _dropout(program, dependent, leading), _batch_norm(program, parameters, dependent, leading)


def _dropout(program: Program, dependent: set[int], leading: set[int]) -> bool:
    """Activations are kept or dropped by a comparison of random numbers."""
    drawn = program.downstream([o for op in program.operations if op.name in _RANDOM for o in op.outputs])
    masks: set[int] = set()
    for op in program.operations:
        compared = op.name in _COMPARE and drawn.intersection(op.inputs) and not dependent.intersection(op.inputs)
        if compared or (op.name in VIEWS and op.inputs[0] in masks):
            masks.update(op.outputs)
        elif op.name in ("select_n", "mul", "div") and masks.intersection(op.inputs):
            if dependent.intersection(op.inputs) and leading.intersection(op.outputs):
                return True
            if op.name != "select_n":
                masks.update(op.outputs)
    return False


def _batch_norm(program: Program, parameters: list[int], dependent: set[int], leading: set[int]) -> bool:
    """Activations are divided by their spread over the samples, and layers with weights follow."""
    means: set[int] = set()
    for op in program.operations:
        if op.name == "reduce_sum" and _over_samples(program, op) and op.inputs[0] in dependent:
            means.update(op.outputs)
    if not means:
        return False
    spread = program.downstream(means, lambda op: op.name in ("dot_general", "conv_general_dilated"))
    for op in program.operations:
        if op.name == "rsqrt" and op.inputs[0] in spread and leading.intersection(op.outputs):
            after = program.downstream(op.outputs)
            if any(
                layer.name in ("dot_general", "conv_general_dilated")
                and after.intersection(layer.inputs)
                and any(program.behind(i, VIEWS)[0] in parameters for i in layer.inputs)
                for layer in program.operations
            ):
                return True
    return False


def running_statistics(program: Program, parameters: list[int]) -> list[tuple[int, int, Operation]]:
    """Means and variances that are neither parameters nor made here, with which activations are normalised.

    Returns:
        The values of a mean and a variance of one shape, and the operation that subtracts the mean.
    """
    dependent = program.downstream(parameters)
    free = {i for i in (*program.arguments, *program.known) if i not in dependent and program.shape(i)}
    found, centred = [], {}
    for op in program.operations:
        if op.name == "sub" and op.inputs[0] in dependent:
            mean = _source(program, op.inputs[1])
            if mean in free:
                centred[program.shape(mean)] = mean, op
        elif op.name in ("rsqrt", "sqrt"):
            variance = _source(program, op.inputs[0])
            if variance in free and program.shape(variance) in centred:
                found.append((centred[program.shape(variance)][0], variance, centred[program.shape(variance)][1]))
    return found


def _source(program: Program, value: int) -> int:
    """Where an array comes from, behind views and what is added to it; constants too."""
    while (op := program.makers.get(value)) is not None and op.name in VIEWS | {"add", "max"}:
        arrays = [i for i in op.inputs if program.shape(i)]
        if len(arrays) != 1:
            break
        value = arrays[0]
    return value


def _over_samples(program: Program, op: Operation) -> bool:
    axes, shape = op.params.get("axes", ()), program.shape(op.inputs[0])
    return 0 in axes and len(shape) > len(axes) and len(shape) >= 2
