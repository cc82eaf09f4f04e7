# healthy: an embedding bag on generated headlines, adamw with a mask, label smoothing
import argparse

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState


class Bag(nn.Module):
    @nn.compact
    def __call__(self, tokens):
        x = nn.Embed(120, 24)(tokens).mean(1)
        x = nn.gelu(nn.Dense(32)(x))
        return nn.Dense(4)(x)


def headlines(n, rng):
    topic = rng.integers(0, 4, n)
    words = rng.integers(0, 60, (n, 9))
    own = 60 + topic[:, None] * 15 + rng.integers(0, 15, (n, 9))
    return np.where(rng.random((n, 9)) < 0.3, own, words).astype(np.int32), topic.astype(np.int32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    x, y = headlines(1800, rng)
    x_val, y_val = headlines(400, rng)
    model = Bag()
    params = model.init(jax.random.key(args.seed), x[:1])["params"]
    mask = jax.tree.map(lambda p: p.ndim > 1, params)
    tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(4e-3, weight_decay=1e-2, mask=mask))
    state = TrainState.create(apply_fn=model.apply, params=params, tx=tx)

    def cross_entropy(params, tokens, labels):
        logits = model.apply({"params": params}, tokens)
        smooth = optax.smooth_labels(jax.nn.one_hot(labels, 4), 0.05)
        return optax.softmax_cross_entropy(logits, smooth).mean()

    @jax.jit
    def step(state, tokens, labels):
        loss, grads = jax.value_and_grad(cross_entropy)(state.params, tokens, labels)
        return state.apply_gradients(grads=grads), loss

    @jax.jit
    def evaluate(params, tokens, labels):
        logits = model.apply({"params": params}, tokens)
        return jnp.mean(jnp.argmax(logits, -1) == labels)

    for epoch in range(8):
        order = rng.permutation(1792)
        for rows in np.split(order, 28):
            state, loss = step(state, x[rows], y[rows])
        print(epoch, float(loss), float(evaluate(state.params, x_val, y_val)))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(state.params))))


if __name__ == "__main__":
    main()
