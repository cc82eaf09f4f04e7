"""Whether the devices of a `pmap` stay equal, and whether steps go up the gradient or down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netvet.adapters.jax import watch
from netvet.capture.jax_replicas import PATIENCE, Replicas

X = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)


def looks(*weights: float) -> list[Any]:
    of = SimpleNamespace(leaves=[SimpleNamespace(name="w")], site=None)
    return [SimpleNamespace(of=of, parameters=[np.full(3, w)]) for w in weights]


def test_devices_that_part_are_told() -> None:
    replicas = Replicas()
    for step in range(PATIENCE + 1):
        assert not replicas.records
        replicas.take(looks(1.0, 1.0 + step))
    assert replicas.records[0]["differing"] == ["w"]
    assert replicas.records[0]["world_size"] == 2


def test_devices_that_begin_apart_are_left_alone() -> None:
    replicas = Replicas()
    for step in range(PATIENCE + 2):
        replicas.take(looks(1.0, 2.0 + step))
    assert not replicas.records


def test_devices_that_are_averaged_now_and_then_are_left_alone() -> None:
    replicas = Replicas()
    for step in range(3 * PATIENCE):
        replicas.take(looks(1.0, 1.0 + step % (PATIENCE + 2)))
    assert not replicas.records


@pytest.mark.parametrize(
    ("sign", "rate", "alarm"), [(1, -0.1, False), (1, 0.1, True), (-1, -0.1, True), (-1, 0.1, False)]
)
def test_a_step_uphill_is_told_by_what_it_does(sign: int, rate: float, alarm: bool, tmp_path: Path) -> None:
    def loss_fn(params: Any) -> Any:
        logp = jax.nn.log_softmax(X @ params["w"])
        return -sign * jnp.mean(jnp.take_along_axis(logp, Y[:, None], axis=1))

    with watch(store=tmp_path, quiet=True, show=False) as run:

        @jax.jit
        def step(params: Any) -> Any:
            loss, grads = jax.value_and_grad(loss_fn)(params)
            return jax.tree.map(lambda p, g: p + rate * g, params, grads), loss

        params = {"w": jax.random.normal(jax.random.key(0), (4, 2))}
        for _ in range(12):
            params, _ = step(params)
    assert ("negated-loss" in [f.check.name for f in run.findings]) is alarm


def test_the_taps_leave_the_choice_of_devices_to_the_program(tmp_path: Path) -> None:
    asked = "import jax._src.xla_bridge as b; print(b.backends_are_initialized())"
    program = tmp_path / "program.py"
    program.write_text(f"import jax\n{asked}\n")
    command = [sys.executable, "-m", "netvet", "run", "--quiet", str(program)]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200).stdout
    assert out.split()[0] == "False"
