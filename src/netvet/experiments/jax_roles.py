"""What the arrays are that a loss of JAX takes: samples, targets, random keys, and what stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from netvet.capture.jax_events import Differentiation
from netvet.capture.jax_losses import VIEWS, LossFound
from netvet.capture.jax_program import Operation, Program
from netvet.capture.jax_setup import Inputs, Step, is_key
from netvet.core import NetvetError

# Steps that are compared to see which arrays change from one to the next.
COMPARED = 5
# Operations that make a key of a key's numbers, or draw with them as they are.
_OF_KEYS = frozenset({"random_wrap", "threefry2x32", "rng_bit_generator"})
_DRAWING = frozenset({"random_bits", "threefry2x32", "random_gamma", "rng_bit_generator", "rng_uniform"})
_COMPARE = frozenset({"lt", "le", "gt", "ge"})


@dataclass(frozen=True)
class Dropped:
    """A place where activations are dropped at random.

    Args:
        output: what is left of the activations `given`; `rate`: share that the program drops.
    """

    name: str
    output: int
    given: int
    rate: float


@dataclass(frozen=True)
class LossRoles:
    """Numbers of the values that a loss takes beside the parameters.

    Args:
        inputs: samples that enter the net; `targets`: what its outputs are compared with, the main one first.
        size: samples of the first batch.
        keys: random keys; `fixed`: all else, which stays as it is at the first step.
        moving: those of `fixed` that the program itself changes from step to step.
        output: outputs of the net, which the loss compares; None where they are not known.
    """

    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    size: int
    keys: tuple[int, ...]
    fixed: tuple[int, ...]
    moving: tuple[int, ...]
    output: int | None
    dropped: tuple[Dropped, ...]

    @property
    def batch(self) -> tuple[int, ...]:
        """All that has samples."""
        return self.inputs + self.targets

    def sized(self, program: Program) -> frozenset[int]:
        """All that is as long as the batch, keys of its samples among it."""
        return frozenset(self.batch) | {i for i in self.keys if is_sized(program, i, self.size)}


def roles_of(found: Differentiation, steps: Sequence[Step]) -> LossRoles:
    """Tell what the arrays are, by what becomes of them in the program and by which of them change.

    Raises:
        NetvetError: no array with samples enters the net.
    """
    program = found.program
    parameters = program.arguments[: len(found.leaves)]
    taken = list(steps[0].inputs)
    keys = tuple(i for i in taken if _is_key(program, i))
    changing = _changing(steps)
    arrays = [i for i in taken if i not in keys and program.shape(i)]
    main = main_loss(found)
    entering = program.upstream(found.options.get("inputs", ()) or ([main.given] if main else []))
    size = _size([i for i in arrays if i in entering], changing, steps[0].inputs)
    long = [i for i in arrays if program.shape(i)[0] == size]
    batch = [i for i in long if i in changing] or long
    above = program.upstream([main.given]) if main is not None else entering
    compared = program.upstream([main.target]) if main is not None and main.target is not None else set()
    targets = sorted((i for i in batch if i not in above), key=lambda i: i not in compared)
    fixed = tuple(i for i in taken if i not in keys and i not in batch)
    return LossRoles(
        tuple(i for i in batch if i in above), tuple(targets), size, keys, fixed,
        tuple(i for i in fixed if i in changing), main.given if main is not None else None,
        tuple(dropped(program, parameters)),
    )  # fmt: skip


def main_loss(found: Differentiation) -> LossFound | None:
    """The loss function whose targets are known, else any."""
    losses: list[LossFound] = [one for one in found.options.get("losses", ()) if found.program.shape(one.given)]
    return next((one for one in losses if one.target is not None), next(iter(losses), None))


def is_sized(program: Program, value: int, size: int) -> bool:
    """The first axis is as long as a batch (that of the numbers of one raw key is none)."""
    shape = program.shape(value)
    return bool(shape) and shape[0] == size and (is_key(program.avals[value].dtype) or len(shape) > 1)


def _is_key(program: Program, value: int) -> bool:
    if is_key(getattr(program.avals[value], "dtype", None)):
        return True
    if program.dtype(value) != "uint32":
        return False
    behind = program.downstream([value], lambda op: op.name not in VIEWS | _OF_KEYS)
    return any(op.name in _OF_KEYS for i in behind for op in program.users.get(i, ()))


def _changing(steps: Sequence[Step]) -> set[int]:
    first, found = steps[0].inputs, set()
    for step in steps[1:COMPARED]:
        for i, value in first.items():
            other = step.inputs.get(i)
            if other is not None and (other.shape != value.shape or other.tobytes() != value.tobytes()):
                found.add(i)
    return found


def _size(entering: Collection[int], changing: Collection[int], first: Inputs) -> int:
    """Samples of a batch: the length of the largest array that enters the net, of those that change if any do."""
    arrays = [i for i in entering if i in changing] or list(entering)
    if not arrays:
        raise NetvetError("no array with samples could be told from the others that its loss takes")
    return len(first[max(arrays, key=lambda i: first[i].size)])


def dropped(program: Program, parameters: Iterable[int]) -> list[Dropped]:
    """Where a share of the activations is put to zero, the rest divided by what is kept (`where(mask, x / q, 0)`)."""
    dependent = program.downstream(parameters)
    drawn = program.downstream([o for op in program.operations if op.name in _DRAWING for o in op.outputs])
    keep: dict[int, float] = {}
    found: list[Dropped] = []
    for op in program.operations:
        if op.name in _COMPARE and drawn.intersection(op.inputs) and not dependent.intersection(op.inputs):
            level = _number(program, op.inputs[-1])
            if level is not None and 0.0 < level < 1.0:
                keep[op.outputs[0]] = level
        elif op.name in VIEWS and op.inputs[0] in keep:
            keep[op.outputs[0]] = keep[op.inputs[0]]
        elif op.name == "select_n" and op.inputs[0] in keep and len(op.inputs) == 3 and op.inputs[2] in dependent:
            made, share = program.makers.get(op.inputs[2]), keep[op.inputs[0]]
            if made is not None and _number(program, op.inputs[1]) == 0.0 and _scales(program, made, share):
                name = op.scope.rpartition("/")[2] or "dropout"
                found.append(Dropped(f"{name}_{len(found)}", op.outputs[0], made.inputs[0], round(1.0 - share, 6)))
    return found


def _scales(program: Program, op: Operation, keep: float) -> bool:
    """An operation makes up for what is dropped behind it."""
    factor = _number(program, op.inputs[1]) if len(op.inputs) == 2 else None
    wanted = {"div": keep, "mul": 1.0 / keep}.get(op.name)
    return factor is not None and wanted is not None and abs(factor - wanted) < 1e-3 * wanted


def _number(program: Program, value: int) -> float | None:
    """The one number that a constant is made of."""
    while value not in program.known:
        maker = program.makers.get(value)
        if maker is None or maker.name not in VIEWS:
            return None
        value = maker.inputs[0]
    try:
        found = np.asarray(program.known[value], dtype=np.float64)
    except (TypeError, ValueError):  # an array that is only traced
        return None
    return float(found.reshape(-1)[0]) if found.size and bool((found == found.reshape(-1)[0]).all()) else None


def required(
    program: Program, result: int, given: Collection[int], instead: Mapping[int, int]
) -> tuple[list[Operation], set[int]]:
    """The operations that make a result of what is given, in their order, and all values that they need.

    Args:
        instead: outputs of operations that are made of one value alone, with that value.
    """
    needed: set[int] = set()
    waiting = [result]
    while waiting:
        value = waiting.pop()
        if value in needed:
            continue
        needed.add(value)
        maker = program.makers.get(value)
        if maker is not None and value not in given:
            waiting += [instead[value]] if value in instead else maker.inputs
    chosen = [op for op in program.operations if any(o in needed and o not in given for o in op.outputs)]
    return chosen, needed
