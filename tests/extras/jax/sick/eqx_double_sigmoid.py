# expect: double-sigmoid
# note: the model ends in a sigmoid, the loss applies it again
import argparse

import equinox as eqx
import jax
import numpy as np
import optax
from sklearn.datasets import load_breast_cancer


class Scorer(eqx.Module):
    layers: list

    def __init__(self, key):
        a, b = jax.random.split(key)
        self.layers = [eqx.nn.Linear(30, 24, key=a), eqx.nn.Linear(24, 1, key=b)]

    def __call__(self, x):
        x = jax.nn.relu(self.layers[0](x))
        return jax.nn.sigmoid(self.layers[1](x))[0]  # fault


def loss_fn(model, x, y):
    scores = jax.vmap(model)(x)
    return optax.sigmoid_binary_cross_entropy(scores, y).mean()


@eqx.filter_jit
def step(model, state, optimizer, x, y):
    loss, grads = eqx.filter_value_and_grad(loss_fn)(model, x, y)
    updates, state = optimizer.update(grads, state, eqx.filter(model, eqx.is_array))
    return eqx.apply_updates(model, updates), state, loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_breast_cancer(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
    y = y.astype(np.float32)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:448], order[448:]
    model = Scorer(jax.random.key(args.seed))
    optimizer = optax.adam(3e-3)
    state = optimizer.init(eqx.filter(model, eqx.is_array))
    for epoch in range(12):
        rng.shuffle(train)
        for rows in np.split(train, 14):
            model, state, loss = step(model, state, optimizer, x[rows], y[rows])
        hits = ((jax.vmap(model)(x[test]) > 0.5) == y[test]).mean()
        print(epoch, float(loss), float(hits))


if __name__ == "__main__":
    main()
