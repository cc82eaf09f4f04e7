# healthy: an autoencoder trained by one call with lax.fori_loop, rematerialised blocks, minibatches drawn inside
import argparse

import jax
import jax.numpy as jnp
import optax
from sklearn.datasets import load_digits


@jax.checkpoint
def encode(params, x):
    return jnp.tanh(x @ params["e1"]) @ params["e2"]


def decode(params, z):
    return jnp.tanh(z @ params["d1"]) @ params["d2"] + params["bias"]


def loss_fn(params, x):
    return jnp.mean(jnp.square(decode(params, encode(params, x)) - x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x = load_digits().data
    x = jnp.asarray((x - x.mean(0)) / x.std(), jnp.float32)
    keys = jax.random.split(jax.random.key(args.seed), 5)
    shapes = {"e1": (64, 48), "e2": (48, 12), "d1": (12, 48), "d2": (48, 64)}
    params = {n: jax.random.normal(k, s) / jnp.sqrt(s[0]) for (n, s), k in zip(shapes.items(), keys)}
    params["bias"] = jnp.zeros(64)
    tx = optax.adam(3e-3)

    def body(i, carry):
        params, state, key, total = carry
        key, sub = jax.random.split(key)
        batch = x[jax.random.choice(sub, x.shape[0], (64,), replace=False)]
        loss, grads = jax.value_and_grad(loss_fn)(params, batch)
        updates, state = tx.update(grads, state)
        return optax.apply_updates(params, updates), state, key, total + loss

    @jax.jit
    def run(params, state, key):
        return jax.lax.fori_loop(0, 50, body, (params, state, key, 0.0))

    state, key = tx.init(params), keys[4]
    for block in range(10):
        params, state, key, total = run(params, state, key)
        print(block, float(total) / 50)
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(params))))


if __name__ == "__main__":
    main()
