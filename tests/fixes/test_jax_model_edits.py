"""Edits of losses and nets of JAX, on source text: linen, NNX, Equinox, and by hand."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.test_jax_edits import Jax, trained


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("return nn.softmax(x)", "return x"),
        ("return jax.nn.softmax(self.head(x), axis=-1)", "return self.head(x)"),
        ("return nnx.log_softmax(self.head(x))", "return self.head(x)"),
    ],
)
def test_softmax_before_the_loss_is_taken_out(tmp_path, line, changed):
    code = Jax(
        tmp_path, f"import jax\nfrom flax import nnx\nimport flax.linen as nn\n\ndef net(self, x):\n    {line}\n"
    )
    assert code.after("remove-softmax", finding="return") == [changed]


def test_sigmoid_is_taken_out_and_the_threshold_moves(tmp_path):
    text = """
    import jax
    import jax.numpy as jnp
    import optax

    def net(params, x):
        return jax.nn.sigmoid(x @ params["w"])[:, 0]

    def loss_fn(params, x, y):
        scores = net(params, x)
        return optax.sigmoid_binary_cross_entropy(scores, y).mean()

    def right(params, x, y):
        return ((net(params, x) > 0.5) == y).mean(), jnp.round(net(params, x))
    """
    code = Jax(tmp_path, text)
    facts = {"losses": [{"phase": "train", **code.at("_entropy(")}]}
    assert code.after("remove-sigmoid", finding="jax.nn.sigmoid", **facts) == [
        'return (x @ params["w"])[:, 0]',
        "return ((net(params, x) > 0) == y).mean(), jnp.round(jax.nn.sigmoid(net(params, x)))",
    ]


@pytest.mark.parametrize(
    ("call", "changed"),
    [("nn.softmax(x, axis=0)", "nn.softmax(x, axis=-1)"), ("jax.nn.log_softmax(x, 0)", "jax.nn.log_softmax(x, -1)")],
)
def test_softmax_over_the_classes(tmp_path, call, changed):
    code = Jax(tmp_path, f"import jax\nimport flax.linen as nn\n\ndef net(x):\n    return {call}\n")
    assert code.after("class-axis", finding="return") == [f"return {changed}"]


@pytest.mark.parametrize(
    ("line", "shapes", "changed"),
    [
        ("jnp.mean((net(params, x) - y) ** 2)", ([8, 1], [8]), "jnp.mean((net(params, x).squeeze(-1) - y) ** 2)"),
        ("jnp.mean((y - net(params, x)) ** 2)", ([8, 1], [8]), "jnp.mean((y - net(params, x).squeeze(-1)) ** 2)"),
        ("optax.l2_loss(net(params, x), y).mean()", ([8], [8, 1]),
         "optax.l2_loss(net(params, x), y.squeeze(-1)).mean()"),
    ],
)  # fmt: skip
def test_one_shape_for_both_sides(tmp_path, line, shapes, changed):
    code = Jax(tmp_path, f"import jax.numpy as jnp\nimport optax\n\ndef loss(params, x, y):\n    return {line}\n")
    given, target = ({"shape": shape} for shape in shapes)
    losses = [{"phase": "train", "broadcast": True, "input": given, "target": target, **code.at("return")}]
    assert code.after("same-shape", finding="return", losses=losses) == [f"return {changed}"]


def test_logarithms_are_kept_off_zero(tmp_path):
    code = Jax(
        tmp_path,
        "import jax.numpy as jnp\n\ndef loss(p, y):\n    return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))\n",
    )
    assert code.after("clamp-operand", finding="return") == [
        "return -(y * jnp.log(jnp.maximum(p, 1e-7)) + (1 - y) * jnp.log(jnp.maximum(1 - p, 1e-7)))"
    ]


def test_logarithms_of_softmax_and_sigmoid_are_fused(tmp_path):
    text = """
    import jax
    import jax.numpy as jnp

    def loss(z, y):
        p = jax.nn.sigmoid(z + 1)
        a = y * jnp.log(p) + (1 - y) * jnp.log(1 - p)
        return a + jnp.log(jax.nn.softmax(z, axis=1))
    """
    assert Jax(tmp_path, text).after("fused-loss", finding="a = y") == [
        "a = y * jax.nn.log_sigmoid(z + 1) + (1 - y) * jax.nn.log_sigmoid(-(z + 1))",
        "return a + jax.nn.log_softmax(z, axis=1)",
    ]


NETS = {
    "nnx": ("x = self.first(x)", "first", "x = jax.nn.relu(self.first(x))"),
    "linen": ("x = nn.Dense(32)(x)", "Dense_0", "x = jax.nn.relu(nn.Dense(32)(x))"),
    "equinox": ("x = jax.vmap(self.layers[0])(x)", "layers.0", "x = jax.nn.relu(jax.vmap(self.layers[0])(x))"),
    "by hand": ('x = x @ params["w1"] + params["b1"]', "first", 'x = jax.nn.relu(x @ params["w1"] + params["b1"])'),
}


@pytest.mark.parametrize("name", NETS)
def test_an_activation_between_two_layers(tmp_path, name):
    line, layer, changed = NETS[name]
    code = Jax(
        tmp_path, f"import jax\nimport flax.linen as nn\n\ndef net(self, params, x):\n    {line}\n    return x\n"
    )
    modules = [{"name": layer, **code.at("x = ", "created_")}]
    assert code.after("add-activation", evidence={"pairs": [[layer, "second"]]}, modules=modules) == [changed]


def test_an_activation_in_a_list_of_layers(tmp_path):
    text = """
    import equinox as eqx
    import jax

    net = eqx.nn.Sequential([
        eqx.nn.Linear(8, 8, key=a),
        eqx.nn.Linear(8, 2, key=b),
    ])
    """
    code = Jax(tmp_path, text)
    modules = [{"name": "layers.0", **code.at("key=a", "created_")}]
    made = code.after("add-activation", evidence={"pairs": [["layers.0", "layers.1"]]}, modules=modules)
    assert made == ["eqx.nn.Linear(8, 8, key=a), eqx.nn.Lambda(jax.nn.relu),"]


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("w = jnp.full((m, n), 0.1)", "w = jax.nn.initializers.glorot_normal()(jax.random.key(0), (m, n))"),
        ("w = nn.Dense(8, kernel_init=nn.initializers.constant(0.1))",
         "w = nn.Dense(8, kernel_init=jax.nn.initializers.glorot_normal())"),
    ],
)  # fmt: skip
def test_weights_that_are_one_number_begin_at_random(tmp_path, line, changed):
    code = Jax(
        tmp_path, f"import jax\nimport jax.numpy as jnp\nimport flax.linen as nn\n\ndef make(m, n):\n    {line}\n"
    )
    parameters = [{"shape": [4, 3], "init_std": 0.0, "init_mean": 0.1, **code.at("w = ", "created_")}]
    assert code.after("random-init", parameters=parameters) == [changed]


@pytest.mark.parametrize(
    ("fix", "line", "changed"),
    [
        ("he-init", "w = jax.random.normal(k, (m, n)) * 3.0", "w = jax.random.normal(k, (m, n)) * jnp.sqrt(2 / m)"),
        ("he-init", "w = nnx.Linear(8, 4, rngs=rngs)",
         "w = nnx.Linear(8, 4, rngs=rngs, kernel_init=jax.nn.initializers.he_normal())"),
        ("xavier-init", "w = jax.random.normal(k, (m, n)) / 9",
         "w = jax.random.normal(k, (m, n)) * jnp.sqrt(2 / (m + n))"),
        ("default-init", "w = nn.Dense(8, kernel_init=nn.initializers.normal(9.0))", "w = nn.Dense(8)"),
    ],
)  # fmt: skip
def test_how_weights_are_drawn(tmp_path, fix, line, changed):
    code = Jax(tmp_path, f"import jax\nimport jax.numpy as jnp\n\ndef make(k, m, n):\n    {line}\n")
    assert code.after(fix, parameters=[code.at("w = ", "created_")]) == [changed]


def test_a_gradient_that_was_stopped_goes_on(tmp_path):
    code = Jax(tmp_path, "import jax\n\ndef net(self, x):\n    return self.head(jax.lax.stop_gradient(self.body(x)))\n")
    assert code.after("keep-graph", finding="return") == ["return self.head(self.body(x))"]


def test_without_a_stop_nothing_is_taken_out(tmp_path):
    code = Jax(tmp_path, "import jax\n\ndef net(self, x):\n    return self.head(self.body(x))\n")
    with pytest.raises(NotApplicable, match="no stop_gradient"):
        code.patches("keep-graph", finding="return")


LOOP = """
import jax
{imported}

def step(model, state, x, y):
    loss, grads = value_and_grad(loss_fn)(model, x, y)
    return model, state, loss

def check(model, x, y):
    return loss_fn(model, x, y)

for epoch in range(3):
    for rows in batches(x):
        model, state, loss = step(model, state, x[rows], y[rows])
    for rows in batches(x_val):
        print(check(model, x_val[rows], y_val[rows]))
"""


@pytest.mark.parametrize(
    ("imported", "changed"),
    [
        ("from flax import nnx", ["model.train()", "model.eval()"]),
        ("import equinox as eqx", ["print(check(eqx.nn.inference_mode(model), x_val[rows], y_val[rows]))"]),
    ],
)
def test_evaluation_mode(tmp_path, imported, changed):
    code = Jax(tmp_path, LOOP.format(imported=imported))
    calls = [{"phase": "train-mode-no-grad", **code.at("return loss_fn")}]
    inputs = [{"phase": "train", **code.at("= step(")}]
    assert code.after("call-eval", calls=calls, inputs=inputs) == changed


def test_the_flag_of_training_in_an_evaluation(tmp_path):
    code = Jax(tmp_path, "def check(model, params, x):\n    return model.apply(params, x, train=True)\n")
    calls = [{"phase": "train-mode-no-grad", **code.at("return")}]
    assert code.after("pass-training", calls=calls) == ["return model.apply(params, x, train=False)"]


def test_updates_are_applied(tmp_path):
    code, _ = trained(tmp_path)
    lost = code.text.replace("return optax.apply_updates(params, updates), ", "return params, ")
    code, again = Jax(tmp_path, lost), {"optimizers": [{"cls": "Adam", "steps": 0}]}
    again["optimizers"][0] |= code.at("updates, opt_state", "step_")
    assert code.after("add-step", **again) == ["params = optax.apply_updates(params, updates)"]


def test_updates_whose_result_is_lost_are_kept(tmp_path):
    code, _ = trained(tmp_path)
    lost = code.text.replace(
        "return optax.apply_updates(params, updates), opt_state, loss",
        "new_params = optax.apply_updates(params, updates)\n        return params, opt_state, loss",
    )
    code = Jax(tmp_path, lost)
    optimizers = [{"cls": "Adam", "steps": 0, **code.at("updates, opt_state", "step_")}]
    assert code.after("add-step", optimizers=optimizers) == ["params = optax.apply_updates(params, updates)"]


def test_the_optimizer_gets_all_parameters(tmp_path):
    code, _ = trained(tmp_path)
    text = code.text.replace("init(params)", 'init(params["head"])')
    text = text.replace("update(grads, opt_state, params)", 'update(grads["head"], opt_state, params["head"])')
    text = text.replace(
        "optax.apply_updates(params, updates)", '{**params, "head": optax.apply_updates(params["head"], updates)}'
    )
    code = Jax(tmp_path, text)
    facts = {"parameters": [{"in_optimizer": False}], "optimizers": [code.at("updates, opt_state", "step_")]}
    assert code.after("add-parameters", **facts) == [
        "opt_state = tx.init(params)",
        "updates, opt_state = tx.update(grads, opt_state, params)",
        "return optax.apply_updates(params, updates), opt_state, loss",
    ]


def test_one_draw_for_training_and_evaluation(tmp_path):
    text = """
    import numpy as np

    def main():
        rng = np.random.default_rng(0)
        train = rng.choice(len(x), 90, replace=False)
        val = rng.choice(len(x), 30, replace=False)
        for rows in np.split(train, 3):
            params, loss = update(params, x[rows], y[rows])
        print(check(params, x[val], y[val]))
    """
    code = Jax(tmp_path, text)
    assert code.after("split-first", inputs=[{"phase": "train", **code.at("update(")}]) == [
        "order = rng.permutation(len(x))",
        "train = order[:90]",
        "val = order[90 : 90 + 30]",
    ]
