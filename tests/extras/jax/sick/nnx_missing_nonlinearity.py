# expect: missing-nonlinearity
# note: the first two layers have no activation between them
import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits


class Classifier(nnx.Module):
    def __init__(self, width, rngs):
        self.first = nnx.Linear(64, width, rngs=rngs)
        self.second = nnx.Linear(width, width, rngs=rngs)
        self.head = nnx.Linear(width, 10, rngs=rngs)

    def __call__(self, x):
        x = self.first(x)  # fault
        x = jax.nn.relu(self.second(x))
        return self.head(x)


def loss_fn(model, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()


@nnx.jit
def train_step(model, optimizer, x, y):
    loss, grads = nnx.value_and_grad(loss_fn)(model, x, y)
    optimizer.update(model, grads)
    return loss


@nnx.jit
def accuracy(model, x, y):
    return jnp.mean(model(x).argmax(1) == y)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = (x / 8 - 1).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:1400], order[1400:]

    model = Classifier(96, rngs=nnx.Rngs(args.seed))
    optimizer = nnx.Optimizer(model, optax.adam(2e-3), wrt=nnx.Param)
    for epoch in range(8):
        rng.shuffle(train)
        total = 0.0
        for rows in np.array_split(train, 28):
            total += float(train_step(model, optimizer, x[rows], y[rows]))
        print(epoch, total / 28, accuracy(model, x[test], y[test]))


if __name__ == "__main__":
    main()
