# expect: unsafe-loss-arithmetic
# note: a binary cross-entropy from probabilities, without keeping them off 0 and 1
import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_breast_cancer


def probability(params, x):
    h = jax.nn.relu(x @ params[0] + params[1])
    return jax.nn.sigmoid(h @ params[2] + params[3]).squeeze(-1)


def loss_fn(params, x, y):
    p = probability(params, x)
    return -jnp.mean(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_breast_cancer(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    y = y.astype(np.float32)
    k1, k2 = jax.random.split(jax.random.key(args.seed))
    params = [
        jax.random.normal(k1, (30, 64)) * 0.25, jnp.zeros(64), jax.random.normal(k2, (64, 1)) * 0.2, jnp.zeros(1),
    ]
    tx = optax.sgd(0.5, momentum=0.9)
    state = tx.init(params)

    @jax.jit
    def step(params, state, x, y):
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        updates, state = tx.update(grads, state)
        return optax.apply_updates(params, updates), state, loss

    rng = np.random.default_rng(args.seed)
    for epoch in range(30):
        order = rng.permutation(448)
        for rows in np.split(order, 14):
            params, state, loss = step(params, state, x[rows], y[rows])
        if epoch % 5 == 4:
            print(epoch, float(loss), float(((probability(params, x[448:]) > 0.5) == y[448:]).mean()))


if __name__ == "__main__":
    main()
