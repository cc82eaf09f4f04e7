# expect: parameters-not-in-optimizer
# note: gradients of all layers are computed, but the optimizer was made for the head alone
import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits


def dense(key, n_in, n_out):
    return {"w": jax.random.normal(key, (n_in, n_out)) / jnp.sqrt(n_in), "b": jnp.zeros(n_out)}


def forward(params, x):
    for layer in params["body"]:
        x = jax.nn.relu(x @ layer["w"] + layer["b"])
    return x @ params["head"]["w"] + params["head"]["b"]


def loss_fn(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(forward(params, x), y).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    a, b, c = jax.random.split(jax.random.key(args.seed), 3)
    params = {"body": [dense(a, 64, 64), dense(b, 64, 32)], "head": dense(c, 32, 10)}
    tx = optax.adam(3e-3)  # fault
    opt_state = tx.init(params["head"])  # fault

    @jax.jit
    def step(params, opt_state, x, y):
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        updates, opt_state = tx.update(grads["head"], opt_state)
        return {**params, "head": optax.apply_updates(params["head"], updates)}, opt_state, loss

    rng = np.random.default_rng(args.seed)
    for epoch in range(8):
        order = rng.permutation(1440)
        for rows in np.split(order, 30):
            params, opt_state, loss = step(params, opt_state, x[rows], y[rows])
        print(epoch, float(loss), float((forward(params, x[1440:]).argmax(1) == y[1440:]).mean()))


if __name__ == "__main__":
    main()
