# healthy: logistic regression from zeros, never compiled; BCE written out with clipped probabilities
import argparse

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_breast_cancer


def loss(params, x, y):
    p = jax.nn.sigmoid(x @ params["w"] + params["b"])
    p = jnp.clip(p, 1e-6, 1 - 1e-6)
    return -jnp.mean(y * jnp.log(p) + (1 - y) * jnp.log(1 - p)) + 1e-3 * jnp.sum(params["w"] ** 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_breast_cancer(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:450], order[450:]
    params = {"w": jnp.zeros(30), "b": jnp.zeros(())}
    gradient = jax.grad(loss)
    for epoch in range(8):
        rng.shuffle(train)
        for rows in np.array_split(train, 15):
            g = gradient(params, x[rows], y[rows].astype(np.float32))
            params = jax.tree.map(lambda p, d: p - 0.3 * d, params, g)
        right = ((x[test] @ params["w"] + params["b"] > 0) == y[test]).mean()
        print(epoch, float(loss(params, x[train], y[train])), float(right))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(params))))


if __name__ == "__main__":
    main()
