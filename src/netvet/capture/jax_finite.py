"""The operation that made the first NaN or infinity of a loss, from flags that each look hands out."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from netvet.capture.jax_compared import place
from netvet.capture.jax_events import Look, Session
from netvet.capture.jax_graph import node_name
from netvet.capture.jax_program import Operation, Program

# Operations that have edges, with the operand that decides: the logarithm's own, and what is divided by.
_EDGED = {"log": 0, "log1p": 0, "sqrt": 0, "rsqrt": 0, "div": 1, "pow": 0, "exp": 0, "exp2": 0, "acos": 0, "asin": 0,
          "atanh": 0, "erf_inv": 0, "integer_pow": 0}  # fmt: skip


def edged(program: Program) -> list[Operation]:
    """Operations that are not finite everywhere, nor are their derivatives."""
    return [op for op in program.operations if op.name in _EDGED and program.is_float(op.inputs[_operand(op)])]


def _operand(op: Operation) -> int:
    return min(_EDGED.get(op.name, 0), len(op.inputs) - 1)


def flags(program: Program, values: dict[int, Any]) -> dict[str, Any]:
    """Under a trace: whether each value is finite, and the reach of the operands that decide."""
    watched = [i for i in sorted(values) if program.is_float(i) and 0 not in program.shape(i)]
    finite = [jnp.isfinite(jnp.asarray(values[i])).all() for i in watched]
    reach = []
    for op in edged(program):
        operand = jnp.asarray(values[op.inputs[_operand(op)]]).astype(jnp.float32)
        reach.append(jnp.stack([operand.min(), operand.max()]) if operand.size else jnp.zeros(2))
    return {
        "ids": jnp.asarray(watched), "finite": jnp.stack(finite) if finite else jnp.zeros(0, bool),
        "reach": jnp.stack(reach) if reach else jnp.zeros((0, 2)),
    }  # fmt: skip


class FirstNonFinite:
    """Records `first_non_finite`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.done = False

    def hear(self, _place: Any, look: Look, step: int) -> None:
        """Look closely at the first loss or gradient that is not finite."""
        if self.done or look.flags is None:
            return
        bad_loss = not np.isfinite(np.asarray(look.loss, dtype=np.float64)).all()
        bad = [i for i, g in enumerate(look.gradients) if not np.isfinite(np.asarray(g, dtype=np.float64)).all()]
        if not bad_loss and not bad:
            return
        self.done = True
        program = look.of.program
        finite = dict(
            zip(np.asarray(look.flags["ids"]).tolist(), np.asarray(look.flags["finite"]).tolist(), strict=True)
        )
        reach = dict(zip(edged(program), np.asarray(look.flags["reach"], dtype=np.float64).tolist(), strict=True))
        found = self._forward(program, finite, reach, look) or self._backward(program, reach)
        if found is not None:
            self._session.recorder.facts("first_non_finite", [{"step": step, **found}])

    def _forward(
        self, program: Program, finite: dict[int, bool], reach: dict[Operation, list[float]], look: Look
    ) -> dict[str, Any] | None:
        weights = program.arguments[: len(look.of.leaves)]
        given = [*program.arguments, *program.known]
        wrong = [i for i in given if not finite.get(i, True)]
        if any(i in program.arguments for i in wrong):
            from_weights = any(i in weights for i in wrong)
            return {"op": None, "phase": "forward", "from_weights": from_weights, "from_input": not from_weights}
        for op in program.operations:
            if all(finite.get(i, True) for i in op.inputs) and not all(finite.get(i, True) for i in op.outputs):
                return self._record(program, op, reach.get(op), "forward")
        return None

    def _backward(self, program: Program, reach: dict[Operation, list[float]]) -> dict[str, Any] | None:
        """The loss is finite and a gradient is not: an operand stands where a derivative is infinite."""
        for op, (low, high) in reach.items():
            if (op.name in ("sqrt", "rsqrt", "log", "pow") and low <= 0) or (op.name == "div" and low <= 0 <= high):
                return self._record(program, op, [low, high], "backward")
        return None

    def _record(self, program: Program, op: Operation, reach: list[float] | None, phase: str) -> dict[str, Any]:
        low, high = reach if reach is not None else (None, None)
        return {
            "op": node_name(program, op, self._session), "phase": phase, "module": op.scope or None,
            **place(op.site), "operand_min": low, "operand_max": high, "from_input": False, "from_weights": False,
        }  # fmt: skip
