"""What a callback costs beside plain `netvet.watch`: the same net and loop, by turns in one process.

    python -m benchmarks.adapters --only lightning transformers --rounds 10
    python -m benchmarks.adapters --only jax --rounds 4 --steps 4000
    KERAS_BACKEND=torch python -m benchmarks.adapters --only keras --rounds 3 --steps 9000 --settle 6000

In each round the framework trains the net alone, inside `with netvet.watch(model)`, and with the callback; who begins
changes. A figure is the CPU time of the steps between the first ones and the last, without what netvet does once
before and after. Told are the medians over the rounds of the ratios to the other trainings of the same round.
`netvet.watch` takes no model of Keras: there, the callback alone is measured, which hears what `netvet run` hears.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Literal

os.environ.setdefault("OMP_NUM_THREADS", "1")

How = Literal["plain", "watch", "callback"]
WAYS: tuple[How, ...] = ("plain", "watch", "callback")
# Steps before the clock starts: the close look at the first ones is no part of a running cost.
SETTLE = 100
# Seconds in which a run with JAX hears every call: what is measured comes after them.
AWAKE = 6.0
BATCH, INPUTS, HIDDEN, CLASSES = 64, 64, 256, 10


@dataclass
class Clock:
    """CPU time at each step of one training."""

    times: list[float] = field(default_factory=list)

    def tick(self) -> None:
        """A step begins."""
        self.times.append(process_time())

    def seconds(self, settle: int) -> float:
        """Of one step, in the mean, from the end of the first steps to the last."""
        return (self.times[-1] - self.times[settle]) / (len(self.times) - 1 - settle)


Train = Callable[[How, int, Clock, Path], None]


def _torch_net() -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES)
    )


def _torch_data(samples: int) -> Any:
    import torch
    from torch.utils.data import TensorDataset

    x = torch.randn(samples, INPUTS, generator=torch.Generator().manual_seed(0))
    return TensorDataset(x, x[:, :CLASSES].argmax(1))


@contextmanager
def _watched(how: How, model: Any, store: Path) -> Iterator[None]:
    import netvet

    with netvet.watch(model, **_options(store)) if how == "watch" else nullcontext():
        yield


def _options(store: Path) -> dict[str, Any]:
    return {"store": store, "probes": False, "quiet": True}


def lightning(how: How, steps: int, clock: Clock, store: Path) -> None:
    """A LightningModule in a Trainer."""
    import lightning as L
    import torch
    from torch.utils.data import DataLoader

    from netvet.adapters.lightning import NetvetCallback

    class Net(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = _torch_net()

        def training_step(self, batch: Any, _: int) -> Any:
            clock.tick()
            return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    net = Net()
    trainer = L.Trainer(
        max_steps=steps, max_epochs=-1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
        callbacks=[NetvetCallback(**_options(store))] if how == "callback" else [],
    )  # fmt: skip
    with _watched(how, net, store):
        trainer.fit(net, DataLoader(_torch_data(100 * BATCH), BATCH))


def transformers(how: How, steps: int, clock: Clock, store: Path) -> None:
    """A module in a Trainer."""
    import torch
    from torch import nn
    from transformers import Trainer, TrainingArguments

    from netvet.adapters.transformers import NetvetCallback

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = _torch_net()

        def forward(self, x: Any, labels: Any = None) -> Any:
            clock.tick()
            logits = self.net(x)
            return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    def collate(rows: Any) -> Any:
        return {"x": torch.stack([r[0] for r in rows]), "labels": torch.stack([r[1] for r in rows])}

    args = TrainingArguments(
        str(store / "out"), max_steps=steps, per_device_train_batch_size=BATCH, report_to="none", save_strategy="no",
        use_cpu=True, disable_tqdm=True, logging_strategy="no", remove_unused_columns=False,
    )  # fmt: skip
    net = Net()
    callbacks: list[Any] = [NetvetCallback(**_options(store))] if how == "callback" else []
    trainer = Trainer(net, args, collate, train_dataset=_torch_data(100 * BATCH), callbacks=callbacks)
    with _watched(how, net, store):
        trainer.train()


def jax(how: How, steps: int, clock: Clock, store: Path) -> None:
    """A compiled step of plain JAX with Optax; what stands for a callback is `netvet.adapters.jax.watch`."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from netvet.adapters.jax import watch

    x = np.random.default_rng(0).normal(size=(100, BATCH, INPUTS)).astype(np.float32)
    y = x[..., :CLASSES].argmax(-1)
    sizes = [(INPUTS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, CLASSES)]
    keys = jax.random.split(jax.random.key(0), len(sizes))
    params = [(jax.random.normal(k, (m, n)) * m**-0.5, jnp.zeros(n)) for k, (m, n) in zip(keys, sizes, strict=True)]
    with watch(store=store, probes=False, quiet=True, show=False) if how != "plain" else nullcontext():
        optimizer = optax.adam(1e-3)

        def loss_fn(params: Any, x: Any, y: Any) -> Any:
            for weight, bias in params[:-1]:
                x = jax.nn.relu(x @ weight + bias)
            logits = x @ params[-1][0] + params[-1][1]
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        @jax.jit
        def step(params: Any, state: Any, x: Any, y: Any) -> Any:
            loss, grads = jax.value_and_grad(loss_fn)(params, x, y)
            updates, state = optimizer.update(grads, state)
            return optax.apply_updates(params, updates), state, loss

        state = optimizer.init(params)
        number, began = 0, perf_counter()
        while len(clock.times) < steps:
            if perf_counter() - began > AWAKE:
                clock.tick()
            params, state, loss = step(params, state, x[number % 100], y[number % 100])
            loss.block_until_ready()
            number += 1


def keras(how: How, steps: int, clock: Clock, store: Path) -> None:
    """A Sequential model in `fit`, on the backend that KERAS_BACKEND names."""
    import keras as framework
    import numpy as np

    from netvet.adapters.keras import NetvetCallback

    class Ticks(framework.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            clock.tick()

    layers = framework.layers
    hidden = [layers.Dense(HIDDEN, activation="relu") for _ in range(2)]
    model = framework.Sequential([framework.Input((INPUTS,)), *hidden, layers.Dense(CLASSES)])
    model.compile("adam", framework.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).normal(size=(100 * BATCH, INPUTS)).astype("float32")
    watching = [NetvetCallback(**_options(store))] if how == "callback" else []
    y = x[:, :CLASSES].argmax(1)
    model.fit(x, y, batch_size=BATCH, epochs=steps // 100, verbose=0, callbacks=[Ticks(), *watching])


CASES: dict[str, Train] = {"lightning": lightning, "transformers": transformers, "jax": jax, "keras": keras}
_WITHOUT_WATCH = ("keras",)


@dataclass(frozen=True)
class Row:
    """The ratios of one case, one of each round."""

    name: str
    milliseconds: float
    watch: list[float]
    callback: list[float]
    beside: list[float]

    def __str__(self) -> str:
        told = " | ".join(_quartiles(v) for v in (self.watch, self.callback, self.beside))
        return f"| {self.name}, {self.milliseconds:.2f} ms | {told} |"


def _quartiles(ratios: list[float]) -> str:
    if not ratios:
        return "-"
    if len(ratios) < 3:
        return f"{statistics.median(ratios):.3f}"
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.3f} [{low:.3f}-{high:.3f}]"


def measure(name: str, rounds: int, steps: int, settle: int = SETTLE) -> Row:
    """Train in all ways, round by round."""
    ways: tuple[How, ...] = tuple(how for how in WAYS if how != "watch" or name not in _WITHOUT_WATCH)
    seconds: dict[How, list[float]] = {how: [] for how in WAYS}
    for number in range(rounds + 1):
        turn = number % len(ways)
        for how in ways[turn:] + ways[:turn]:
            clock = Clock()
            with tempfile.TemporaryDirectory() as folder:
                CASES[name](how, steps if number else min(steps, 2 * settle), clock, Path(folder))
            if number:  # the first round imports, and is left out
                seconds[how].append(clock.seconds(settle))
    plain, watch, callback = (seconds[how] for how in WAYS)
    ratios = [
        [a / b for a, b in zip(*pair, strict=False)] for pair in ((watch, plain), (callback, plain), (callback, watch))
    ]
    return Row(name, 1e3 * statistics.median(plain), *ratios)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=1_500)
    parser.add_argument("--settle", type=int, default=SETTLE, help="steps before the clock starts")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| a step | watch / alone | callback / alone | callback / watch |\n|---|---|---|---|")
    for name in given.only:
        print(measure(name, given.rounds, given.steps, given.settle), flush=True)


if __name__ == "__main__":
    main()
