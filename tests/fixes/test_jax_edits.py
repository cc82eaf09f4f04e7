"""Edits of programs of JAX, on source text; what a run would have said of them is given."""

from importlib import import_module

import pytest

from netvet.core import Finding, Location
from netvet.fixes import NAMES
from netvet.fixes.jax_edits import EDITS
from netvet.fixes.program import Program
from netvet.fixes.source import NotApplicable, Sources
from tests.fixes.code import FILE, Code

LOOP = """
import jax
import jax.numpy as jnp
import numpy as np
import optax

{above}

def loss_fn(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(net(params, x), y).mean()

def main():
    x_train, x_test, y_train, y_test = load()
    tx = {optimizer}
    opt_state = tx.init(params)

    @jax.jit
    def step(params, opt_state, x, y):
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        updates, opt_state = tx.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, loss

    for epoch in range(10):
        for i in range(0, len(x_train), 32):
            params, opt_state, loss = step(params, opt_state, x_train[i : i + 32], y_train[i : i + 32])
        print((net(params, x_test).argmax(1) == y_test).mean())
"""
BY_HAND = """
import jax
import jax.numpy as jnp

LR = 0.5

@jax.jit
def update(params, x, y):
    loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
    {line}
    return params, loss
"""


class Jax(Code):
    """The same as `Code`, of a program of JAX."""

    def patches(self, fix, *, finding=None, where=None, evidence=None, **facts):
        place = Location(FILE, self.line(finding)) if finding is not None else None
        found = Finding("something is wrong", where, location=place, evidence=evidence or {})
        program = Program(Sources(self.folder), facts.get, found, "jax")
        make = getattr(import_module(f"netvet.fixes.jax_edits.{EDITS[fix]}"), fix.replace("-", "_"))
        return [editor.patch().texts[str(self.folder / FILE)] for editor in make(program)]

    def after(self, fix, **given):
        """Lines that the first variant puts in."""
        return self.changed(fix, **given)[1]


def trained(folder, optimizer="optax.adam(0.1)", above=""):
    """A program in the usual form, and the facts of its run."""
    code = Jax(folder, LOOP.format(above=above, optimizer=optimizer))
    facts = {
        "optimizers": [{"cls": "X", "steps": 5, **code.at("tx = "), **code.at("updates, opt_state", "step_")}],
        "backwards": [code.at("loss, grads")],
        "inputs": [{"phase": "train", "model": "model", "position": "0", "dtype": "float32", "shape": [32, 8],
                    "mean": 9.0, "std": 4.0, "min": 1.0, "max": 20.0, **code.at("loss = step(")}],
        "losses": [{"phase": "train", "function": "cross_entropy", **code.at("_entropy_")}],
    }  # fmt: skip
    return code, facts


def test_every_edit_is_there_and_belongs_to_a_fix():
    for fix, module in EDITS.items():
        assert fix in NAMES
        assert callable(getattr(import_module(f"netvet.fixes.jax_edits.{module}"), fix.replace("-", "_")))


@pytest.mark.parametrize(
    ("optimizer", "changed"),
    [
        ("optax.adam(1.0)", "optax.adam(0.1)"),
        ("optax.sgd(learning_rate=0.5, momentum=0.9)", "optax.sgd(learning_rate=0.05, momentum=0.9)"),
        ("optax.chain(optax.clip(1.0), optax.adamw(args.lr))",
         "optax.chain(optax.clip(1.0), optax.adamw(args.lr * 0.1))"),
        ("optax.chain(optax.scale_by_adam(), optax.scale(-0.1))",
         "optax.chain(optax.scale_by_adam(), optax.scale(-0.01))"),
        ("optax.inject_hyperparams(optax.adam)(learning_rate=1.0)",
         "optax.inject_hyperparams(optax.adam)(learning_rate=0.1)"),
        ("optax.adam(optax.cosine_decay_schedule(0.5, 100))", "optax.adam(optax.cosine_decay_schedule(0.05, 100))"),
        ("optax.adam(optax.warmup_cosine_decay_schedule(0.0, 1.0, 10, 100, end_value=0.1))",
         "optax.adam(optax.warmup_cosine_decay_schedule(0.0, 0.1, 10, 100, end_value=0.01))"),
    ],
)  # fmt: skip
def test_the_rate_is_lowered_where_it_stands(tmp_path, optimizer, changed):
    code, facts = trained(tmp_path, optimizer)
    assert code.after("lower-lr", **facts) == [f"tx = {changed}"]


def test_three_rates_are_tried(tmp_path):
    code, facts = trained(tmp_path, "optax.adam(1.0)")
    made = code.patches("lower-lr", **facts)
    assert [f"optax.adam({rate})" in text for rate, text in zip((0.1, 0.01, 0.001), made, strict=True)] == [True] * 3


def test_a_rate_in_a_constant_is_changed_there(tmp_path):
    code, facts = trained(tmp_path, "optax.adam(LR)", above="LR = 1e-1")
    assert code.after("raise-lr", **facts) == ["LR = 1"]


def test_a_rate_that_is_a_function_of_the_program_is_left(tmp_path):
    code, facts = trained(tmp_path, "optax.adam(rate)", above="def rate(step):\n    return 0.1")
    with pytest.raises(NotApplicable, match="function that the program has written"):
        code.patches("lower-lr", **facts)


def by_hand(folder, line):
    code = Jax(folder, BY_HAND.format(line=line))
    return code, {"optimizers": [{"cls": "by hand"}], "backwards": [code.at("loss, grads")]}


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("params = jax.tree.map(lambda p, g: p - 0.5 * g, params, grads)",
         "params = jax.tree.map(lambda p, g: p - 0.05 * g, params, grads)"),
        ("params = [p - LR * g for p, g in zip(params, grads)]", "LR = 0.05"),
        ("params = [(w - LR * dw, b - LR * db) for (w, b), (dw, db) in zip(params, grads)]", "LR = 0.05"),
        ('params = {k: params[k] - 0.5 * grads[k] for k in params}',
         'params = {k: params[k] - 0.05 * grads[k] for k in params}'),
    ],
)  # fmt: skip
def test_the_rate_of_an_update_by_hand(tmp_path, line, changed):
    code, facts = by_hand(tmp_path, line)
    assert code.after("lower-lr", **facts) == [changed]


def test_an_update_that_climbs_descends(tmp_path):
    code, facts = by_hand(tmp_path, "params = jax.tree.map(lambda p, g: p + LR * g, params, grads)")
    assert code.after("remove-minus", **facts) == ["params = jax.tree.map(lambda p, g: p - LR * g, params, grads)"]


def test_gradients_by_hand_are_clipped_behind_their_line(tmp_path):
    code, facts = by_hand(tmp_path, "params = jax.tree.map(lambda p, g: p - LR * g, params, grads)")
    assert code.after("clip-gradients", **facts) == [
        "norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(grads)))",
        "grads = jax.tree.map(lambda g: g / jnp.maximum(norm, 1.0), grads)",
    ]


@pytest.mark.parametrize(
    ("fix", "optimizer", "changed"),
    [
        ("clip-gradients", "optax.sgd(0.1)", "optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1))"),
        ("clip-gradients", "optax.chain(optax.add_decayed_weights(1e-4), optax.sgd(0.1))",
         "optax.chain(optax.clip_by_global_norm(1.0), optax.add_decayed_weights(1e-4), optax.sgd(0.1))"),
        ("adam", "optax.sgd(0.1, momentum=0.9)", "optax.adam(1e-3)"),
        ("sgd", "optax.adam(0.1)", "optax.sgd(0.1, momentum=0.9)"),
        ("usual-momentum", "optax.sgd(0.1)", "optax.sgd(0.1, momentum=0.9)"),
        ("default-betas", "optax.adam(0.1, b1=0.1, eps=1.0)", "optax.adam(0.1)"),
        ("less-weight-decay", "optax.adamw(0.1, weight_decay=5.0)", "optax.adamw(0.1, weight_decay=0.5)"),
        ("constant-lr", "optax.adam(optax.exponential_decay(0.1, 1, 0.5))", "optax.adam(0.1)"),
        ("warmup", "optax.sgd(0.1)", "optax.sgd(optax.linear_schedule(0.001, 0.1, 100))"),
    ],
)  # fmt: skip
def test_options_of_optimizers(tmp_path, fix, optimizer, changed):
    code, facts = trained(tmp_path, optimizer)
    assert code.after(fix, **facts) == [f"tx = {changed}"]


def test_a_clipped_gradient_is_not_clipped_again(tmp_path):
    code, facts = trained(tmp_path, "optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1))")
    with pytest.raises(NotApplicable, match="clipped already"):
        code.patches("clip-gradients", **facts)


def test_inputs_are_standardised_behind_the_line_that_makes_them(tmp_path):
    code, facts = trained(tmp_path)
    assert code.after("standardise", **facts) == [
        "mean, std = x_train.mean(0), x_train.std(0)",
        "std = np.where(std < 1e-6 * std.max(), 1.0, std)  # features that never vary",
        "x_train, x_test = (x_train - mean) / std, (x_test - mean) / std",
    ]


def test_inputs_of_chosen_rows_are_standardised_by_these(tmp_path):
    text = """
    import numpy as np

    def main():
        x, y = load()
        order = np.random.permutation(len(x))
        train, test = order[:90], order[90:]
        for epoch in range(3):
            for rows in np.split(train, 3):
                params, loss = update(params, x[rows], y[rows])
            print(predict(params, x[test]))
    """
    code = Jax(tmp_path, text)
    record = {"phase": "train", "dtype": "float32", "shape": [30, 5], "mean": 50.0, "std": 9.0}
    assert code.after("standardise", inputs=[{**record, **code.at("update(")}]) == [
        "mean, std = x[train].mean(0), x[train].std(0)",
        "std = np.where(std < 1e-6 * std.max(), 1.0, std)  # features that never vary",
        "x = (x - mean) / std",
    ]


def test_inputs_that_are_used_before_their_statistics_are_left(tmp_path):
    text = """
    import numpy as np

    def main():
        x, y = load()
        z = x * 2
        train = np.random.permutation(90)
        for rows in np.split(train, 3):
            params, loss = update(params, x[rows], y[rows])
    """
    code = Jax(tmp_path, text)
    record = {"phase": "train", "dtype": "float32", "shape": [30, 5], "mean": 50.0, "std": 9.0}
    with pytest.raises(NotApplicable, match="used before"):
        code.patches("standardise", inputs=[{**record, **code.at("update(")}])


def test_labels_from_one_begin_at_zero_in_training_and_evaluation(tmp_path):
    code, facts = trained(tmp_path)
    facts["targets"] = [{"phase": "train", "kind": "classes", "min": 1, "max": 3, "outputs": 3}]
    assert code.after("start-at-zero", **facts) == ["y_train, y_test = y_train - 1, y_test - 1"]


def test_batches_that_are_cut_in_order_are_shuffled(tmp_path):
    code, facts = trained(tmp_path)
    assert code.after("shuffle", **facts) == [
        "order = np.random.permutation(len(x_train))",
        "params, opt_state, loss = step(params, opt_state, x_train[order[i : i + 32]], y_train[order[i : i + 32]])",
    ]


def test_a_longer_run(tmp_path):
    code, facts = trained(tmp_path)
    assert code.after("train-longer", **facts) == ["for epoch in range(30):"]
