# healthy: an Equinox GRU over generated sequences, lax.scan inside the model
import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax


class RNN(eqx.Module):
    cell: eqx.nn.GRUCell
    linear: eqx.nn.Linear

    def __init__(self, key):
        a, b = jax.random.split(key)
        self.cell = eqx.nn.GRUCell(2, 16, key=a)
        self.linear = eqx.nn.Linear(16, 1, key=b)

    def __call__(self, sequence):
        def body(carry, x):
            return self.cell(x, carry), None

        out, _ = jax.lax.scan(body, jnp.zeros(self.cell.hidden_size), sequence)
        return self.linear(out)[0]


def spirals(n, rng):
    t = np.linspace(0, 4 * np.pi, 16)
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    sign = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)[:, None]
    x = np.stack([np.sin(t + phase) / (1 + t), sign * np.cos(t + phase) / (1 + t)], -1)
    order = rng.permutation(n)
    return x.astype(np.float32)[order], (np.arange(n) % 2 == 0).astype(np.float32)[order]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    x, y = spirals(1600, rng)
    x_test, y_test = spirals(300, rng)
    model = RNN(jax.random.key(args.seed))
    optim = optax.adam(1e-2)
    state = optim.init(model)

    @eqx.filter_value_and_grad
    def loss_fn(model, x, y):
        return optax.sigmoid_binary_cross_entropy(jax.vmap(model)(x), y).mean()

    @eqx.filter_jit
    def step(model, state, x, y):
        loss, grads = loss_fn(model, x, y)
        updates, state = optim.update(grads, state)
        return loss, eqx.apply_updates(model, updates), state

    for epoch in range(6):
        order = rng.permutation(1600)
        for rows in np.split(order, 32):
            loss, model, state = step(model, state, x[rows], y[rows])
        print(epoch, float(loss), float(((jax.vmap(model)(x_test) > 0) == y_test).mean()))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(model))))


if __name__ == "__main__":
    main()
