"""The program of a loss in the words of the signal `graph`: operations as PyTorch's autograd names them."""

from __future__ import annotations

from typing import Any

from netvet.capture.jax_events import Differentiation, Session
from netvet.capture.jax_losses import VIEWS, name_of
from netvet.capture.jax_marks import LOSSES
from netvet.capture.jax_program import Operation, Program

# A graph larger than this is cut: the faults that a graph shows lie near the loss or repeat in every layer.
MAX_NODES = 5_000
_OPS = {
    "dot_general": "Mm", "conv_general_dilated": "Convolution", "add": "Add", "add_any": "Add", "sub": "Sub",
    "mul": "Mul", "div": "Div", "neg": "Neg", "max": "Maximum", "min": "Minimum", "exp": "Exp", "exp2": "Exp2",
    "log": "Log", "log1p": "Log1P", "tanh": "Tanh", "logistic": "Sigmoid", "sigmoid": "Sigmoid", "pow": "Pow",
    "integer_pow": "Pow", "square": "Pow", "sqrt": "Sqrt", "rsqrt": "Rsqrt", "reduce_sum": "Sum", "reduce_max": "Amax",
    "reshape": "View", "transpose": "Permute", "squeeze": "Squeeze", "expand_dims": "Unsqueeze",
    "broadcast_in_dim": "Expand", "convert_element_type": "ToCopy", "select_n": "Where", "gather": "Index",
    "concatenate": "Cat", "slice": "Slice", "dynamic_slice": "Slice", "clamp": "Clamp", "abs": "Abs", "copy": "Clone",
    "relu": "Relu", "relu6": "Hardtanh", "log_softmax": "LogSoftmax", "softmax": "Softmax", "gelu": "Gelu",
    "silu": "Silu", "swish": "Silu", "elu": "Elu", "celu": "Celu", "selu": "Elu", "softplus": "Softplus",
    "leaky_relu": "LeakyRelu", "log_sigmoid": "LogSigmoid", "soft_sign": "Softsign", "hard_tanh": "Hardtanh",
    "hard_sigmoid": "Hardsigmoid", "scan": "Scan",
}  # fmt: skip
_LOSS_NODES = {
    "cross_entropy": "CrossEntropy",
    "binary_cross_entropy_with_logits": "BinaryCrossEntropyWithLogits",
    "mse_loss": "MseLoss",
    "huber_loss": "HuberLoss",
    "kl_div": "KlDiv",
}
# What has no derivative: the gradient stops there.
_STOPS = frozenset({
    "stop_gradient", "sign", "floor", "ceil", "round", "argmax", "argmin", "eq", "ne", "lt", "le", "gt", "ge",
    "is_finite", "iota", "random_bits", "and", "or", "not", "shift_right_logical",
})  # fmt: skip


def has_gradient(program: Program, op: Operation) -> bool:
    """Whether a derivative goes through an operation."""
    return op.name not in _STOPS and any(program.is_float(i) for i in op.outputs)


def reached_by_gradient(found: Differentiation) -> set[int]:
    """Values on which the loss depends with a derivative."""
    program = found.program
    values = program.upstream([found.loss_id], lambda op: not has_gradient(program, op))
    return {i for i in values if program.is_float(i)}


def records(found: Differentiation, session: Session) -> list[dict[str, Any]]:
    """Records of the signal `graph`, from the loss (id 0) down; only what leads to a parameter."""
    program = found.program
    parameters = dict(zip(program.arguments, found.leaves, strict=False))
    alive = reached_by_gradient(found) & program.downstream(
        list(parameters), lambda op: not has_gradient(program, op)
    )  # fmt: skip
    waiting, ids, made = [(found.loss_id, 0)], {found.loss_id: 0}, []
    for value, depth in waiting:
        op = program.makers.get(value)
        record: dict[str, Any] = {"backward": str(found.site or "?"), "id": ids[value], "depth": depth}
        if op is None:
            leaf = parameters.get(value)
            record |= {"op": "AccumulateGrad", "next": [], "leaf": "parameter" if leaf else "input"}
            if leaf is not None:
                record |= {"parameter": leaf.name, "shape": outputs_first(program, value)}
            made.append(record)
            continue
        ways = [i for i in dict.fromkeys(op.inputs) if i in alive]
        for way in ways:
            if way not in ids and len(ids) < MAX_NODES:
                ids[way] = len(ids)
                waiting.append((way, depth + 1))
        site = op.site
        record |= {
            "op": node_name(program, op, session), "next": [ids[i] for i in ways if i in ids],
            "module": op.scope.partition("/")[2] or None, "function": name_of(op, session),
            "file": site.file if site else None, "line": site.line if site else None, "saved": {},
        }  # fmt: skip
        made.append(record)
    return made


def node_name(program: Program, op: Operation, session: Session) -> str:
    """What PyTorch would call the node of an operation."""
    name = name_of(op, session)
    if name in LOSSES:
        return _LOSS_NODES.get(LOSSES[name], "Loss")
    if name == "max" and any(i in program.known and _is_zero(program.known[i]) for i in op.inputs):
        return "Relu"
    if op.name == "dot_general" and op.params["dimension_numbers"][1][0]:
        return "Bmm"
    if op.name == "select_n" and "ropout" in op.scope:
        return "NativeDropout"
    return _OPS.get(name, name.title().replace("_", ""))


def _is_zero(value: Any) -> bool:
    return getattr(value, "shape", ()) == () and value == 0


def outputs_first(program: Program, value: int) -> list[int]:
    """Shape of a parameter as PyTorch has it: outputs first, by how the program uses it."""
    shape = list(program.shape(value))
    for op, operand in _uses(program, value):
        if op.name == "dot_general" and len(shape) == 2:
            contracted = op.params["dimension_numbers"][0][op.inputs.index(operand)]
            turned = program.shape(operand) != tuple(shape)
            return shape[::-1] if (tuple(contracted) == (0,)) != turned else shape
        if op.name == "conv_general_dilated" and operand == op.inputs[1]:
            order = op.params["dimension_numbers"].rhs_spec
            return [program.shape(operand)[i] for i in order]
    return shape


def _uses(program: Program, value: int) -> list[tuple[Operation, int]]:
    """Operations that take a value, also behind views of it, with what they take."""
    waiting, found = [value], []
    for one in waiting:
        for op in program.users.get(one, ()):
            if op.name in VIEWS - {"gather"} and op.inputs[0] == one:
                waiting += [o for o in op.outputs if o not in waiting]
            else:
                found.append((op, one))
    return found


def kind_of(program: Program, value: int) -> str | None:
    """Class of the layer that a parameter belongs to, by its use: `Linear`, `Conv2d`, `Embedding`; None for others."""
    for op, operand in _uses(program, value):
        if op.name == "conv_general_dilated" and operand == op.inputs[1]:
            return f"Conv{len(program.shape(value)) - 2}d"
        if op.name == "dot_general":
            return "Linear"
        if op.name == "gather" and operand == op.inputs[0] and len(program.shape(value)) == 2:
            return "Embedding"
    return None


def layer_outputs(found: Differentiation) -> dict[str, int]:
    """What each layer with weights gives, by the name of the layer: behind the bias, if one is added."""
    program, outputs = found.program, {}
    parameters = dict(zip(program.arguments, found.leaves, strict=False))
    for value, leaf in parameters.items():
        kind = kind_of(program, value)
        if kind not in ("Linear", "Conv1d", "Conv2d", "Conv3d"):
            continue
        for op, _ in _uses(program, value)[:1]:
            result = op.outputs[0]
            for user in program.users.get(result, ()):
                others = [i for i in user.inputs if i != result]
                if user.name == "add" and others and program.behind(others[0], VIEWS)[0] in parameters:
                    result = user.outputs[0]
            outputs[layer_of(leaf.name)] = result
    return outputs


def layer_of(name: str) -> str:
    """The layer of a parameter: `Dense_0` of `Dense_0.kernel`."""
    return name.rpartition(".")[0] or name
