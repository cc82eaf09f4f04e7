# expect: evaluation-in-train-mode
# note: model.eval() is never called, so that dropout is on while the model is scored
import argparse

import numpy as np
import optax
from flax import nnx
from sklearn.datasets import load_digits


class Net(nnx.Module):
    def __init__(self, rngs: nnx.Rngs):
        self.fc1 = nnx.Linear(64, 128, rngs=rngs)
        self.dropout = nnx.Dropout(0.4, rngs=rngs)
        self.fc2 = nnx.Linear(128, 10, rngs=rngs)

    def __call__(self, x):
        return self.fc2(self.dropout(nnx.relu(self.fc1(x))))


def loss_fn(model, batch):
    logits = model(batch["x"])
    loss = optax.softmax_cross_entropy_with_integer_labels(logits=logits, labels=batch["y"]).mean()
    return loss, logits


@nnx.jit
def train_step(model, optimizer, metrics, batch):
    (loss, logits), grads = nnx.value_and_grad(loss_fn, has_aux=True)(model, batch)
    metrics.update(loss=loss, logits=logits, labels=batch["y"])
    optimizer.update(model, grads)


@nnx.jit
def eval_step(model, metrics, batch):
    loss, logits = loss_fn(model, batch)  # fault
    metrics.update(loss=loss, logits=logits, labels=batch["y"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    x = ((x - x.mean()) / x.std()).astype(np.float32)
    rng = np.random.default_rng(args.seed)
    order = rng.permutation(len(x))
    train, test = order[:1437], order[1437:]
    model = Net(nnx.Rngs(args.seed))
    optimizer = nnx.Optimizer(model, optax.adamw(2e-3), wrt=nnx.Param)
    metrics = nnx.MultiMetric(accuracy=nnx.metrics.Accuracy(), loss=nnx.metrics.Average("loss"))
    for epoch in range(8):
        rng.shuffle(train)
        for i in range(0, len(train) - 47, 48):
            rows = train[i : i + 48]
            train_step(model, optimizer, metrics, {"x": x[rows], "y": y[rows]})
        trained = {k: float(v) for k, v in metrics.compute().items()}
        metrics.reset()
        for i in range(0, len(test), 90):
            rows = test[i : i + 90]
            eval_step(model, metrics, {"x": x[rows], "y": y[rows]})
        print(epoch, trained, {k: float(v) for k, v in metrics.compute().items()})
        metrics.reset()


if __name__ == "__main__":
    main()
