"""Evaluations that are not compiled are heard, with the numbers that the program itself finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from netvet.adapters.jax import watch
from netvet.store import Run

X = np.random.default_rng(0).normal(size=(192, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(np.int32)
TRAIN, HELD, SIZE, PASSES = slice(0, 128), slice(128, 192), 32, 3
Scores = list[tuple[float | None, float | None]]


@contextmanager
def run_in(folder: Path) -> Iterator[Any]:
    with watch(store=folder, quiet=True, show=False) as run:
        yield run


def start() -> dict[str, Any]:
    a, b = jax.random.split(jax.random.key(3))
    return {"first": jax.random.normal(a, (6, 16)) * 0.4, "second": jax.random.normal(b, (16, 2)) * 0.3}


def forward(params: Any, x: Any) -> Any:
    return jax.nn.relu(x @ params["first"]) @ params["second"]


def loss_fn(params: Any, x: Any, y: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(forward(params, x), y).mean()


def trained(params: Any, evaluate: Callable[[Any], Any], *, loss: Any = loss_fn) -> Any:
    tx = optax.adam(1e-2)

    @jax.jit
    def step(params: Any, state: Any, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    state = tx.init(params)
    for _ in range(PASSES):
        for i in range(0, 128, SIZE):
            params, state, _ = step(params, state, X[i : i + SIZE], Y[i : i + SIZE])
        evaluate(params)
    return params


def by_named_loss(scores: Scores) -> None:
    def evaluate(params: Any) -> None:
        scores.append((float(loss_fn(params, X[HELD], Y[HELD])), None))

    trained(start(), evaluate)


def by_arithmetic(scores: Scores) -> None:
    def evaluate(params: Any) -> None:
        logits = forward(params, X[HELD])
        logp = jax.nn.log_softmax(logits)
        loss = -jnp.mean(jnp.take_along_axis(logp, Y[HELD][:, None], axis=1))
        scores.append((float(loss), float(jnp.mean(logits.argmax(-1) == Y[HELD]))))

    trained(start(), evaluate)


def by_a_compiled_net(scores: Scores) -> None:
    predict = jax.jit(forward)

    def evaluate(params: Any) -> None:
        scores.append((None, float((predict(params, X[HELD]).argmax(1) == Y[HELD]).mean())))

    trained(start(), evaluate)


def by_a_mapped_net(scores: Scores) -> None:
    net = eqx.nn.MLP(6, 2, 16, 1, key=jax.random.key(0))
    params, rest = eqx.partition(net, eqx.is_array)

    def loss(params: Any, x: Any, y: Any) -> Any:
        logits = jax.vmap(eqx.combine(params, rest))(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def evaluate(params: Any) -> None:
        logits = jax.vmap(eqx.combine(params, rest))(X[HELD])
        scores.append((None, float(jnp.mean(jnp.argmax(logits, -1) == Y[HELD]))))

    trained(params, evaluate, loss=loss)


def by_batches(scores: Scores) -> None:
    def evaluate(params: Any) -> None:
        hits, total = jnp.zeros(()), jnp.zeros(())
        for i in (128, 160):
            total = total + loss_fn(params, X[i : i + 32], Y[i : i + 32]) * 32
            hits = hits + (forward(params, X[i : i + 32]).argmax(1) == Y[i : i + 32]).sum()
        scores.append((float(total / 64), float(hits / 64)))

    trained(start(), evaluate)


def by_a_scan_over_time(scores: Scores) -> None:
    def recurrent(params: Any, x: Any) -> Any:
        def cell(h: Any, value: Any) -> Any:
            return jnp.tanh(h + value[:, None] * params["first"][0]), None

        return jax.lax.scan(cell, jnp.zeros((len(x), 16)), x.T)[0] @ params["second"]

    def loss(params: Any, x: Any, y: Any) -> Any:
        return jnp.mean((recurrent(params, x)[:, 0] - y) ** 2)

    trained(start(), lambda params: scores.append((float(loss(params, X[HELD], Y[HELD])), None)), loss=loss)


def beside_the_training_samples(scores: Scores) -> None:
    accuracy = jax.jit(lambda params, x, y: (forward(params, x).argmax(1) == y).mean())

    def evaluate(params: Any) -> None:
        known = accuracy(params, X[TRAIN], Y[TRAIN])
        scores.append((None, float(accuracy(params, X[HELD], Y[HELD]))))
        assert known > 0

    trained(start(), evaluate)


WAYS = (
    beside_the_training_samples,
    by_named_loss,
    by_arithmetic,
    by_a_compiled_net,
    by_a_mapped_net,
    by_batches,
    by_a_scan_over_time,
)


@pytest.mark.parametrize("program", WAYS, ids=lambda f: f.__name__)
def test_scores_are_those_of_the_program(program: Callable[[Scores], None], tmp_path: Path) -> None:
    plain: Scores = []
    program(plain)
    seen: Scores = []
    with run_in(tmp_path) as run:
        program(seen)
    assert seen == plain
    found = Run.open(run.path)
    for n, signal in enumerate(("val_loss", "val_accuracy")):
        if plain[0][n] is None:
            continue
        series = found.get(signal)
        assert series is not None
        for one in series.values():
            assert one.values.tolist() == pytest.approx([s[n] for s in plain], rel=1e-4)
            assert one.steps.tolist() == [4, 8, 12]


def test_dropout_that_is_on_is_heard(tmp_path: Path) -> None:
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: Any, train: bool) -> Any:
            return nn.Dense(2)(nn.Dropout(0.5, deterministic=not train)(nn.relu(nn.Dense(16)(x))))

    net = Net()

    def loss(params: Any, x: Any, y: Any) -> Any:
        logits = net.apply(params, x, train=True, rngs={"dropout": jax.random.key(1)})
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    with run_in(tmp_path) as run:
        params = net.init(jax.random.key(0), X[:2], train=False)
        trained(params, lambda params: float(loss(params, X[HELD], Y[HELD])), loss=loss)
    assert [f.check.name for f in run.findings if f.severity != "note"] == ["evaluation-in-train-mode"]


def test_the_loss_of_the_batch_just_trained_on_is_no_evaluation(tmp_path: Path) -> None:
    with run_in(tmp_path) as run:
        trained(start(), lambda params: float(loss_fn(params, X[96:128], Y[96:128])))
    assert not Run.open(run.path).get("val_loss")


def test_functions_that_jax_compares_are_left_as_they_are(tmp_path: Path) -> None:
    before = jax.lax.max, jax.lax.add, jnp.mean
    with run_in(tmp_path):
        assert (jax.lax.max, jax.lax.add) == before[:2]
        assert jnp.mean is not before[2]
        grown = jax.grad(lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (2,), (2,), "VALID").sum())
        assert grown(jnp.array([1.0, 2.0, 4.0, 3.0])).tolist() == [0.0, 1.0, 1.0, 0.0]
    assert (jax.lax.max, jax.lax.add, jnp.mean) == before
