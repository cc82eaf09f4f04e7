# healthy: gradient accumulation by optax.MultiSteps and an injected learning rate, bare pytrees, Huber loss
import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_diabetes


def predict(params, x):
    h = jax.nn.silu(x @ params["w1"] + params["b1"])
    return h @ params["w2"] + params["b2"]


def loss_fn(params, x, y):
    return optax.huber_loss(predict(params, x), y).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_diabetes(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    y = ((y - y.mean()) / y.std()).astype(np.float32)[:, None]
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:352], order[352:]
    k1, k2 = jax.random.split(jax.random.key(args.seed))
    params = {
        "w1": jax.random.normal(k1, (10, 24)) / np.sqrt(10), "b1": jnp.zeros(24),
        "w2": jax.random.normal(k2, (24, 1)) / np.sqrt(24), "b2": jnp.zeros(1),
    }
    tx = optax.MultiSteps(optax.inject_hyperparams(optax.adam)(learning_rate=5e-3), every_k_schedule=2)
    state = tx.init(params)

    @jax.jit
    def step(params, state, x, y):
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        updates, state = tx.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    for epoch in range(25):
        rng.shuffle(train)
        for rows in np.split(train, 22):
            params, state, loss = step(params, state, x[rows], y[rows])
        if epoch % 6 == 0:
            print(epoch, float(loss), float(loss_fn(params, x[test], y[test])))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(params))))


if __name__ == "__main__":
    main()
