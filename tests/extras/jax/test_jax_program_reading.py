"""What is read off the program of a loss: losses by name and by arithmetic, the graph, modes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netvet.capture.jax_events import Differentiation, Leaf, Session
from netvet.capture.jax_graph import kind_of, outputs_first, reached_by_gradient, records
from netvet.capture.jax_losses import LossFound, Reader
from netvet.capture.jax_modes import active_modes
from netvet.capture.jax_names import path_name
from netvet.capture.jax_program import Program, Unwatchable, program_of

W = jnp.ones((4, 3)) * 0.1
X = jnp.arange(20.0).reshape(5, 4)
LABELS = jnp.array([0, 1, 2, 1, 0])


class _Recorder:
    here = True


def read(loss: Any, *arguments: Any) -> tuple[Program, list[LossFound]]:
    program = program_of(jax.make_jaxpr(loss)(*arguments))
    return program, Reader(program, Session(_Recorder()), program.arguments[:1], program.results).losses()  # type: ignore[arg-type]


def sole(loss: Any, *arguments: Any) -> LossFound:
    _, losses = read(loss, *arguments)
    assert len(losses) == 1
    return losses[0]


def test_the_program_gives_what_the_function_gives() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        return -jnp.mean(jax.nn.log_softmax(jax.nn.relu(x @ w))[jnp.arange(5), y])

    program, _ = read(loss, W, X, LABELS)
    values = program.evaluate([W, X, LABELS])
    assert values[program.results[0]] == loss(W, X, LABELS)


def test_cross_entropy_by_one_hot_rows_has_the_class_numbers_as_target() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        return -jnp.mean(jnp.sum(jax.nn.one_hot(y, 3) * jax.nn.log_softmax(x @ w), axis=-1))

    found = sole(loss, W, X, LABELS)
    assert (found.function, found.labels, found.op) == ("cross_entropy", True, "linear")


def test_cross_entropy_by_chosen_entries_has_the_class_numbers_as_target() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(x @ w), y[:, None], axis=1).mean()

    program, losses = read(loss, W, X, LABELS)
    assert [(x.function, x.labels, x.target) for x in losses] == [("cross_entropy", True, program.arguments[2])]


def test_log_softmax_over_the_samples_is_not_taken_for_cross_entropy_over_classes() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        return -jnp.mean(jnp.sum(jax.nn.one_hot(y, 3) * jax.nn.log_softmax(x @ w, axis=0), axis=-1))

    found = sole(loss, W, X, LABELS)
    assert (found.function, found.op, found.dim) == ("nll_loss", "log_softmax", 0)


def test_a_softmax_that_is_written_out_is_known() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        p = jax.nn.softmax(x @ w)
        return -jnp.mean(jax.nn.log_softmax(p)[jnp.arange(5), y])

    assert sole(loss, W, X, LABELS).op == "softmax"


@pytest.mark.parametrize(("column", "broadcast"), [(True, True), (False, False)])
def test_shapes_are_those_before_the_broadcast(column: bool, broadcast: bool) -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        return jnp.mean((x @ w if column else (x @ w)[:, 0]) - y) ** 2 + jnp.mean(
            ((x @ w if column else (x @ w)[:, 0]) - y) ** 2
        )

    program, losses = read(loss, W[:, :1], X, jnp.zeros(5))
    found = losses[0]
    assert found.function == "mse_loss"
    assert found.broadcast is broadcast
    assert program.shape(found.target or 0) == (5,)


def test_a_variance_within_the_net_is_no_loss() -> None:
    def loss(w: Any, x: Any) -> Any:
        h = x @ w
        return jnp.sum((h - h.mean(0)) ** 2)

    assert read(loss, W, X)[1] == []


def test_weight_decay_is_no_loss_that_compares() -> None:
    assert read(lambda w: jnp.sum(w**2), W)[1] == []


def test_binary_cross_entropy_by_hand_is_known() -> None:
    def loss(w: Any, x: Any, y: Any) -> Any:
        p = jax.nn.sigmoid(x @ w)[:, 0]
        return -jnp.mean(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))

    _, losses = read(loss, W, X, jnp.ones(5))
    assert {x.function for x in losses} == {"binary_cross_entropy"}
    assert {x.op for x in losses} == {"sigmoid"}


def described(loss: Any, *arguments: Any) -> Differentiation:
    program = program_of(jax.make_jaxpr(loss)(*arguments))
    leaves = [Leaf(f"w{i}", np.shape(a), "float32") for i, a in enumerate(jax.tree.leaves(arguments[0]))]
    found = Differentiation(None, "loss", program, leaves)
    found.loss_id = program.results[0]
    return found


def test_no_gradient_passes_stop_gradient() -> None:
    def loss(ws: Any, x: Any) -> Any:
        return (jax.lax.stop_gradient(jnp.tanh(x @ ws[0])) @ ws[1]).sum()

    found = described(loss, [W, jnp.ones((3, 2))], X)
    reached = reached_by_gradient(found)
    assert [a in reached for a in found.program.arguments[:2]] == [False, True]


def test_the_graph_names_operations_as_autograd_does() -> None:
    def loss(ws: Any, x: Any) -> Any:
        return (jnp.tanh(x @ ws[0]) @ ws[1]).sum()

    found = described(loss, [W, jnp.ones((3, 2))], X)
    nodes = records(found, Session(_Recorder()))  # type: ignore[arg-type]
    assert [n["op"] for n in nodes] == ["Sum", "Mm", "Tanh", "AccumulateGrad", "Mm", "AccumulateGrad"]
    assert [n.get("parameter") for n in nodes if n["op"] == "AccumulateGrad"] == ["w1", "w0"]


def test_weights_have_their_outputs_first() -> None:
    program = program_of(jax.make_jaxpr(lambda w, v, x: ((x @ w) @ v.T).sum())(W, jnp.ones((2, 3)), X))
    assert [outputs_first(program, a) for a in program.arguments[:2]] == [[3, 4], [2, 3]]
    assert [kind_of(program, a) for a in program.arguments[:2]] == ["Linear", "Linear"]


def test_dropout_is_told_from_noise_that_is_added() -> None:
    def dropped(w: Any, x: Any, key: Any) -> Any:
        h = x @ w
        return jnp.where(jax.random.bernoulli(key, 0.5, h.shape), h * 2, 0.0).sum()

    def noisy(w: Any, x: Any, key: Any) -> Any:
        h = x @ w
        return (h + jnp.exp(h) * jax.random.normal(key, h.shape)).sum()

    key = jax.random.key(0)
    found = [program_of(jax.make_jaxpr(f)(W, X, key)) for f in (dropped, noisy)]
    assert [active_modes(p, p.arguments[:1])[0] for p in found] == [True, False]


def test_batch_statistics_are_told_from_those_of_a_layer() -> None:
    def normed(axis: int) -> Any:
        def net(ws: Any, x: Any) -> Any:
            h = x @ ws[0]
            h = (h - h.mean(axis, keepdims=True)) * jax.lax.rsqrt(h.var(axis, keepdims=True) + 1e-5)
            return (h @ ws[1]).sum()

        return net

    ws = [W, jnp.ones((3, 2))]
    found = [program_of(jax.make_jaxpr(normed(axis))(ws, X)) for axis in (0, 1)]
    assert [active_modes(p, p.arguments[:2])[1] for p in found] == [True, False]


def test_what_calls_back_into_python_is_left_alone() -> None:
    def loss(w: Any) -> Any:
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        return jax.experimental.io_callback(lambda v: np.float32(v.sum()), shape, w)

    with pytest.raises(Unwatchable, match="calls back"):
        program_of(jax.make_jaxpr(loss)(W))


@pytest.mark.parametrize(
    ("tree", "name"),
    [({"params": {"Dense_0": {"kernel": W}}}, "Dense_0.kernel"), ([(W,)], "0.0"), (W, "parameter")],
)
def test_parameters_are_called_by_their_path(tree: Any, name: str) -> None:
    path, _ = jax.tree_util.tree_leaves_with_path((tree,))[0]
    assert path_name(path, sole=True) == name
