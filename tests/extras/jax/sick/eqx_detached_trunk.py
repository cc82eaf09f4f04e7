# expect: detached-parameters
# note: a stop_gradient between the trunk and the head, left over from another experiment
import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits


class Net(eqx.Module):
    trunk: eqx.nn.MLP
    head: eqx.nn.Linear

    def __init__(self, key):
        a, b = jax.random.split(key)
        self.trunk = eqx.nn.MLP(64, 48, 96, 2, key=a)
        self.head = eqx.nn.Linear(48, 10, key=b)

    def __call__(self, x):
        features = jax.lax.stop_gradient(self.trunk(x))  # fault
        return self.head(jax.nn.relu(features))


@eqx.filter_value_and_grad
def compute_loss(model, x, y):
    logits = jax.vmap(model)(x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    x_train, y_train, x_val, y_val = x[::5].copy(), y[::5].copy(), x[1::5].copy(), y[1::5].copy()
    x_train = np.concatenate([x_train, x[2::5], x[3::5]])
    y_train = np.concatenate([y_train, y[2::5], y[3::5]])

    model = Net(jax.random.key(args.seed))
    optim = optax.adam(2e-3)
    opt_state = optim.init(eqx.filter(model, eqx.is_array))

    @eqx.filter_jit
    def make_step(model, opt_state, x, y):
        loss, grads = compute_loss(model, x, y)
        updates, opt_state = optim.update(grads, opt_state, model)
        model = eqx.apply_updates(model, updates)
        return loss, model, opt_state

    rng = np.random.default_rng(args.seed)
    for epoch in range(8):
        order = rng.permutation(len(x_train))
        for i in range(0, len(order) - 31, 32):
            rows = order[i : i + 32]
            loss, model, opt_state = make_step(model, opt_state, x_train[rows], y_train[rows])
        right = jnp.mean(jax.vmap(model)(x_val).argmax(1) == y_val)
        print(f"{epoch}: loss {loss.item():.4f}, validation accuracy {right.item():.3f}")


if __name__ == "__main__":
    main()
