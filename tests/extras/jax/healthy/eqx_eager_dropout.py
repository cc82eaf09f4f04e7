# healthy: Equinox net for one sample, vmapped, with dropout keys for each sample
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

data = load_breast_cancer()
Xtr, Xte, ytr, yte = train_test_split(data.data, data.target, random_state=0, stratify=data.target)
scaler = StandardScaler().fit(Xtr)
Xtr, Xte = scaler.transform(Xtr).astype("float32"), scaler.transform(Xte).astype("float32")
ytr, yte = ytr.astype("float32"), yte.astype("float32")


class Classifier(eqx.Module):
    layers: list
    dropout: eqx.nn.Dropout
    head: eqx.nn.Linear

    def __init__(self, key):
        a, b, c = jax.random.split(key, 3)
        self.layers = [eqx.nn.Linear(30, 32, key=a), eqx.nn.Linear(32, 16, key=b)]
        self.dropout = eqx.nn.Dropout(0.2)
        self.head = eqx.nn.Linear(16, "scalar", key=c)

    def __call__(self, x, key=None):
        for layer in self.layers:
            x = jax.nn.relu(layer(x))
        return self.head(self.dropout(x, key=key))


@eqx.filter_value_and_grad
def loss_fn(model, x, y, key):
    keys = jax.random.split(key, x.shape[0])
    logits = jax.vmap(model)(x, keys)
    return optax.sigmoid_binary_cross_entropy(logits, y).mean()


model = Classifier(jax.random.PRNGKey(1))
opt = optax.adamw(1e-3, weight_decay=1e-3)
opt_state = opt.init(eqx.filter(model, eqx.is_inexact_array))


@eqx.filter_jit
def step(model, opt_state, x, y, key):
    loss, grads = loss_fn(model, x, y, key)
    updates, opt_state = opt.update(grads, opt_state, eqx.filter(model, eqx.is_inexact_array))
    return eqx.apply_updates(model, updates), opt_state, loss


key = jax.random.PRNGKey(7)
rng = np.random.default_rng(0)
for epoch in range(20):
    order = rng.permutation(len(Xtr))
    for i in range(0, len(order) - 31, 32):
        b = order[i : i + 32]
        key, sub = jax.random.split(key)
        model, opt_state, loss = step(model, opt_state, Xtr[b], ytr[b], sub)
    if epoch % 10 == 9:
        inference = eqx.nn.inference_mode(model)
        logits = jax.vmap(inference)(jnp.asarray(Xte))
        acc = jnp.mean((logits > 0) == (yte > 0.5))
        print(epoch, float(loss), float(acc))
