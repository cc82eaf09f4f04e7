# expect: evaluation-in-train-mode
# note: the validation, which is not compiled, runs with dropout
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState
from sklearn.datasets import load_digits

data = load_digits()
X = (data.data / 16 - 0.3).astype(np.float32)
Y = data.target.astype(np.int32)


class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        for width in (96, 64):
            x = nn.relu(nn.Dense(width)(x))
            x = nn.Dropout(0.4, deterministic=not train)(x)
        return nn.Dense(10)(x)


net = Net()
variables = net.init(jax.random.key(0), X[:1], train=False)
state = TrainState.create(apply_fn=net.apply, params=variables["params"], tx=optax.adamw(1e-3))


@jax.jit
def train_step(state, x, y, key):
    def loss_fn(params):
        logits = state.apply_fn({"params": params}, x, train=True, rngs={"dropout": key})
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    loss, grads = jax.value_and_grad(loss_fn)(state.params)
    return state.apply_gradients(grads=grads), loss


key = jax.random.key(1)
rng = np.random.default_rng(0)
for epoch in range(4):
    order = rng.permutation(1500)
    for i in range(0, 1472, 32):
        key, dropout = jax.random.split(key)
        state, loss = train_step(state, X[order[i : i + 32]], Y[order[i : i + 32]], dropout)
    key, dropout = jax.random.split(key)
    logits = net.apply({"params": state.params}, X[1500:], train=True, rngs={"dropout": dropout})  # fault
    print(epoch, float(loss), float(jnp.mean(logits.argmax(-1) == Y[1500:])))
