# expect: lr-too-high
# accept: huge-updates loss-diverges
# note: Adam with a learning rate of 1
import argparse

import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits


class MLP(nnx.Module):
    def __init__(self, sizes, rngs):
        self.layers = nnx.List([nnx.Linear(m, n, rngs=rngs) for m, n in zip(sizes[:-1], sizes[1:])])

    def __call__(self, x):
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        return self.layers[-1](x)


@nnx.jit
def train_step(model, optimizer, x, y):
    def loss_fn(model):
        return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

    loss, grads = nnx.value_and_grad(loss_fn)(model)
    optimizer.update(model, grads)
    return loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = (x / 16.0).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    model = MLP([64, 128, 64, 10], nnx.Rngs(args.seed))
    optimizer = nnx.Optimizer(model, optax.adam(1.0), wrt=nnx.Param)  # fault
    for epoch in range(6):
        order = rng.permutation(1500)
        losses = [train_step(model, optimizer, x[rows], y[rows]) for rows in np.split(order, 30)]
        accuracy = (model(x[1500:]).argmax(1) == y[1500:]).mean()
        print(epoch, float(np.mean([float(v) for v in losses])), float(accuracy))


if __name__ == "__main__":
    main()
