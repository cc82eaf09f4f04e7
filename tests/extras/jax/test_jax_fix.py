"""`netvet fix` on a program of JAX: what it proves, what the trials print and seed, and what it leaves alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from netvet.fixes.jax_trial import Trial

PROGRAM = """
import jax
import jax.numpy as jnp
import numpy as np
import optax

rng = np.random.default_rng(0)
x = rng.normal(size=(600, 6)).astype("float32")
y = (x @ np.arange(-2.0, 4.0) > 0).astype(int)
params = {"w": jnp.zeros((6, 2)), "b": jnp.zeros(2)}
tx = optax.sgd(0.5)
opt_state = tx.init(params)


def loss_fn(params, x, y):
    logits = x @ params["w"] + params["b"]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


@jax.jit
def step(params, opt_state, x, y):
    loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
    updates, opt_state = tx.update(grads, opt_state, params)
    return params, opt_state, loss


def evaluate(params, x, y):
    return ((x @ params["w"] + params["b"]).argmax(1) == y).mean()


for epoch in range(4):
    order = rng.permutation(500)
    for i in range(0, 500, 50):
        rows = order[i : i + 50]
        params, opt_state, loss = step(params, opt_state, x[rows], y[rows])
    print("accuracy", float(evaluate(params, x[500:], y[500:])))
"""
MENDED = PROGRAM.replace(
    "return params, opt_state, loss", "return optax.apply_updates(params, updates), opt_state, loss"
)


def fix(folder: Path, text: str, *options: str) -> tuple[dict[str, Any], str]:
    (folder / "train.py").write_text(text)
    command = [sys.executable, "-m", "netvet", "fix", "--json", "fix.json", *options, "train.py"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, env=environment, check=False)
    assert (folder / "fix.json").exists(), ran.stderr[-3000:]
    return json.loads((folder / "fix.json").read_text()), ran.stdout


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("fix")
    return folder, *fix(folder, PROGRAM, "--try", "add-step", "--apply")


def test_the_missing_step_is_proven_and_its_finding_gone(mended: tuple[Path, dict[str, Any], str]) -> None:
    _, found, out = mended
    one = found["rounds"][0]
    assert one["diagnosis"][0]["check"] == "missing-step"
    assert one["diagnosis"][0]["standing"] == "proven"
    assert "missing-step" in one["gone"]
    assert one["recommended"]["fix"] == "add-step"
    assert "on 100 held-out samples" in " ".join(out.split())


def test_the_change_is_written_and_nothing_else(mended: tuple[Path, dict[str, Any], str]) -> None:
    folder, _, _ = mended
    before, after = PROGRAM.splitlines(), (folder / "train.py").read_text().splitlines()
    assert [line for line in after if line not in before] == ["    params = optax.apply_updates(params, updates)"]


def test_seeds_of_keys_are_moved_and_those_of_data_are_not() -> None:
    def drawn(seed: int) -> tuple[list[float], float]:
        with Trial().seeded(seed):
            keys = [jax.random.key(1), jax.random.PRNGKey(1), nnx.Rngs(1).params()]
            return [float(jax.random.uniform(k)) for k in keys], float(np.random.default_rng(1).uniform())

    plain = [float(jax.random.uniform(k)) for k in (jax.random.key(1), jax.random.PRNGKey(1), nnx.Rngs(1).params())]
    (own, data), (other, same) = drawn(0), drawn(2)
    assert own == plain
    assert all(a != b for a, b in zip(own, other, strict=True))
    assert data == same


def test_a_healthy_program_gets_no_change(tmp_path: Path) -> None:
    found, out = fix(tmp_path, MENDED)
    assert found["patch"] is None
    assert found["rounds"][0]["fixes"] == []
    assert (tmp_path / "train.py").read_text() == MENDED
    assert "Traceback" not in out
