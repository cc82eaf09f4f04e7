# expect: broadcast-loss
# note: predictions are (N, 1), targets (N,): the difference is (N, N)
import argparse

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_diabetes


def init(key, sizes):
    params = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:]):
        key, sub = jax.random.split(key)
        params.append({"w": jax.random.normal(sub, (n_in, n_out)) * np.sqrt(2 / n_in), "b": jnp.zeros(n_out)})
    return params


def predict(params, x):
    for layer in params[:-1]:
        x = jax.nn.relu(x @ layer["w"] + layer["b"])
    return x @ params[-1]["w"] + params[-1]["b"]


def mse(params, x, y):
    return jnp.mean((predict(params, x) - y) ** 2)  # fault


@jax.jit
def update(params, x, y, lr):
    loss, grads = jax.value_and_grad(mse)(params, x, y)
    return jax.tree.map(lambda p, g: p - lr * g, params, grads), loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_diabetes(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    y = ((y - y.mean()) / y.std()).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:342], order[342:]
    params = init(jax.random.key(args.seed), [10, 32, 16, 1])
    for epoch in range(30):
        rng.shuffle(train)
        for i in range(0, len(train) - 31, 32):
            rows = train[i : i + 32]
            params, loss = update(params, x[rows], y[rows], 0.02)
        residual = y[test] - predict(params, x[test])[:, 0]
        print(epoch, float(loss), "R2", float(1 - (residual**2).sum() / ((y[test] - y[test].mean()) ** 2).sum()))


if __name__ == "__main__":
    main()
