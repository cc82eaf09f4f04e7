# expect: training-in-eval-mode
# note: batch norm uses its running statistics in training too, and they are never updated
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

d = load_digits()
X = (d.data / 16 - 0.3).astype(np.float32)
Y = d.target.astype(np.int32)


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        for w in (128, 64):
            x = nn.Dense(w)(x)
            x = nn.BatchNorm(use_running_average=True)(x)  # fault
            x = nn.relu(x)
        return nn.Dense(10)(x)


net = Net()
variables = net.init(jax.random.key(0), X[:1])
params, stats = variables["params"], variables["batch_stats"]
tx = optax.adam(1e-3)
opt_state = tx.init(params)


@jax.jit
def train_step(params, stats, opt_state, x, y):
    def loss_fn(p):
        logits, new = net.apply({"params": p, "batch_stats": stats}, x, mutable=["batch_stats"])
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), new["batch_stats"]

    (loss, stats), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
    updates, opt_state = tx.update(grads, opt_state)
    return optax.apply_updates(params, updates), stats, opt_state, loss


rng = np.random.default_rng(0)
for epoch in range(2):
    order = rng.permutation(1500)
    for i in range(0, 1472, 32):
        b = order[i : i + 32]
        params, stats, opt_state, loss = train_step(params, stats, opt_state, X[b], Y[b])
    logits = net.apply({"params": params, "batch_stats": stats}, X[1500:])
    print(epoch, float(loss), float(jnp.mean(logits.argmax(-1) == Y[1500:])))
