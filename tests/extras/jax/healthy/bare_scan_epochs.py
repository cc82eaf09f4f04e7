# healthy: bare pytrees, one jitted epoch with lax.scan over its steps, momentum by hand
import argparse
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits


def init(key, sizes):
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        (jax.random.normal(k, (m, n)) * jnp.sqrt(2.0 / m), jnp.zeros((n,)))
        for k, m, n in zip(keys, sizes[:-1], sizes[1:])
    ]


def forward(params, x):
    *hidden, (w, b) = params
    for wi, bi in hidden:
        x = jnp.maximum(x @ wi + bi, 0.0)
    return x @ w + b


def loss_fn(params, x, y):
    logp = jax.nn.log_softmax(forward(params, x))
    return -jnp.mean(logp[jnp.arange(len(y)), y])


def one_step(carry, batch):
    params, velocity = carry
    loss, grads = jax.value_and_grad(loss_fn)(params, *batch)
    velocity = jax.tree.map(lambda v, g: 0.9 * v - 0.02 * g, velocity, grads)
    params = jax.tree.map(jnp.add, params, velocity)
    return (params, velocity), loss


@partial(jax.jit, donate_argnums=(0,))
def epoch(carry, xs, ys):
    return jax.lax.scan(one_step, carry, (xs, ys))


@jax.jit
def accuracy(params, x, y):
    return jnp.mean(jnp.argmax(forward(params, x), axis=1) == y)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = jnp.asarray((x - x.mean()) / x.std(), dtype=jnp.float32)
    y = jnp.asarray(y)
    order = np.random.default_rng(1).permutation(len(x))
    train, test = order[:1408], order[1408:]
    key = jax.random.key(args.seed)
    params = init(key, [64, 100, 10])
    carry = (params, jax.tree.map(jnp.zeros_like, params))
    for i in range(12):
        key, sub = jax.random.split(key)
        rows = jax.random.permutation(sub, train).reshape(-1, 64)
        carry, losses = epoch(carry, x[rows], y[rows])
        print(i, float(losses.mean()), float(accuracy(carry[0], x[test], y[test])))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(carry[0]))))


if __name__ == "__main__":
    main()
