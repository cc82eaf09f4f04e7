"""How long the pre-flight of a training takes: the skeleton, one batch learned by heart, and the learning rate.

    python -m benchmarks.preflight [--threads 2]

Two programs: the digits MLP of the tests, and a convolutional network of 10 million parameters on pictures of 32 by 32
pixels in three colours (patches of the two photographs that scikit-learn ships, told apart by their photograph and
quarter). Each has a budget; what did not fit is `not assessed` and listed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter, process_time

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits, load_sample_images
from torch import nn

from netvet.experiments import EXPERIMENTS
from netvet.experiments.experiment import Experiment, Outcome
from netvet.experiments.lab import Lab
from netvet.experiments.recipe import perform, select
from netvet.experiments.setup import Setup, problem_of

PREFLIGHT = ("skeleton", "overfit-batch", "lr-range")
# What experiments say that had no time.
OUT_OF_TIME = "--budget gives more"
PATCHES, SIDE, QUARTERS = 2_000, 32, 4


def mlp() -> Setup:
    """The digits MLP: 26 thousand parameters."""
    digits = load_digits()
    x, y = torch.tensor(digits.data / 16 - 0.3).float(), torch.tensor(digits.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, val = order[:1350], order[1350:]
    return Setup(
        model=lambda: nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)),
        train=(x[train], y[train]), val=(x[val], y[val]), loss=F.cross_entropy, batch_size=64,
        optimizer=lambda model: torch.optim.Adam(model.parameters(), 1e-3),
    )  # fmt: skip


def conv() -> Setup:
    """A convolutional network of 10 million parameters on pictures of 32 by 32 pixels."""
    rng = np.random.default_rng(0)
    pictures, labels = [], []
    for number, photo in enumerate(load_sample_images().images):
        height, width = photo.shape[0] - SIDE, photo.shape[1] - SIDE
        for _ in range(PATCHES // 2):
            top, left = int(rng.integers(height)), int(rng.integers(width))
            pictures.append(photo[top : top + SIDE, left : left + SIDE])
            labels.append(QUARTERS * number + 2 * int(top > height / 2) + int(left > width / 2))
    x = torch.tensor(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    y = torch.tensor(labels)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, val = order[: -PATCHES // 5], order[-PATCHES // 5 :]
    return Setup(
        model=_conv_net, train=(x[train], y[train]), val=(x[val], y[val]), loss=F.cross_entropy, batch_size=32,
        optimizer=lambda model: torch.optim.SGD(model.parameters(), 0.02, momentum=0.9),
    )  # fmt: skip


def _conv_net() -> nn.Module:
    layers: list[nn.Module] = []
    widths = (3, 64, 128, 256, 512)
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Flatten(), nn.Linear(512 * 2 * 2, 4096), nn.ReLU(), nn.Linear(4096, 8)]
    return nn.Sequential(*layers)


@dataclass
class Row:
    """What an experiment took, over all its attempts: wall and processor seconds, training steps."""

    seconds: float = 0.0
    processor: float = 0.0
    steps: int = 0
    outcome: Outcome | None = None


def run(name: str, setup: Setup, budget: float) -> tuple[float, dict[str, Row]]:
    """Seconds of the whole, the reading of the setup included, and a row for each experiment."""
    began = perf_counter()
    problem = problem_of(setup, name)
    lab = Lab(problem, seconds=budget - (perf_counter() - began))
    rows: dict[str, Row] = {}

    def timed(one: Experiment) -> Experiment:
        row = rows.setdefault(one.name, Row())

        def run_it(lab: Lab) -> Outcome:
            wall, processor, steps = perf_counter(), process_time(), lab.taken
            try:
                return one.run(lab)
            finally:
                row.seconds += perf_counter() - wall
                row.processor += process_time() - processor
                row.steps += lab.taken - steps

        return replace(one, run=run_it)

    for done in perform([timed(one) for one in select(EXPERIMENTS, PREFLIGHT, ())], lab):
        rows[done.experiment.name].outcome = done.outcome
    return perf_counter() - began, rows


def main() -> None:
    """Run both and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    sys.stdout.write(f"$ python -m benchmarks.preflight --threads {asked.threads}\n")
    for name, setup, budget in (("digits MLP", mlp(), 15.0), ("conv net", conv(), 60.0)):
        model = setup.model() if callable(setup.model) else setup.model
        size = sum(p.numel() for p in model.parameters())
        sys.stdout.write(f"\n{name}, {size:,} parameters\n")
        seconds, rows = run(name, setup, budget)
        late = []
        for own, row in rows.items():
            assert row.outcome is not None
            told = row.outcome.message if row.outcome.verdict == "not assessed" else ""
            late += [own] if OUT_OF_TIME in told else []
            numbers = f"{row.seconds:6.1f} s  {row.processor:6.1f} s of processors  {row.steps:5} steps"
            sys.stdout.write(f"  {own:<20}{numbers}  {row.outcome.verdict}  {told}".rstrip() + "\n")
        whole = f"no time for {', '.join(late)}" if late else "no experiment was left out for lack of time"
        within = "within" if seconds <= budget else "OVER"
        sys.stdout.write(f"  {seconds:.1f} s, {within} the budget of {budget:g} s; {whole}\n")


if __name__ == "__main__":
    main()
