"""What people use to look into a training, each as a context around a block of steps, looking at every step.

Install the tools of others apart from netvet: `pip install -r benchmarks/requirements-rivals.txt`. Where one is missing
the table says so.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.workloads import Task

# What `clip_grad_norm_` is given: so large that nothing is clipped, and the training stays the same.
NO_LIMIT = 1e9
LATE_IN_A_RUN = {"DENSE_STEPS": 4, "GRACE_SECONDS": 0.0, "FIRST_SLEEP": 3, "GROWTH": 1e6}


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Args:
        enter: gives the context around a block; its folder is for what the tool writes.
        package: the module that must be there.
        settled: whether what it gave on entering has done what it does at the beginning only; a block begins then.
        bitwise: it promises not to change the training.
        only: workloads that it supports; none for all.
    """

    name: str
    enter: Callable[[Task, Path], AbstractContextManager[Any]]
    package: str | None = None
    settled: Callable[[Any], bool] = lambda _entered: True
    bitwise: bool = False
    only: tuple[str, ...] = ()

    @property
    def missing(self) -> bool:
        """Its package is not installed."""
        return self.package is not None and find_spec(self.package) is None


@contextlib.contextmanager
def nothing(_task: Task, _folder: Path) -> Iterator[None]:
    yield


def netvet_with(**options: Any) -> Callable[[Task, Path], AbstractContextManager[Any]]:
    """A context of netvet; without probes, which run once before the first step and not on every step.

    The dense first phase is cut short: it would take minutes of each block, and is over before steps are timed. What
    follows is as in a run that has gone on for a while, where windows come as the budget allows.
    """

    @contextlib.contextmanager
    def enter(task: Task, folder: Path) -> Iterator[Any]:
        import netvet
        from netvet.capture import pace

        kept = {name: getattr(pace, name) for name in LATE_IN_A_RUN}
        vars(pace).update(LATE_IN_A_RUN)
        try:
            with netvet.watch(
                task.model, task.optimizer, store=folder, probes=False, trained=False, quiet=True, **options
            ) as run:
                yield run
        finally:
            vars(pace).update(kept)

    return enter


def sleeps(run: Any) -> bool:
    """The first steps, which netvet hears all of, are over, and it knows what an ordinary step takes."""
    session = run._live.capture.session
    return bool(session.asleep and session.sleeper.ordinary is not None)


@contextlib.contextmanager
def _in_loop(task: Task, backward: Callable[[], None] | None = None, step: Any = None) -> Iterator[None]:
    """Lines of the user's loop, for the length of a block."""
    kept = task.after_backward, task.after_step
    task.after_backward, task.after_step = backward or kept[0], step or kept[1]
    try:
        yield
    finally:
        task.after_backward, task.after_step = kept


def loss_item(task: Task, _folder: Path) -> AbstractContextManager[None]:
    return _in_loop(task, step=lambda loss: loss.item())


def clip(task: Task, _folder: Path) -> AbstractContextManager[None]:
    return _in_loop(task, lambda: nn.utils.clip_grad_norm_(task.model.parameters(), NO_LIMIT) and None)


@contextlib.contextmanager
def forum_hooks(task: Task, _folder: Path) -> Iterator[None]:
    """Statistics of each layer's output and each parameter's gradient and update, number by number."""
    told: dict[str, float] = {}
    before: dict[str, torch.Tensor] = {}

    def output(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _given: Any, made: Any) -> None:
            made = made[0] if isinstance(made, tuple) else made
            told[f"{name} mean"], told[f"{name} std"] = made.mean().item(), made.std().item()
            told[f"{name} zeros"] = (made == 0).float().mean().item()

        return hook

    def gradients() -> None:
        for name, p in task.model.named_parameters():
            if p.grad is not None:
                told[f"{name} grad"] = p.grad.norm().item()
                before[name] = p.detach().clone()

    def updates(_loss: torch.Tensor) -> None:
        for name, p in task.model.named_parameters():
            if name in before:
                change = (p.detach() - before[name]).norm()
                told[f"{name} update"] = (change / (before[name].norm() + 1e-12)).item()

    leaves = [(n, m) for n, m in task.model.named_modules() if not list(m.children())]
    handles = [m.register_forward_hook(output(n)) for n, m in leaves]
    try:
        with _in_loop(task, gradients, updates):
            yield
    finally:
        for handle in handles:
            handle.remove()


def anomaly(_task: Task, _folder: Path) -> AbstractContextManager[Any]:
    return torch.autograd.set_detect_anomaly(True)


@contextlib.contextmanager
def tensorboard(task: Task, folder: Path) -> Iterator[None]:
    """A histogram of each weight and each gradient."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))
    count = 0

    def write(loss: torch.Tensor) -> None:
        nonlocal count
        writer.add_scalar("loss", loss.item(), count)
        for name, p in task.model.named_parameters():
            writer.add_histogram(name, p.detach(), count)
            if p.grad is not None:
                writer.add_histogram(f"{name}.grad", p.grad, count)
        count += 1

    try:
        with _in_loop(task, step=write):
            yield
    finally:
        writer.close()


@contextlib.contextmanager
def wandb_watch(task: Task, folder: Path) -> Iterator[None]:
    """`wandb.watch(log="all", log_freq=1)`, offline."""
    import wandb

    os.environ.setdefault("WANDB_SILENT", "true")
    run = wandb.init(mode="offline", dir=str(folder), project="overhead", settings=wandb.Settings(console="off"))
    run.watch(task.model, log="all", log_freq=1)
    try:
        with _in_loop(task, step=lambda loss: run.log({"loss": loss.item()})):
            yield
    finally:
        run.unwatch(task.model)
        run.finish()


@contextlib.contextmanager
def torch_audit(task: Task, _folder: Path) -> Iterator[None]:
    from torch_audit import autopatch

    auditor = autopatch(
        task.model, optimizer=task.optimizer, every_n_steps=1, reporters=[], suppress_internal_errors=True
    )
    try:
        yield
    finally:
        auditor.unpatch()


@contextlib.contextmanager
def cockpit(task: Task, folder: Path) -> Iterator[None]:
    """All quantities of the `economy` configuration; needs per-sample gradients, which BackPACK has for few layers."""
    from backpack import extend
    from cockpit import Cockpit
    from cockpit.utils.configuration import configuration

    each = extend(nn.CrossEntropyLoss(reduction="none"))
    mean = extend(nn.CrossEntropyLoss())
    extend(task.model)
    pit = Cockpit(task.model.parameters(), quantities=configuration("economy"))
    kept, count = task.step, 0

    def step() -> torch.Tensor:
        nonlocal count
        x, y = task.batches[task.steps % len(task.batches)]
        task.steps += 1
        output = task.model(x)
        losses, loss = each(output, y), mean(output, y)
        task.optimizer.zero_grad()
        with pit(count, info={"batch_size": len(x), "individual_losses": losses, "loss": loss, "optimizer": None}):
            loss.backward(create_graph=pit.create_graph(count))
        task.optimizer.step()
        count += 1
        return loss

    task.step = step  # type: ignore[method-assign]
    try:
        yield
    finally:
        task.step = kept  # type: ignore[method-assign]


VARIANTS = (
    Variant("A/A (noise)", nothing, bitwise=True),
    Variant("netvet", netvet_with(), settled=sleeps, bitwise=True),
    Variant("netvet --deep", netvet_with(deep=True), settled=sleeps, bitwise=True),
    Variant("loss.item()", loss_item),
    Variant("clip_grad_norm_", clip),
    Variant("hooks with .item()", forum_hooks),
    Variant("detect_anomaly", anomaly),
    Variant("TensorBoard histograms", tensorboard, package="tensorboard"),
    Variant("wandb.watch(log=all)", wandb_watch, package="wandb"),
    Variant("torch-audit autopatch", torch_audit, package="torch_audit"),
    Variant("cockpit economy", cockpit, package="cockpit", only=("mlp",)),
)
