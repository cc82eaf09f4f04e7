# healthy: hand-written recurrent net with lax.scan, validation without jit
import jax
import jax.numpy as jnp
import numpy as np
import optax

rng = np.random.default_rng(0)


def make(n):
    phase = rng.uniform(0, 2 * np.pi, n)
    freq = rng.uniform(0.2, 0.6, n)
    t = np.arange(33)
    wave = np.sin(freq[:, None] * t + phase[:, None])
    return wave[:, :-1, None].astype(np.float32), wave[:, 1:, None].astype(np.float32)


train_x, train_y = make(1024)
test_x, test_y = make(256)


def init(key, hidden=48):
    k1, k2, k3 = jax.random.split(key, 3)
    return {
        "wx": jax.random.normal(k1, (1, hidden)) * 0.5,
        "wh": jax.random.orthogonal(k2, hidden),
        "bh": jnp.zeros(hidden),
        "wo": jax.random.normal(k3, (hidden, 1)) / jnp.sqrt(hidden),
        "bo": jnp.zeros(1),
    }


def forward(params, seq):
    def cell(h, x):
        h = jnp.tanh(x @ params["wx"] + h @ params["wh"] + params["bh"])
        return h, h @ params["wo"] + params["bo"]

    h0 = jnp.zeros((seq.shape[0], params["bh"].shape[0]))
    _, out = jax.lax.scan(cell, h0, jnp.swapaxes(seq, 0, 1))
    return jnp.swapaxes(out, 0, 1)


def mse(params, x, y):
    return jnp.mean((forward(params, x) - y) ** 2)


tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(3e-3))


@jax.jit
def update(params, opt_state, x, y):
    loss, grads = jax.value_and_grad(mse)(params, x, y)
    updates, opt_state = tx.update(grads, opt_state)
    return optax.apply_updates(params, updates), opt_state, loss


params = init(jax.random.PRNGKey(0))
opt_state = tx.init(params)
for epoch in range(6):
    order = rng.permutation(len(train_x))
    for i in range(0, len(order), 64):
        idx = order[i : i + 64]
        params, opt_state, loss = update(params, opt_state, train_x[idx], train_y[idx])
    val = mse(params, test_x, test_y)
    print(f"epoch {epoch} loss {float(loss):.5f} val {float(val):.5f}")
