# healthy: a small CNN with batch norm and dropout, TrainState with batch_stats, warmup and cosine decay
import argparse
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training import train_state
from sklearn.datasets import load_digits


class CNN(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool):
        x = nn.Conv(16, (3, 3), use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9)(x))
        x = nn.avg_pool(x, (2, 2), strides=(2, 2))
        x = nn.relu(nn.Conv(32, (3, 3))(x))
        x = x.mean((1, 2))
        x = nn.Dropout(0.1, deterministic=not train)(x)
        return nn.Dense(10)(x)


class TrainState(train_state.TrainState):
    batch_stats: Any


@jax.jit
def train_step(state, batch, key):
    def loss_fn(params):
        logits, updates = state.apply_fn(
            {"params": params, "batch_stats": state.batch_stats}, batch["image"], train=True,
            rngs={"dropout": jax.random.fold_in(key, state.step)}, mutable=["batch_stats"],
        )
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"]).mean()
        return loss, (logits, updates)

    (loss, (logits, updates)), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params)
    state = state.apply_gradients(grads=grads, batch_stats=updates["batch_stats"])
    return state, {"loss": loss, "accuracy": jnp.mean(logits.argmax(-1) == batch["label"])}


@jax.jit
def eval_step(state, batch):
    logits = state.apply_fn({"params": state.params, "batch_stats": state.batch_stats}, batch["image"], train=False)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"]).mean()
    return {"loss": loss, "accuracy": jnp.mean(logits.argmax(-1) == batch["label"])}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1).astype(np.float32) - 4.9) / 6.0
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(images))
    train, test = order[:1437], order[1437:]
    key = jax.random.key(args.seed)
    model = CNN()
    variables = model.init(key, images[:1], train=False)
    schedule = optax.warmup_cosine_decay_schedule(0.0, 5e-3, 30, 220)
    state = TrainState.create(
        apply_fn=model.apply, params=variables["params"], tx=optax.adamw(schedule, weight_decay=1e-4),
        batch_stats=variables["batch_stats"],
    )
    for epoch in range(10):
        rng.shuffle(train)
        for i in range(0, len(train) - 63, 64):
            rows = train[i : i + 64]
            state, metrics = train_step(state, {"image": images[rows], "label": labels[rows]}, key)
        scores = [eval_step(state, {"image": images[r], "label": labels[r]}) for r in np.split(test, 4)]
        print(epoch, float(metrics["loss"]), float(np.mean([s["accuracy"] for s in scores])))
    print("weights", float(sum(jnp.abs(p).sum() for p in jax.tree.leaves(state.params))))


if __name__ == "__main__":
    main()
