"""How good the recommended learning rate is: against the best of a grid, beside two other range tests.

Each problem is trained for some epochs at every rate of a logarithmic grid and at each recommendation, at three seeds.
`python -m benchmarks.lr_range` prints the table; torch-lr-finder and PyTorch Lightning have a column each where they
are installed (`pip install torch-lr-finder matplotlib pytorch-lightning`).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import math
import sys
import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch
from torch import nn

from benchmarks.lr_problems import PROBLEMS
from netvet import Setup
from netvet.experiments.lab import Lab
from netvet.experiments.lr_range import find_rate
from netvet.experiments.problem import Problem
from netvet.experiments.setup import problem_of
from netvet.experiments.trial import Trial

SEEDS = (10, 11, 12)  # others than those that the recommendation was made with
STEPS = 400
GRID = [10 ** (-5 + n / 3) for n in range(19)]  # 1e-5 to 10, three a decade
RANGE = (1e-7, 10.0, 100)  # ends and steps of the other range tests: their own defaults but for the low end


class Indexed(nn.Module):
    """A problem's step as a model that takes the number of a batch: any range test can be done with it."""

    def __init__(self, problem: Problem, seed: int) -> None:
        super().__init__()
        self.learner = problem.learner(seed)
        self.model = self.learner.model
        stream = problem.train.stream(seed)
        self.batches = [next(stream) for _ in range(RANGE[2] + 10)]

    def forward(self, number: torch.Tensor) -> torch.Tensor:
        return self.learner.step(self.batches[int(number) % len(self.batches)])[0]

    def loader(self) -> Any:
        numbers = torch.arange(len(self.batches))
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(numbers, numbers), batch_size=1)


def netvet_rate(problem: Problem) -> float | None:
    found = find_rate(Lab(problem, seconds=60.0))
    return None if isinstance(found, str) else found.best


def torch_lr_finder_rate(problem: Problem) -> float | None:
    import matplotlib

    matplotlib.use("Agg")
    from torch_lr_finder import LRFinder

    model = Indexed(problem, 0)
    optimizer = problem.optimizer(model.model)
    low, high, steps = RANGE
    for group in optimizer.param_groups:
        group["lr"] = low
    finder = LRFinder(model, optimizer, lambda loss, _: loss, device="cpu")
    finder.range_test(model.loader(), end_lr=high, num_iter=steps)
    _, rate = finder.plot(suggest_lr=True)
    return float(rate)


def lightning_rate(problem: Problem) -> float | None:
    import pytorch_lightning as lightning
    from pytorch_lightning.tuner import Tuner

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.lr = Indexed(problem, 0), 1e-3

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            return self.inner(batch[0])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            made = problem.optimizer(self.inner.model)
            for group in made.param_groups:
                group["lr"] = self.lr
            return made

    module = Module()
    trainer = lightning.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir="/tmp",
    )  # fmt: skip
    low, high, steps = RANGE
    found = Tuner(trainer).lr_find(module, module.inner.loader(), min_lr=low, max_lr=high, num_training=steps)
    rate = found.suggestion() if found is not None else None
    return None if rate is None else float(rate)


def final_loss(lab: Lab, rate: float, steps: int) -> tuple[float, float]:
    """Mean loss on training and validation data after training at a rate; infinite where it diverges."""
    arm = {"lr-of-first": rate, "constant-lr": True}
    results = lab.run([Trial(steps, seed, arm) for seed in SEEDS])
    losses = [(r.train.loss, r.val.loss) if r.train and r.val else (math.inf, math.inf) for r in results]
    train, val = (sum(column) / len(losses) for column in zip(*losses, strict=True))
    return (train if math.isfinite(train) else math.inf), (val if math.isfinite(val) else math.inf)


RIVALS: dict[str, tuple[str, Callable[[Problem], float | None]]] = {
    "torch-lr-finder": ("torch_lr_finder", torch_lr_finder_rate),
    "Lightning": ("pytorch_lightning", lightning_rate),
}


def installed() -> dict[str, Callable[[Problem], float | None]]:
    from importlib.util import find_spec

    return {name: function for name, (module, function) in RIVALS.items() if find_spec(module)}


def asked(function: Callable[[Problem], float | None], problem: Problem) -> float | None:
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return function(problem)


def row_of(name: str, make: Callable[[], Setup], steps: int) -> list[str]:
    problem = problem_of(make(), name)
    began = perf_counter()
    rates = {"netvet": asked(netvet_rate, problem)}
    seconds = perf_counter() - began
    rates |= {rival: asked(function, problem) for rival, function in installed().items()}
    lab = Lab(problem, seconds=3600.0)
    start = final_loss(lab, 1e-12, 1)
    grid = {rate: final_loss(lab, rate, steps) for rate in GRID}
    cells = [name]
    best = [min(losses[side] for losses in grid.values()) for side in (0, 1)]
    top = min(grid, key=lambda rate: grid[rate][1])
    cells.append(f"{top:.1e} {best[0]:.4f} {best[1]:.4f}")
    for rate in rates.values():
        if rate is None:
            cells.append("none")
            continue
        got = final_loss(lab, rate, steps)
        reached = [(start[side] - got[side]) / (start[side] - best[side]) for side in (0, 1)]
        cells.append(f"{rate:.1e} {got[0]:.4f} {got[1]:.4f} {reached[0]:.1%} {reached[1]:.1%} x{got[1] / best[1]:.2f}")
    return [*cells, f"{seconds:.1f} s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="problems with this in their name")
    parser.add_argument("--steps", type=int, default=STEPS)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print("best of grid: rate with the lowest held-out loss, lowest training loss, lowest held-out loss")
    print("a tool: its rate, training and held-out loss there, share of the best fall of each, held-out loss over best")
    print(" | ".join(["problem", "best of grid", "netvet", *installed(), "netvet's time"]))
    for name, make in PROBLEMS.items():
        if chosen.only in name:
            print(" | ".join(row_of(name, make, chosen.steps)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
