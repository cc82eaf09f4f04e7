"""Fixes from notebooks and scripts: `netvet.fix(model=..., loss=..., train=..., val=...)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError, require_torch

if TYPE_CHECKING:
    from netvet.report.notebook import Bundle
    from netvet.report.page_view import PageView


@dataclass(frozen=True)
class Fixes:
    """What trials of fixes have shown: as text, as HTML in a notebook, and as data.

    Attributes:
        record: all of it, JSON types (schema `netvet.fix/1`).
        path: of the stored run that it is kept with; None where it could not be kept.
    """

    record: Mapping[str, Any]
    path: Path | None = None

    @property
    def best(self) -> tuple[str, ...]:
        """Names of the fixes that helped most; empty where none did."""
        return tuple(self.record["rounds"][0]["best"])

    @property
    def verdicts(self) -> dict[str, str]:
        """What came of each fix; of several variants the last."""
        return {arm["fix"]: arm["verdict"] for arm in self.record["rounds"][0]["fixes"]}

    def __str__(self) -> str:
        from netvet.report.recipe import as_text

        return as_text(self._lines())

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        """What a notebook shows of it: the page, with the twin curves of each change."""
        from netvet.report.notebook import bundle, text_bundle

        return bundle(self._page, str(self)) if self.path is not None else text_bundle(str(self))

    def _page(self) -> PageView:
        from netvet import checks, config
        from netvet.reporter import Reporter
        from netvet.store import Run

        assert self.path is not None
        known = checks.all_checks()
        return Reporter(known, config.load(Path.cwd(), known).settings).page(Run.open(self.path))

    def _lines(self) -> list[Any]:
        from netvet.report.fix import render
        from netvet.report.text import MAX_WIDTH

        return render(self.record, MAX_WIDTH)


def fix(
    model: Any,
    *,
    train: Any,
    val: Any,
    loss: Callable[[Any, Any], Any] | None = None,
    step: Callable[[Any, Any], Any] | None = None,
    optimizer: Any = None,
    task: Any = None,
    batch_size: int = 32,
    names: str | Sequence[str] = (),
    budget: float | str = "10m",
    seeds: int = 3,
    store: str | Path | None = None,
    tell: Callable[[str], object] | None = None,
) -> Fixes:
    """Try changes of a training one at a time, beside the unchanged one on the same seeds, on held-out samples.

    Nothing of what is given is changed. What can only be changed in source text is for `netvet fix train.py`.

    Args:
        model: an `nn.Module` (its present weights are the initial ones), or a function that makes one.
        train: a loader, a list of batches, or a pair of tensors (inputs, targets); `val`: the same, of other samples.
        loss: `loss(output, target)`; `step`: in its place `step(model, batch)`, which gives the loss, or a pair
            (loss, output).
        optimizer: `optimizer(model)`, or an optimizer of `model`; Adam at 3e-4 without it.
        task: `classes`, `binary`, `numbers` or `unknown`; judged by outputs and targets without it.
        batch_size: for a pair of tensors.
        names: fixes to try; all that a training can be changed by without them.
        budget: seconds for all, or a time such as "2m"; `seeds`: pairs before anything is proven, at least three.
        store: folder of the runs; that of `[tool.netvet]`, else `.netvet/runs`.
        tell: called with a line of progress.

    Raises:
        NetvetError: an argument cannot be used, or there is nothing to judge by.
    """
    require_torch()
    from netvet import checks, config
    from netvet.experiments.setup import Setup
    from netvet.fixes.kept import keep_apart
    from netvet.fixes.setups import conduct_setup
    from netvet.fixes.told import of_setup
    from netvet.recipe import budget_given, names_given, require_whole

    folder = Path(store or config.load(Path.cwd(), checks.all_checks()).store or config.STORE).absolute()
    seconds = budget_given("fix", budget)
    require_whole("fix", "seeds", seeds, 3)
    setup = Setup(
        model=model, train=train, val=val, loss=loss, step=step, optimizer=optimizer, task=task, batch_size=batch_size
    )  # fmt: skip
    began = monotonic()
    study = conduct_setup(
        setup, "fix", names_given(names), seconds=seconds, seeds=seeds, tell=tell or (lambda line: None)
    )  # fmt: skip
    record = of_setup("fix", study, monotonic() - began)
    path = None
    with suppress(NetvetError, OSError):  # what was found is not lost because it could not be kept
        path = keep_apart(record, folder, "fix")
    return Fixes(record, path)
