"""Watching a program of JAX changes nothing of what it computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh, PartitionSpec

from netvet.adapters.jax import probe, watch
from netvet.capture import jax_outer
from netvet.store import Run

X = np.random.default_rng(0).normal(size=(320, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(np.int32)
Trained = tuple[list[float], Any]


def start() -> dict[str, Any]:
    a, b = jax.random.split(jax.random.key(3))
    return {"first": jax.random.normal(a, (6, 16)) * 0.4, "second": jax.random.normal(b, (16, 2)) * 0.3}


def loss_fn(params: Any, x: Any, y: Any) -> Any:
    logits = jax.nn.relu(x @ params["first"]) @ params["second"]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def descend(params: Any, grads: Any) -> Any:
    return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)


def batches() -> Iterator[tuple[Any, Any]]:
    for i in range(20):
        yield X[i * 16 : i * 16 + 16], Y[i * 16 : i * 16 + 16]


def donated() -> Trained:
    tx = optax.adam(1e-2)

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Any, state: Any, x: Any, y: Any) -> Any:
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    params, losses = start(), []
    state = tx.init(params)
    for x, y in batches():
        params, state, loss = step(params, state, x, y)
        losses.append(float(loss))
    return losses, params


def scanned() -> Trained:
    @jax.jit
    def run(params: Any, xs: Any, ys: Any) -> Any:
        def body(carry: Any, batch: Any) -> Any:
            loss, grads = jax.value_and_grad(loss_fn)(carry, *batch)
            return descend(carry, grads), loss

        return jax.lax.scan(body, params, (xs, ys))

    params, losses = run(start(), X.reshape(20, 16, 6), Y.reshape(20, 16))
    return losses.tolist(), params


def by_hand() -> Trained:
    params, losses = start(), []
    for x, y in batches():
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        params = descend(params, grads)
        losses.append(float(loss))
    return losses, params


def sharded() -> Trained:
    mesh = Mesh(np.array(jax.devices()[:1]), ("data",))

    def local(params: Any, x: Any, y: Any) -> Any:
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        grads = jax.lax.pmean(grads, "data")
        return descend(params, grads), jax.lax.pmean(loss, "data")

    whole, rows = PartitionSpec(), PartitionSpec("data")
    step = jax.jit(jax.shard_map(local, mesh=mesh, in_specs=(whole, rows, rows), out_specs=(whole, whole)))
    params, losses = start(), []
    for x, y in batches():
        params, loss = step(params, x, y)
        losses.append(float(loss))
    return losses, params


def in_two_parts() -> Trained:
    gradient = jax.jit(jax.value_and_grad(loss_fn))
    tx = optax.sgd(0.1, momentum=0.9)
    update = jax.jit(tx.update)
    params, losses = start(), []
    state = tx.init(params)
    for x, y in batches():
        loss, grads = gradient(params, x, y)
        updates, state = update(grads, state)
        params = optax.apply_updates(params, updates)
        losses.append(float(loss))
    return losses, params


class Trainer:
    def __init__(self) -> None:
        self.rate = 0.1

    @partial(jax.jit, static_argnums=(0,), static_argnames=("scale",))
    def step(self, params: Any, x: Any, y: Any, *, scale: float = 1.0) -> Any:
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        return jax.tree.map(lambda p, g: p - self.rate * scale * g, params, grads), loss


def by_method() -> Trained:
    trainer, params, losses = Trainer(), start(), []
    for x, y in batches():
        params, loss = trainer.step(params, x, y, scale=0.5)
        losses.append(float(loss))
    return losses, params


KINDS = (donated, scanned, by_hand, sharded, in_two_parts, by_method)


@contextmanager
def run_in(folder: Path) -> Iterator[Any]:
    jax.clear_caches()
    with watch(store=folder, quiet=True, show=False) as run:
        yield run


@pytest.mark.parametrize("train", KINDS, ids=lambda f: f.__name__)
def test_losses_and_weights_are_the_same_to_the_last_bit(train: Callable[[], Trained], tmp_path: Path) -> None:
    losses, params = train()
    with run_in(tmp_path) as run:
        again, others = train()
    assert again == losses
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), params, others))
    assert run.steps == (20 if train is not by_method else 0)
    if train is not by_method:  # its step was compiled before the run was opened
        seen = next(iter(Run.open(run.path).get("loss").values()))
        assert np.allclose(seen.values, [losses[s] for s in seen.steps], rtol=1e-4)


@pytest.mark.parametrize("train", [donated, scanned, in_two_parts], ids=lambda f: f.__name__)
def test_calls_that_are_passed_over_are_counted(
    train: Callable[[], Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jax_outer, "AWAKE", 0.0)
    monkeypatch.setattr(jax_outer, "SHARE", 0.0)
    monkeypatch.setattr("netvet.capture.recorder.DENSE_STEPS", 3)
    losses, params = train()
    with run_in(tmp_path) as run:
        again, others = train()
    assert again == losses
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), params, others))
    assert run.steps == 20


def test_jax_is_as_it_was_after_the_run(tmp_path: Path) -> None:
    before = (jax.jit, jax.grad, jax.value_and_grad, jax.nn.relu, jax.lax.scan, optax.adam, optax.apply_updates)
    with run_in(tmp_path):
        assert jax.jit is not before[0]
    assert before == (
        jax.jit, jax.grad, jax.value_and_grad, jax.nn.relu, jax.lax.scan, optax.adam, optax.apply_updates,
    )  # fmt: skip


def test_what_a_step_prints_is_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with run_in(tmp_path):

        @jax.jit
        def step(params: Any, x: Any, y: Any) -> Any:
            loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
            jax.debug.print("loss")
            return descend(params, grads), loss

        params, _ = step(start(), X[:16], Y[:16])
        step(params, X[:16], Y[:16])
        jax.effects_barrier()
    assert capsys.readouterr().out.count("loss") == 2


def test_an_error_of_the_users_comes_through(tmp_path: Path) -> None:
    with run_in(tmp_path):
        step = jax.jit(lambda params: jax.value_and_grad(lambda p: p["missing"].sum())(params))
        with pytest.raises(KeyError, match="missing"):
            step(start())


def test_numpys_random_numbers_are_drawn_once(tmp_path: Path) -> None:
    np.random.seed(0)
    wanted = [float(np.random.rand()) for _ in range(3)]
    drawn: list[float] = []

    def noisy(params: Any, x: Any, y: Any) -> Any:
        drawn.append(float(np.random.rand()))
        return loss_fn(params, x, y)

    np.random.seed(0)
    with run_in(tmp_path):
        for _ in range(3):
            jax.grad(noisy)(start(), X[:16], Y[:16])
    assert [d for i, d in enumerate(drawn) if d not in drawn[:i]] == wanted


def test_a_probe_without_a_run_leaves_nothing_behind() -> None:
    def step(x: Any) -> Any:
        probe("twice", 2 * x)
        return x + 1

    assert "callback" not in str(jax.make_jaxpr(step)(jnp.ones(())))


def test_a_probe_inside_a_compiled_step_tells_its_numbers(tmp_path: Path) -> None:
    @jax.jit
    def step(x: Any) -> Any:
        probe("twice", 2 * x)
        return x + 1

    with watch(store=tmp_path, quiet=True, show=False) as run:
        for i in range(3):
            step(float(i))
        jax.effects_barrier()
    found = Run.open(run.path).get("metric")["twice"]
    assert found.values.tolist() == [0.0, 2.0, 4.0]


def test_calls_of_other_threads_are_the_users_own(tmp_path: Path) -> None:
    with run_in(tmp_path):
        double = jax.jit(lambda x: x * 2)

        @jax.jit
        def step(params: Any, x: Any, y: Any) -> Any:
            with ThreadPoolExecutor(1) as pool:  # while the step is traced
                seen.append(pool.submit(lambda: "jit" in str(jax.make_jaxpr(double)(1.0))).result())
            loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
            return descend(params, grads), loss

        seen: list[bool] = []
        step(start(), X[:16], Y[:16])
    assert seen
    assert all(seen)
