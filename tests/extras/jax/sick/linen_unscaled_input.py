# expect: unscaled-input
# note: columns of the table from 0.1 to 1,600 enter as they are
import argparse

import flax.linen as nn
import jax
import numpy as np
import optax
from flax.training.train_state import TrainState
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split


class Classifier(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Dense(32)(x))
        return nn.Dense(3)(x)


@jax.jit
def update(state, x, y):
    def loss(params):
        logits = state.apply_fn({"params": params}, x)
        return optax.softmax_cross_entropy(logits, jax.nn.one_hot(y, 3)).mean()

    value, grads = jax.value_and_grad(loss)(state.params)
    return state.apply_gradients(grads=grads), value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_wine(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x.astype(np.float32), y, stratify=y, random_state=args.seed)
    model = Classifier()
    variables = model.init(jax.random.key(args.seed), x_train[:2])
    state = TrainState.create(apply_fn=model.apply, params=variables["params"], tx=optax.sgd(0.05))
    rng = np.random.default_rng(args.seed)
    for epoch in range(30):
        order = rng.permutation(len(x_train))
        for i in range(0, len(order) - 15, 16):
            rows = order[i : i + 16]
            state, value = update(state, x_train[rows], y_train[rows])  # fault
        if epoch % 5 == 4:
            guess = model.apply({"params": state.params}, x_test).argmax(-1)
            print(epoch, float(value), float((guess == y_test).mean()))


if __name__ == "__main__":
    main()
