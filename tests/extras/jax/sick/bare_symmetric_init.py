# expect: symmetric-init
# note: every weight starts at the same constant
import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits


def init_layer(n_in, n_out):
    return {"kernel": jnp.full((n_in, n_out), 0.05), "bias": jnp.zeros(n_out)}


def apply(params, x):
    x = jnp.tanh(x @ params["hidden"]["kernel"] + params["hidden"]["bias"])  # fault
    return x @ params["output"]["kernel"] + params["output"]["bias"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:1400], order[1400:]
    params = {"hidden": init_layer(64, 50), "output": init_layer(50, 10)}
    optimizer = optax.sgd(0.1, momentum=0.9)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state, x, y):
        def loss(p):
            return optax.softmax_cross_entropy_with_integer_labels(apply(p, x), y).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, value

    for epoch in range(10):
        rng.shuffle(train)
        for i in range(0, 1400, 50):
            rows = train[i : i + 50]
            params, state, value = step(params, state, x[rows], y[rows])
        print(epoch, float(value), float((apply(params, x[test]).argmax(1) == y[test]).mean()))


if __name__ == "__main__":
    main()
