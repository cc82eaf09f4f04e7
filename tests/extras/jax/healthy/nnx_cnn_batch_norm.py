# healthy: flax.nnx CNN with batch norm, train and eval views, nnx.Optimizer with a schedule
import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits


class CNN(nnx.Module):
    def __init__(self, rngs):
        self.conv1 = nnx.Conv(1, 16, (3, 3), rngs=rngs)
        self.bn = nnx.BatchNorm(16, rngs=rngs)
        self.conv2 = nnx.Conv(16, 24, (3, 3), rngs=rngs)
        self.out = nnx.Linear(24 * 4, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.avg_pool(nnx.relu(self.bn(self.conv1(x))), (2, 2), strides=(2, 2))
        x = nnx.avg_pool(nnx.relu(self.conv2(x)), (2, 2), strides=(2, 2))
        return self.out(x.reshape(x.shape[0], -1))


def loss_fn(model, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()


@nnx.jit
def train_step(model, optimizer, x, y):
    loss, grads = nnx.value_and_grad(loss_fn)(model, x, y)
    optimizer.update(model, grads)
    return loss


@nnx.jit
def eval_step(model, x, y):
    logits = model(x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), (logits.argmax(-1) == y).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).reshape(-1, 8, 8, 1).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:1440], order[1440:]
    model = CNN(nnx.Rngs(args.seed))
    schedule = optax.cosine_decay_schedule(4e-3, 210)
    optimizer = nnx.Optimizer(model, optax.adam(schedule), wrt=nnx.Param)
    for epoch in range(7):
        model.train()
        rng.shuffle(train)
        losses = [float(train_step(model, optimizer, x[rows], y[rows])) for rows in np.split(train, 30)]
        model.eval()
        loss, accuracy = eval_step(model, x[test], y[test])
        print(epoch, np.mean(losses), float(loss), float(accuracy))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(nnx.state(model, nnx.Param)))))


if __name__ == "__main__":
    main()
