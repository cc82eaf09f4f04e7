"""Which operations of a program are loss functions, by name or by their arithmetic, and what they compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netvet.capture.jax_events import MarkedCall, Session
from netvet.capture.jax_marks import LOSSES
from netvet.capture.jax_program import MARK, Operation, Program
from netvet.capture.site import Site

# Operations that hand values on as they are.
VIEWS = frozenset({
    "reshape", "squeeze", "expand_dims", "transpose", "broadcast_in_dim", "convert_element_type", "copy", "copy_p",
    "slice", "reduce_precision", "rev", "gather", "dynamic_slice", "sharding_constraint", "optimization_barrier",
})  # fmt: skip
_SHAPED = ("reshape", "broadcast_in_dim", "convert_element_type", "squeeze", "expand_dims")
_NAMES = {"logistic": "sigmoid", "conv_general_dilated": "convolution", "exp": "exp", "integer_pow": "pow"}


@dataclass(slots=True)
class LossFound:
    """A loss function in a program.

    Args:
        function: its name in PyTorch.
        given, target: what it compares; None for a target that could not be told.
        labels: the target is the number of the right class.
        axis: of the classes in `given`, from the end; None where there are none.
        op: what made `given`; `dim`: the axis of that, if it is a softmax.
    """

    function: str
    given: int
    target: int | None
    value: int
    site: Site | None
    labels: bool = False
    axis: int | None = None
    op: str | None = None
    dim: int | None = None
    op_site: Site | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    broadcast: bool = False


def call_of(op: Operation, session: Session) -> MarkedCall | None:
    """What a marked operation stands for."""
    return session.calls.get(int(op.name.removeprefix(MARK))) if op.name.startswith(MARK) else None


def name_of(op: Operation, session: Session) -> str:
    """The name of an operation: that of the marked function, or of the primitive."""
    call = call_of(op, session)
    return call.function if call is not None else _NAMES.get(op.name, op.name)


class Reader:
    """Reads the losses of one program.

    Args:
        roots: values that what is compared must depend on: the parameters.
        results: values that losses must lead to; all that there are without them.
    """

    def __init__(self, program: Program, session: Session, roots: list[int], results: list[int]) -> None:
        self._program, self._session = program, session
        self._dependent = program.downstream(roots)
        self._leading = program.upstream(results)

    def losses(self) -> list[LossFound]:
        """All losses, in the order of the program; what is within another one is left out."""
        found: list[LossFound] = []
        for op in self._program.operations:
            if self._leading.intersection(op.outputs) and self._dependent.intersection(op.inputs):
                found += self._by_name(op) or self._by_arithmetic(op)
        seen: dict[tuple[str, int], LossFound] = {}
        for one in found:
            seen.setdefault((one.function, one.given), one)
        return [self._with_origin(one) for one in seen.values()]

    def _by_name(self, op: Operation) -> list[LossFound]:
        call = call_of(op, self._session)
        function = LOSSES.get(call.function) if call is not None else None
        if call is None or function is None:
            return []
        given, target = op.inputs[0], op.inputs[1] if len(op.inputs) > 1 else None
        labels = call.function == "softmax_cross_entropy_with_integer_labels"
        if target is not None and not labels:
            target, labels = self._numbers_behind(target)
        axis = call.settings.get("axis", -1) if function in ("cross_entropy", "kl_div") else None
        axis = axis if isinstance(axis, int) else -1 if axis is not None else None
        one = LossFound(function, given, target, op.outputs[0], call.site or op.site, labels, axis)
        one.settings = dict(call.settings)
        one.broadcast = target is not None and not labels and self._wider(op.outputs[0], given, target)
        return [one]

    def _wider(self, result: int, given: int, target: int) -> bool:
        size = _size(self._program.shape(result))
        return size > max(_size(self._program.shape(given)), _size(self._program.shape(target)))

    def _by_arithmetic(self, op: Operation) -> list[LossFound]:
        name = name_of(op, self._session)
        if name == "log_softmax":
            return self._classes(op)
        if name == "log":
            return self._logarithm(op)
        square = name in ("square",) or (op.name == "integer_pow" and op.params.get("y") == 2)
        square = square or (op.name == "mul" and len(op.inputs) == 2 and op.inputs[0] == op.inputs[1])
        if square or name == "abs":
            return self._distance(op, "mse_loss" if square else "l1_loss")
        return []

    def _distance(self, op: Operation, function: str) -> list[LossFound]:
        difference = self._program.makers.get(op.inputs[0])
        if difference is None or difference.name != "sub":
            return []
        sides = [(i, i in self._dependent) for i in difference.inputs]
        if sum(d for _, d in sides) != 1:
            return []
        given = next(i for i, d in sides if d)
        target = next(i for i, d in sides if not d)
        if not self._program.shape(given) or (target in self._program.known and not self._program.shape(target)):
            return []
        site = op.site
        one = LossFound(
            function, self._before(given, difference), self._before(target, difference), op.outputs[0], site
        )
        one.broadcast = self._wider(difference.outputs[0], one.given, one.target or 0)
        return [one]

    def _before(self, value: int, op: Operation) -> int:
        """The operand of an arithmetic operation before it was broadcast to the shape of the other."""
        while (maker := self._program.makers.get(value)) is not None and maker.name in _SHAPED:
            if maker.site != op.site or (maker.inputs[0] in self._program.known and not self._program.shape(value)):
                break
            value = maker.inputs[0]
        return value

    def _classes(self, op: Operation) -> list[LossFound]:
        """Cross-entropy by hand: a log-softmax that is multiplied with one-hot rows or from which labels choose."""
        target, labels = self._partner(op.outputs[0])
        if target is None:
            return []
        call = call_of(op, self._session)
        axis = call.settings.get("axis", -1) if call is not None else self._reduced(op)
        shape = self._program.shape(op.inputs[0])
        if axis in (-1, len(shape) - 1):
            return [LossFound("cross_entropy", op.inputs[0], target, op.outputs[0], op.site, labels, -1)]
        return [LossFound("nll_loss", op.outputs[0], target, op.outputs[0], op.site, labels, -1)]

    def _reduced(self, op: Operation) -> int:
        body = getattr(op.params.get("jaxpr"), "jaxpr", None)
        axes = [
            e.params.get("axes") for e in (body.eqns if body is not None else ()) if e.primitive.name == "reduce_max"
        ]
        return int(axes[0][0]) if axes and axes[0] else -1

    def _logarithm(self, op: Operation) -> list[LossFound]:
        """The negative log-likelihood of probabilities: of classes, or of yes and no."""
        p = op.inputs[0]
        target, labels = self._partner(op.outputs[0])
        if target is None or len(self._program.shape(p)) == 0:
            return []
        if self._has_complement(p):
            return [LossFound("binary_cross_entropy", p, target, op.outputs[0], op.site)]
        maker = self._program.makers.get(self._program.behind(p, VIEWS | {"add", "max", "min", "clamp", "clip"})[0])
        if maker is not None and (name_of(maker, self._session) == "softmax" or self._softmax_axis(maker) is not None):
            return [LossFound("nll_loss", op.outputs[0], target, op.outputs[0], op.site, labels, -1)]
        return []

    def _has_complement(self, p: int) -> bool:
        """The logarithm of 1 - p is taken as well."""
        for one in self._program.operations:
            if one.name == "log":
                value, passed = self._program.behind(one.inputs[0], {"sub", "add", "max", "min", "clamp"})
                source, _ = self._program.behind(p, {"add", "max", "min", "clamp"})
                if value in (p, source) and any(o.name == "sub" and o.inputs[0] in self._program.known for o in passed):
                    return True
            elif one.name == "log1p":
                value, passed = self._program.behind(one.inputs[0], {"neg"})
                if value == p and passed:
                    return True
        return False

    def _partner(self, value: int) -> tuple[int | None, bool]:
        """What log-probabilities are multiplied with, or the labels that choose among them."""
        waiting, seen = [value], set()
        while waiting:
            one = waiting.pop()
            for op in self._program.users.get(one, ()):
                if op in seen:
                    continue
                seen.add(op)
                others = [i for i in op.inputs if i not in self._dependent and i != one]
                if op.name == "gather" and others:
                    return self._labels(others[-1])
                if op.name == "mul" and others and self._program.shape(others[0]):
                    return self._numbers_behind(self._before(others[0], op))
                if op.name in VIEWS | {"neg", "select_n"}:
                    waiting += op.outputs
        return None, False

    def _labels(self, indices: int) -> tuple[int | None, bool]:
        """The integers given by the user from which indices were made."""
        program = self._program
        found = [
            i
            for i in program.upstream([indices])
            if i not in program.makers and program.shape(i) and "int" in program.dtype(i)
        ]
        moving = [i for i in found if i in program.arguments] or found
        return (moving[0], True) if len(moving) == 1 else (None, True)

    def _numbers_behind(self, target: int) -> tuple[int, bool]:
        """Class numbers where the target is made of them by one-hot coding, else the target as it is."""
        value, _ = self._program.behind(target, VIEWS - {"gather", "slice"})
        maker = self._program.makers.get(value)
        if maker is not None and name_of(maker, self._session) == "one_hot":
            return maker.inputs[0], True
        if maker is not None and maker.name == "eq":
            whole = [i for i in maker.inputs if "int" in self._program.dtype(i)]
            sources = [self._program.behind(i, VIEWS)[0] for i in whole]
            made = [s for s in sources if (m := self._program.makers.get(s)) is None or m.name != "iota"]
            if len(whole) == 2 and len(made) == 1:
                return made[0], True
        return target, False

    def _with_origin(self, one: LossFound) -> LossFound:
        value, passed = self._program.behind(one.given, VIEWS)
        op = self._program.makers.get(value)
        if op is None:
            return one
        one.op, one.op_site = name_of(op, self._session), op.site
        axis = self._softmax_axis(op)
        call = call_of(op, self._session)
        if call is not None:
            one.op_site = call.site or one.op_site
        if axis is not None:
            one.op = "softmax"
        elif one.op in ("softmax", "log_softmax"):
            axis = call.settings.get("axis", -1) if call is not None else self._reduced(op)
        if isinstance(axis, int) and not any(o.name == "transpose" for o in passed):
            one.dim = axis % max(len(self._program.shape(value)), 1)
        if (op.name == "add" and any(self._makes_linear(i) for i in op.inputs)) or self._makes_linear(value):
            one.op = "linear"
        return one

    def _makes_linear(self, value: int) -> bool:
        maker = self._program.makers.get(self._program.behind(value, ("reshape", "squeeze"))[0])
        return maker is not None and maker.name in ("dot_general", "conv_general_dilated")

    def _softmax_axis(self, op: Operation) -> int | None:
        """The axis of a softmax that is written out: exp(x) over its own sum."""
        if op.name != "div":
            return None
        top = self._program.makers.get(op.inputs[0])
        below = self._program.makers.get(self._program.behind(op.inputs[1], VIEWS)[0])
        if top is None or below is None or top.name != "exp" or below.name != "reduce_sum":
            return None
        axes = below.params.get("axes", ())
        return int(axes[0]) if below.inputs[0] == op.inputs[0] and len(axes) == 1 else None


def _size(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
