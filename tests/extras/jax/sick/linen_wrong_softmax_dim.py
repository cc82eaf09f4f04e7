# expect: wrong-softmax-dim
# note: log_softmax over the samples of the batch
import argparse

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training import train_state
from sklearn.datasets import load_digits


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = x.reshape((x.shape[0], 8, 8, 1))
        x = nn.relu(nn.Conv(12, (3, 3), strides=2)(x))
        x = nn.Dense(10)(x.reshape((x.shape[0], -1)))
        return jax.nn.log_softmax(x, axis=0)  # fault


@jax.jit
def step(state, x, y):
    def nll(params):
        log_probs = state.apply_fn({"params": params}, x)
        return -jnp.mean(jnp.sum(jax.nn.one_hot(y, 10) * log_probs, axis=1))

    loss, grads = jax.value_and_grad(nll)(state.params)
    return state.apply_gradients(grads=grads), loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    net = Net()
    params = net.init(jax.random.key(args.seed), x[:1])["params"]
    state = train_state.TrainState.create(apply_fn=net.apply, params=params, tx=optax.adam(2e-3))
    for epoch in range(6):
        order = rng.permutation(1440)
        for rows in np.split(order, 30):
            state, loss = step(state, x[rows], y[rows])
        guess = net.apply({"params": state.params}, x[1440:]).argmax(1)
        print(epoch, float(loss), float((guess == y[1440:]).mean()))


if __name__ == "__main__":
    main()
