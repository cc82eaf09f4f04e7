# healthy: data-parallel training by pmap over two devices, gradients averaged
import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

d = load_digits()
X, Y = (d.data / 16 - 0.3).astype(np.float32), d.target.astype(np.int32)
n = jax.local_device_count()


def init(key):
    a, b = jax.random.split(key)
    return {"w1": jax.random.normal(a, (64, 48)) * 0.18, "b1": jnp.zeros(48),
            "w2": jax.random.normal(b, (48, 10)) * 0.2, "b2": jnp.zeros(10)}


def loss_fn(params, x, y):
    h = jax.nn.relu(x @ params["w1"] + params["b1"])
    return optax.softmax_cross_entropy_with_integer_labels(h @ params["w2"] + params["b2"], y).mean()


tx = optax.adam(3e-3)


@functools.partial(jax.pmap, axis_name="devices")
def step(params, opt_state, x, y):
    loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
    grads = jax.lax.pmean(grads, "devices")
    loss = jax.lax.pmean(loss, "devices")
    updates, opt_state = tx.update(grads, opt_state)
    return optax.apply_updates(params, updates), opt_state, loss


params = init(jax.random.key(0))
opt_state = tx.init(params)
params, opt_state = jax.tree.map(lambda a: jnp.stack([a] * n), (params, opt_state))
rng = np.random.default_rng(0)
for epoch in range(6):
    order = rng.permutation(1600)
    for i in range(0, 1600, 64):
        idx = order[i : i + 64]
        x, y = X[idx].reshape(n, -1, 64), Y[idx].reshape(n, -1)
        params, opt_state, loss = step(params, opt_state, x, y)
    print(epoch, float(loss[0]))
