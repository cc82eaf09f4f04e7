# expect: double-softmax
# note: the network ends in softmax, and the loss takes logits; the loss cannot fall below 1.46
import argparse

import flax.linen as nn
import jax
import numpy as np
import optax
from flax.training import train_state
from sklearn.datasets import load_digits


class Net(nn.Module):
    hidden: int = 64

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(self.hidden)(x)
        x = nn.relu(x)
        x = nn.Dense(10)(x)
        return nn.softmax(x)  # fault


@jax.jit
def train_step(state, images, labels):
    def loss_fn(params):
        logits = state.apply_fn({"params": params}, images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    loss, grads = jax.value_and_grad(loss_fn)(state.params)
    return state.apply_gradients(grads=grads), loss


@jax.jit
def eval_step(state, images, labels):
    logits = state.apply_fn({"params": state.params}, images)
    return (logits.argmax(-1) == labels).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(7).permutation(len(x))
    x, y = ((x - 4.9) / 6.0).astype(np.float32)[order], y[order]
    x_train, y_train, x_test, y_test = x[:1400], y[:1400], x[1400:], y[1400:]

    net = Net()
    params = net.init(jax.random.key(args.seed), x_train[:1])["params"]
    state = train_state.TrainState.create(apply_fn=net.apply, params=params, tx=optax.adam(3e-3))
    rng = np.random.default_rng(args.seed)
    for epoch in range(10):
        order = rng.permutation(len(x_train))
        for i in range(0, len(order) - 63, 64):
            rows = order[i : i + 64]
            state, loss = train_step(state, x_train[rows], y_train[rows])
        print(f"epoch {epoch} loss {loss:.4f} accuracy {eval_step(state, x_test, y_test):.3f}")


if __name__ == "__main__":
    main()
