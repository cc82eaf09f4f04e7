# healthy: Equinox MLP on generated curves, filter_jit, clipped gradients, donated buffers
import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax


def make_data(n, rng):
    x = rng.uniform(-2, 2, (n, 3)).astype(np.float32)
    y = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.05 * rng.standard_normal(n)
    return x, y.astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    x_train, y_train = make_data(2000, rng)
    x_val, y_val = make_data(400, rng)
    model = eqx.nn.MLP(3, "scalar", 64, 2, activation=jax.nn.gelu, key=jax.random.key(args.seed))
    optim = optax.chain(optax.clip_by_global_norm(5.0), optax.adam(3e-3))
    opt_state = optim.init(eqx.filter(model, eqx.is_inexact_array))

    def loss_fn(model, x, y):
        return jnp.mean((jax.vmap(model)(x) - y) ** 2)

    @eqx.filter_jit(donate="all-except-first")
    def step(x_and_y, model, opt_state):
        loss, grads = eqx.filter_value_and_grad(loss_fn)(model, *x_and_y)
        updates, opt_state = optim.update(grads, opt_state)
        return eqx.apply_updates(model, updates), opt_state, loss

    evaluate = eqx.filter_jit(loss_fn)
    for epoch in range(10):
        order = rng.permutation(len(x_train))
        for i in range(0, len(order), 50):
            rows = order[i : i + 50]
            model, opt_state, loss = step((x_train[rows], y_train[rows]), model, opt_state)
        print(epoch, float(loss), float(evaluate(model, x_val, y_val)))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(eqx.filter(model, eqx.is_array)))))


if __name__ == "__main__":
    main()
