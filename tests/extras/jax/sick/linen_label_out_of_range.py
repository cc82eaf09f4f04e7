# expect: label-out-of-range
# note: the labels of the file run from 1 to 3; one_hot gives a row of zeros for the third class
import argparse

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_wine


class MLP(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.tanh(nn.Dense(24)(x))
        return nn.Dense(3)(x)


def read_table():
    data = load_wine()
    return data.data.astype(np.float32), data.target + 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = read_table()
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, val = order[:128], order[128:]
    mean, std = x[train].mean(0), x[train].std(0)
    x = (x - mean) / std

    model = MLP()
    params = model.init(jax.random.key(args.seed), x[:1])
    tx = optax.adamw(5e-3)
    opt_state = tx.init(params)

    def loss_fn(params, x, y):
        logits = model.apply(params, x)
        one_hot = jax.nn.one_hot(y, 3)
        return -jnp.mean(jnp.sum(one_hot * jax.nn.log_softmax(logits), axis=-1))  # fault

    @jax.jit
    def step(params, opt_state, x, y):
        loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
        updates, opt_state = tx.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, loss

    for epoch in range(25):
        rng.shuffle(train)
        for i in range(0, len(train), 16):
            rows = train[i : i + 16]
            params, opt_state, loss = step(params, opt_state, x[rows], y[rows])
        accuracy = (model.apply(params, x[val]).argmax(-1) == y[val]).mean()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}: loss {loss:.3f}, validation accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
