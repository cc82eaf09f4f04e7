# healthy: the trunk is frozen by optax.multi_transform after a few epochs of training everything
import argparse

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Dense(80, name="trunk")(x))
        return nn.Dense(10, name="head")(x)


def labels_of(params):
    return {name: jax.tree.map(lambda _: "frozen" if name == "trunk" else "trained", p) for name, p in params.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:1400], order[1400:]
    net = Net()
    params = net.init(jax.random.key(args.seed), x[:1])["params"]

    def loss_fn(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(net.apply({"params": params}, x), y).mean()

    def make_step(tx):
        @jax.jit
        def step(params, state, x, y):
            loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
            updates, state = tx.update(grads, state, params)
            return optax.apply_updates(params, updates), state, loss

        return step

    for name, tx, epochs in (
        ("all", optax.adam(2e-3), 5),
        ("head", optax.multi_transform({"trained": optax.sgd(0.05), "frozen": optax.set_to_zero()}, labels_of), 3),
    ):
        step, state = make_step(tx), tx.init(params)
        for epoch in range(epochs):
            rng.shuffle(train)
            for rows in np.array_split(train, 28):
                params, state, loss = step(params, state, x[rows], y[rows])
            right = (net.apply({"params": params}, x[test]).argmax(1) == y[test]).mean()
            print(name, epoch, float(loss), float(right))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(params))))


if __name__ == "__main__":
    main()
