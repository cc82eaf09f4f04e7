# expect: negated-loss
# note: the gradient is added to the weights
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_wine

d = load_wine()
X = ((d.data - d.data.mean(0)) / d.data.std(0)).astype(np.float32)
T = np.eye(3, dtype=np.float32)[d.target]


def forward(params, x):
    h = jnp.tanh(x @ params["w1"] + params["b1"])
    return h @ params["w2"] + params["b2"]


def loss_fn(params, x, t):
    return -jnp.mean(jnp.sum(t * jax.nn.log_softmax(forward(params, x)), axis=1))


k1, k2 = jax.random.split(jax.random.PRNGKey(0))
params = {"w1": jax.random.normal(k1, (13, 20)) * 0.3, "b1": jnp.zeros(20),
          "w2": jax.random.normal(k2, (20, 3)) * 0.2, "b2": jnp.zeros(3)}


@jax.jit
def step(params, x, t, lr):
    loss, g = jax.value_and_grad(loss_fn)(params, x, t)  # fault
    return jax.tree.map(lambda p, gp: p + lr * gp, params, g), loss


rng = np.random.default_rng(0)
for epoch in range(30):
    order = rng.permutation(len(X))
    for i in range(0, 160, 16):
        b = order[i : i + 16]
        params, loss = step(params, X[b], T[b], 0.01)
    print(epoch, float(loss))
