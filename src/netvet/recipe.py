"""The recipe from notebooks and scripts: `netvet.recipe(model=..., loss=..., train=..., val=...)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvet.core import Check, NetvetError, require_torch

if TYPE_CHECKING:
    from netvet.diagnose import Settings
    from netvet.report.notebook import Bundle
    from netvet.report.view import View
    from netvet.store import Run

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Recipe:
    """Where a project stands on the road: what was found, as text, as HTML in a notebook, and as data.

    Attributes:
        stages: the six stages in order, each with `stage`, `gate` (`passed`, `failed`, `not yet`, `not assessed`) and
            `items`.
        outcomes: of each experiment `experiment`, `verdict`, `message`, `evidence`, `next`, `suspects`, `seconds`.
        path: of the stored run; `view`: the report of its checks; `notes`: what is not as in the program.
    """

    stages: tuple[Mapping[str, Any], ...]
    outcomes: tuple[Mapping[str, Any], ...]
    path: Path
    view: View
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """No gate failed."""
        return all(stage["gate"] != "failed" for stage in self.stages)

    def __str__(self) -> str:
        from netvet.report.recipe import as_text

        return as_text(self._lines())

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        """What a notebook shows of it: the page."""
        from netvet.report.notebook import bundle
        from netvet.report.page_view import build
        from netvet.store import Run

        return bundle(lambda: build(self.view, Run.open(self.path), self.stages), str(self))

    def _lines(self) -> list[Any]:
        from netvet.report.recipe import render
        from netvet.report.text import MAX_WIDTH

        return render(self.stages, self.view, MAX_WIDTH, notes=self.notes)


def recipe(
    model: Any,
    *,
    train: Any,
    val: Any = None,
    loss: Callable[[Any, Any], Any] | None = None,
    step: Callable[[Any, Any], Any] | None = None,
    optimizer: Any = None,
    task: str | None = None,
    batch_size: int = 32,
    pretrained: bool | None = None,
    parts: Mapping[str, Any] | None = None,
    expected: Mapping[str, float] | None = None,
    only: str | Sequence[str] = (),
    skip: str | Sequence[str] = (),
    budget: float | str = "10m",
    seeds: int = 3,
    jobs: int = 1,
    on: str | None = None,
    resume: bool = False,
    known_data: str = "digits",
    store: str | Path | None = None,
    tell: Callable[[str], object] | None = None,
) -> Recipe:
    """Take a model and its data through the recipe of experiments.

    Nothing of what is given is changed: experiments use copies of the model, read the loaders once and put them and
    all random generators back.

    Args:
        model: an `nn.Module` (its present weights are the initial ones), or a function that makes one; or a compiled
            model of Keras 3 on its backend torch, which has its own loss and optimizer.
        train: a loader, a list of batches, or a pair of tensors (inputs, targets); `val`: the same, of other samples.
        loss: `loss(output, target)`; `step`: in its place `step(model, batch)`, which gives the loss, or a pair
            (loss, output).
        optimizer: `optimizer(model)`, or an optimizer of `model`; Adam at 3e-4 without it.
        task: `classes`, `binary`, `numbers` or `unknown`; judged by outputs and targets without it.
        batch_size: for a pair of tensors.
        pretrained: the weights come from a training, so that no seed draws others.
        parts: what is to be tried without, by a name: the name of a module whose input can stand for its output, or a
            step that leaves a term of the loss out; `expected`: the change of the held-out loss it was to bring.
        only: names of experiments or stages; `skip`: those to leave out.
        budget: seconds for all, or a time such as "2m".
        seeds: twins in each comparison, at least two.
        jobs: trials at a time; `on`: where (`ray`, `dask`, `slurm`).
        resume: use the results of a recipe of the same program that was broken off.
        known_data: images that are known to be learnable: `digits`, `cifar10`, another data set, or a folder.
        store: folder of the runs; that of `[tool.netvet]`, else `.netvet/runs`.
        tell: called with a line of progress.

    Raises:
        NetvetError: an argument cannot be used.
    """
    options = _options(only, skip, budget, seeds, jobs, on, resume=resume, known_data=known_data, tell=tell)
    from netvet import checks, config
    from netvet.experiments.conduct import conduct_setup
    from netvet.experiments.setup import Setup
    from netvet.store import Run

    known = checks.all_checks()
    found = config.load(Path.cwd(), known)
    setup = Setup(
        model=model, train=train, val=val, loss=loss, step=step, optimizer=optimizer, task=_task(task),
        batch_size=batch_size, pretrained=pretrained, parts=parts or {}, expected=expected or {},
    )  # fmt: skip
    done = conduct_setup(setup, "recipe", Path(store or found.store or config.STORE).absolute(), options)
    return recipe_of(Run.open(done.path), known, found.settings, Path.cwd())


def _options(
    only: Any,
    skip: Any,
    budget: Any,
    seeds: Any,
    jobs: Any,
    on: str | None,
    *,
    resume: bool,
    known_data: str,
    tell: Any,
) -> Any:
    require_torch()
    from netvet.executors import require
    from netvet.experiments import EXPERIMENTS
    from netvet.experiments.conduct import Options
    from netvet.experiments.corpus import located
    from netvet.experiments.recipe import select

    seconds = budget_given("recipe", budget)
    require_whole("recipe", "seeds", seeds, 2)
    require_whole("recipe", "jobs", jobs, 1)
    require(on, jobs)
    return Options(
        select(EXPERIMENTS, names_given(only), names_given(skip)), budget=seconds, seeds=seeds, jobs=jobs, on=on,
        resume=resume, known_data=located(known_data), tell=tell or (lambda line: None),
    )  # fmt: skip


def budget_given(function: str, time: object) -> float:
    """Seconds, from an argument of a function of netvet.

    Raises:
        NetvetError: it is no time.
    """
    seconds = seconds_of(time)
    if seconds is None:
        raise NetvetError(f'{function}(budget={time!r}): expected seconds, or a time such as "90s", "10m" or "1h"')
    return seconds


def require_whole(function: str, name: str, value: object, least: int) -> None:
    """Refuse an argument that is no whole number, or too small.

    Raises:
        NetvetError: it is so.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise NetvetError(f"{function}({name}={value!r}): expected a whole number from {least} on")


def names_given(names: str | Sequence[str]) -> list[str]:
    """Names in a list, or in a text with commas between them."""
    given = names.split(",") if isinstance(names, str) else names
    return [name.strip() for name in given if name.strip()]


def _task(task: Any) -> Any:
    kinds = ("classes", "binary", "numbers", "unknown")
    if task is not None and task not in kinds:
        raise NetvetError(f"recipe(task={task!r}): expected one of {', '.join(kinds)}")
    return task


def seconds_of(time: object) -> float | None:
    """Seconds, from a number or a time such as 90s, 10m or 1h; None where it is none."""
    text = str(time).strip()
    try:
        seconds = float(text[:-1]) * _UNITS[text[-1:]] if text[-1:] in _UNITS else float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") and not isinstance(time, bool) else None


def recipe_of(made: Run, known: Sequence[Check], settings: Settings, root: Path) -> Recipe:
    """The checklist of a stored run: its experiments, and what the checks say of it.

    Args:
        known: the checks; `settings`: theirs.
        root: places are shown relative to it.
    """
    from netvet.config import selected
    from netvet.report.checklist import stages_of
    from netvet.reporter import Reporter

    chosen = selected(known, settings)
    view = Reporter(tuple(known), settings, root).view(made)
    facts: Any = made.get("experiments")
    records = list(facts) if facts is not None else []
    notes = records[0].get("notes", []) if records else []
    return Recipe(tuple(stages_of(view, known, chosen, records)), tuple(records), made.path, view, tuple(notes))
