# expect: missing-step
# note: updates are computed and never applied
# location: none
import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_breast_cancer


def logits_of(params, x):
    h = jnp.tanh(x @ params["w1"] + params["b1"])
    return (h @ params["w2"] + params["b2"])[:, 0]


def loss_fn(params, x, y):
    return optax.sigmoid_binary_cross_entropy(logits_of(params, x), y).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_breast_cancer(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    y = y.astype(np.float32)
    k1, k2 = jax.random.split(jax.random.key(args.seed))
    params = {
        "w1": jax.random.normal(k1, (30, 16)) / np.sqrt(30), "b1": jnp.zeros(16),
        "w2": jax.random.normal(k2, (16, 1)) / 4, "b2": jnp.zeros(1),
    }
    optimizer = optax.adam(1e-2)
    opt_state = optimizer.init(params)

    @jax.jit
    def step(params, opt_state, x, y):
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return params, opt_state, loss

    rng = np.random.default_rng(args.seed)
    for epoch in range(12):
        order = rng.permutation(456)
        for rows in np.array_split(order, 14):
            params, opt_state, loss = step(params, opt_state, x[rows], y[rows])
        hits = ((logits_of(params, x[456:]) > 0) == y[456:]).mean()
        print(epoch, float(loss), float(hits))


if __name__ == "__main__":
    main()
