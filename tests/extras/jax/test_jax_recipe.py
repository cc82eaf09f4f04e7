"""Experiments on programs of JAX: the copy computes what the program does, and faults fail what they should fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from test_jax_programs import python

from netvet.capture import frameworks
from netvet.capture.jax_setup import Step
from netvet.capture.runner import RunOptions
from netvet.core import NetvetError
from netvet.experiments.jax_optimizers import rule_of
from netvet.experiments.lab import Lab
from netvet.experiments.overfit_batch import overfit_batch
from netvet.experiments.problem import Problem
from netvet.experiments.script import problem_of_script
from netvet.experiments.trial import Trial, run_trial

DATA = """
import jax
import jax.numpy as jnp
import numpy as np
import optax

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 6)).astype(np.float32)
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(np.int32)
a, b = jax.random.split(jax.random.key(3))
params = {"first": {"w": jax.random.normal(a, (6, 32)) * 0.5, "b": jnp.zeros(32)},
          "second": {"w": jax.random.normal(b, (32, 2)) * 0.2, "b": jnp.zeros(2)}}

def logits_of(params, x):
    hidden = jax.nn.relu(x @ params["first"]["w"] + params["first"]["b"])
    return hidden @ params["second"]["w"] + params["second"]["b"]

def loss_fn(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(logits_of(params, x), y).mean()

def train(step, *state, epochs=1, size=32):
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for i in range(0, len(x), size):
            *state, loss = step(*state, x[order[i : i + size]], y[order[i : i + size]])
    print("loss", float(loss), "weights", [float(jnp.sum(p)) for p in jax.tree.leaves(state[0])])
    return state
"""
BY_HAND = """
@jax.jit
def step(params, x, y):
    loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
    return jax.tree.map(lambda p, g: p - RATE * g, params, grads), loss

train(step, params)
"""
# A loss that takes everything but the parameters from the step around it, as with TrainState.
CLOSURE = """
tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(optax.cosine_decay_schedule(1e-2, 64), weight_decay=1e-3))

@jax.jit
def step(params, state, key, x, y):
    def loss_of(params):
        hidden = jax.nn.relu(x @ params["first"]["w"] + params["first"]["b"])
        kept = jax.random.bernoulli(key, 0.75, hidden.shape)
        hidden = jnp.where(kept, hidden / 0.75, 0.0)
        logits = hidden @ params["second"]["w"] + params["second"]["b"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), logits

    (loss, logits), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
    updates, state = tx.update(grads, state, params)
    return optax.apply_updates(params, updates), state, jax.random.split(key)[0], loss

train(step, params, tx.init(params), jax.random.key(0))
"""


def problem_of(folder: Path, text: str) -> tuple[Problem | None, str]:
    (folder / "train.py").write_text(text)
    jax.clear_caches()
    found, reason, _ = problem_of_script(RunOptions(str(folder / "train.py"), False, (), folder / "runs"))
    return found, reason


@pytest.fixture(autouse=True)
def own_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["netvet"])
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    monkeypatch.setitem(__import__("sys").modules, "__main__", __import__("sys").modules["__main__"])
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["netvet"])
        found, reason = problem_of(tmp_path_factory.mktemp("hand"), DATA + BY_HAND.replace("RATE", "0.1"))
    assert found is not None, reason
    return found


@pytest.fixture(scope="module")
def closure(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["netvet"])
        found, reason = problem_of(tmp_path_factory.mktemp("closure"), DATA + CLOSURE)
    assert found is not None, reason
    return found


def loss_by_numpy(weights: dict[str, Any], x: Any, y: Any) -> float:
    hidden = np.maximum(x @ weights["first.w"] + weights["first.b"], 0)
    logits = hidden @ weights["second.w"] + weights["second.b"]
    logits = logits - logits.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(y)), y]))


def in_numpy(model: torch.nn.Module) -> dict[str, Any]:
    return {n: p.detach().double().numpy() for n, p in model.named_parameters()}


@pytest.mark.parametrize("which", ["by_hand", "closure"])
@pytest.mark.parametrize("samples", [32, 2, 50])
def test_the_loss_of_a_copy_is_that_of_the_program_for_any_batch(
    which: str, samples: int, request: pytest.FixtureRequest
) -> None:
    problem: Problem = request.getfixturevalue(which)
    learner, batch = problem.learner(0), problem.train.samples(range(samples))
    learner.model.eval()
    loss, output = learner.step(batch)
    x, y = (batch[n[0]].numpy() for n in (problem.train.roles.inputs, problem.train.roles.targets))
    assert float(loss.detach()) == pytest.approx(loss_by_numpy(in_numpy(learner.model), x.astype(float), y), rel=1e-5)
    assert output is not None
    assert tuple(output.shape) == (samples, 2)
    assert problem.kind == "classes"


def test_gradients_are_those_of_finite_differences(by_hand: Problem) -> None:
    learner, batch = by_hand.learner(0), by_hand.train.batches[0]
    learner.step(batch)[0].backward()
    x, y = (batch[n[0]].numpy() for n in (by_hand.train.roles.inputs, by_hand.train.roles.targets))
    weights = in_numpy(learner.model)
    for name, parameter in learner.model.named_parameters():
        there = dict(weights)
        there[name] = weights[name].copy()
        there[name].flat[3 % parameter.numel()] += 1e-5
        wanted = (loss_by_numpy(there, x.astype(float), y) - loss_by_numpy(weights, x.astype(float), y)) / 1e-5
        assert parameter.grad is not None
        assert float(parameter.grad.reshape(-1)[3 % parameter.numel()]) == pytest.approx(wanted, abs=2e-4)


def test_seeds_have_other_weights_of_the_same_spread(by_hand: Problem) -> None:
    one, two = (in_numpy(by_hand.learner(seed).model) for seed in (0, 1))
    assert not np.array_equal(one["first.w"], two["first.w"])
    assert np.array_equal(np.sort(one["first.w"].ravel()), np.sort(two["first.w"].ravel()))
    assert np.array_equal(one["first.b"], two["first.b"])


def test_updates_are_those_of_optax(closure: Problem) -> None:
    assert closure.clip == ("norm", 1.0)
    assert closure.lr == pytest.approx(1e-2)
    assert closure.rates[0] == 1.0
    assert closure.rates[4] == pytest.approx(0.5 * (1 + np.cos(np.pi * 4 / 64)))
    model = closure.learner(0).model
    optimizer = closure.optimizer(model)
    assert type(optimizer).__name__ == "AdamW"
    assert optimizer.param_groups[0]["weight_decay"] == pytest.approx(1e-3)
    held = {n: jnp.array(p.detach().numpy()) for n, p in model.named_parameters()}
    tx = optax.adamw(1e-2, weight_decay=1e-3)
    state, numbers = tx.init(held), np.random.default_rng(0)
    for _ in range(4):
        grads = {n: numbers.normal(size=p.shape).astype(np.float32) for n, p in held.items()}
        for name, parameter in model.named_parameters():
            parameter.grad = torch.from_numpy(grads[name])
        optimizer.step()
        updates, state = tx.update(grads, state, held)
        held = optax.apply_updates(held, updates)
    for name, parameter in model.named_parameters():
        assert np.allclose(parameter.detach().numpy(), held[name], rtol=1e-5, atol=1e-7)


def test_the_rate_of_a_group_scales_the_update(closure: Problem) -> None:
    moves = []
    for factor in (1.0, 0.1):
        model = closure.learner(0).model
        optimizer = closure.optimizer(model)
        optimizer.param_groups[0]["lr"] *= factor
        before = in_numpy(model)["first.w"]
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        moves.append(in_numpy(model)["first.w"] - before)
    assert np.allclose(moves[1], 0.1 * moves[0], atol=1e-7)


def test_dropout_can_be_switched_off(closure: Problem) -> None:
    learner, batch = closure.learner(0), closure.train.batches[0]
    (place,) = (m for m in learner.model.modules() if isinstance(m, torch.nn.Dropout))
    assert place.p == pytest.approx(0.25)
    assert len({float(learner.step(batch)[0].detach()) for _ in range(3)}) == 3
    place.p = 0.0
    assert len({float(learner.step(batch)[0].detach()) for _ in range(3)}) == 1


def test_a_healthy_program_learns_a_batch_by_heart(by_hand: Problem) -> None:
    assert overfit_batch.run(Lab(by_hand, seconds=300.0, seeds=(0, 1))).verdict == "passed"
    assert "SGD with a learning rate of 0.1" in " ".join(by_hand.notes)


def test_a_detached_loss_cannot_be_learned(tmp_path: Path) -> None:
    cut = DATA.replace("logits_of(params, x), y)", "jax.lax.stop_gradient(logits_of(params, x)), y)")
    problem, reason = problem_of(tmp_path, cut + BY_HAND.replace("RATE", "0.1"))
    assert problem is not None, reason
    found = overfit_batch.run(Lab(problem, seconds=300.0, seeds=(0, 1)))
    assert found.verdict == "failed"
    assert "cannot-overfit-batch" in found.suspects


def test_a_rate_that_is_too_high_diverges_and_a_lower_one_learns(tmp_path: Path) -> None:
    problem, reason = problem_of(tmp_path, DATA + BY_HAND.replace("RATE", "300.0"))
    assert problem is not None, reason
    assert problem.lr == pytest.approx(300.0)
    assert run_trial(problem, Trial(40, scores=False)).tail() > 1e3
    lower = run_trial(problem, Trial(40, changes={"lr": 0.3}, scores=False))
    assert lower.tail() < 0.9 * lower.start


def test_labels_that_belong_to_other_samples_are_learned_by_nobody(tmp_path: Path) -> None:
    shuffled = DATA.replace("> 0).astype(np.int32)", "> 0).astype(np.int32)\nrng.shuffle(y)")
    scores = []
    for number, text in enumerate((DATA, shuffled)):
        (tmp_path / str(number)).mkdir()
        problem, reason = problem_of(tmp_path / str(number), text + BY_HAND.replace("RATE", "0.1"))
        assert problem is not None, reason
        val = run_trial(problem, Trial(60, changes={"lr": 0.3})).val
        assert val is not None
        scores.append(val.score)
    assert scores[0] > 0.75 > 0.65 > scores[1]


def test_a_scan_over_steps_is_taken_apart(tmp_path: Path) -> None:
    scanned = """
@jax.jit
def epoch(params, xs, ys):
    def one(params, batch):
        loss, grads = jax.value_and_grad(loss_fn)(params, *batch)
        return jax.tree.map(lambda p, g: p - 0.05 * g, params, grads), loss
    return jax.lax.scan(one, params, (xs, ys))

epoch(params, x.reshape(8, 32, 6), y.reshape(8, 32))
"""
    problem, reason = problem_of(tmp_path, DATA + scanned)
    assert problem is not None, reason
    assert problem.train.size is not None
    result = run_trial(problem, Trial(steps=5))
    assert result.error is None
    assert result.val is not None
    assert result.val.name == "accuracy"


def test_a_loop_that_is_not_compiled_is_taken_apart(tmp_path: Path) -> None:
    problem, reason = problem_of(tmp_path, DATA + BY_HAND.replace("@jax.jit", "").replace("RATE", "0.1"))
    assert problem is not None, reason
    assert problem.train.batch_size == 32
    assert run_trial(problem, Trial(steps=3)).error is None


def test_without_a_training_there_is_a_reason(tmp_path: Path) -> None:
    problem, reason = problem_of(tmp_path, DATA + "print(float(loss_fn(params, x, y)))")
    assert problem is None
    assert "no training step" in reason


def descended(rule: Any, steps: int = 3) -> list[Step]:
    """Steps on a bowl of five unlike curvatures, by a rule that gives each move."""
    p, curves, made = np.linspace(1.0, 2.0, 5), np.array([0.3, 1.0, 2.0, 3.0, 0.7]), []
    for number in range(steps):
        g = curves * p * (1 + 0.2 * number)
        made.append(Step(number, None, {}, 0.0, [p.astype(np.float32)], [g.astype(np.float32)]))  # type: ignore[arg-type]
        p = p + rule(p, g)
    return made


def test_rules_by_hand_are_told() -> None:
    velocity = [np.zeros(5)]

    def with_momentum(p: Any, g: Any) -> Any:
        velocity[0] = 0.9 * velocity[0] - 0.01 * g
        return velocity[0]

    plain, momentum = rule_of(descended(lambda p, g: -0.1 * g)), rule_of(descended(with_momentum))
    decay = rule_of(descended(lambda p, g: -0.1 * (g + 0.05 * p)))
    signs = rule_of(descended(lambda p, g: -0.003 * np.sign(g)))
    assert (plain.name, plain.lr, plain.momentum, plain.weight_decay) == ("SGD", 0.1, 0.0, 0.0)  # type: ignore[union-attr]
    assert (momentum.lr, momentum.momentum) == (0.01, pytest.approx(0.9, abs=1e-3))  # type: ignore[union-attr]
    assert (decay.lr, decay.weight_decay) == (0.1, pytest.approx(0.05, abs=1e-3))  # type: ignore[union-attr]
    assert (signs.name, signs.lr) == ("Adam", 0.003)  # type: ignore[union-attr]
    assert rule_of(descended(lambda p, g: np.random.default_rng(0).normal(size=5))) is None


def test_without_pytorch_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import jax\n")
    find = frameworks.importlib.util.find_spec
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    with pytest.raises(NetvetError, match=r"beside JAX.*pip install 'netvet\[torch\]'"):
        frameworks.require_program("recipe", str(tmp_path / "train.py"))


def test_the_program_itself_prints_the_same_numbers(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(DATA + CLOSURE)
    plain = python(tmp_path, "train.py").stdout
    found = python(tmp_path, "-m", "netvet", "recipe", "--only", "determinism", "--seeds", "2", "train.py")
    assert found.stdout.startswith(plain), found.stdout + found.stderr
    assert "two trainings from one seed have the same losses" in " ".join(found.stdout.split())
    assert "internal error" not in found.stdout
