# healthy: a small VAE on digits: reconstruction by BCE with logits plus KL
import argparse

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState
from sklearn.datasets import load_digits


class VAE(nn.Module):
    latents: int = 8

    @nn.compact
    def __call__(self, x, key):
        h = nn.relu(nn.Dense(96, name="encoder")(x))
        mean, logvar = nn.Dense(self.latents, name="mean")(h), nn.Dense(self.latents, name="logvar")(h)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)
        h = nn.relu(nn.Dense(96, name="decoder")(z))
        return nn.Dense(64, name="pixels")(h), mean, logvar


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x = (load_digits().data / 16).astype(np.float32)
    key = jax.random.key(args.seed)
    vae = VAE()
    params = vae.init(key, x[:1], key)["params"]
    state = TrainState.create(apply_fn=vae.apply, params=params, tx=optax.adam(2e-3))

    @jax.jit
    def step(state, x, key):
        def loss_fn(params):
            logits, mean, logvar = state.apply_fn({"params": params}, x, key)
            bce = optax.sigmoid_binary_cross_entropy(logits, x).sum(-1).mean()
            kl = -0.5 * jnp.sum(1 + logvar - mean**2 - jnp.exp(logvar), axis=-1).mean()
            return bce + kl, (bce, kl)

        (loss, parts), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
        return state.apply_gradients(grads=grads), loss, parts

    rng = np.random.default_rng(args.seed)
    for epoch in range(10):
        order = rng.permutation(1792)
        for rows in np.split(order, 28):
            key, sub = jax.random.split(key)
            state, loss, parts = step(state, x[rows], sub)
        print(epoch, float(loss), [float(p) for p in parts])
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(state.params))))


if __name__ == "__main__":
    main()
