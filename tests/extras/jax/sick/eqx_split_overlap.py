# expect: split-overlap
# note: the validation rows are drawn from all rows, also those that are trained on
# location: none
import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits


def cross_entropy(model, x, y):
    logits = jax.vmap(model)(x)
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()


@eqx.filter_jit
def evaluate(model, x, y):
    guess = jnp.argmax(jax.vmap(model)(x), axis=1)
    return cross_entropy(model, x, y), jnp.mean(guess == y)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    train = rng.choice(len(x), 1344, replace=False)
    val = rng.choice(len(x), 350, replace=False)

    model = eqx.nn.MLP(64, 10, 64, 1, key=jax.random.key(args.seed))
    optim = optax.adamw(2e-3)
    state = optim.init(eqx.filter(model, eqx.is_array))

    @eqx.filter_jit
    def step(model, state, x, y):
        loss, grads = eqx.filter_value_and_grad(cross_entropy)(model, x, y)
        updates, state = optim.update(grads, state, eqx.filter(model, eqx.is_array))
        return eqx.apply_updates(model, updates), state, loss

    for epoch in range(8):
        rng.shuffle(train)
        for rows in np.split(train, 28):
            model, state, loss = step(model, state, x[rows], y[rows])
        val_loss, accuracy = evaluate(model, x[val], y[val])
        print(epoch, float(loss), float(val_loss), float(accuracy))


if __name__ == "__main__":
    main()
