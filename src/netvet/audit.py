"""The data audit from notebooks and scripts: `netvet.audit(train_set)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError

if TYPE_CHECKING:
    from netvet.data.audit import Found, Looking
    from netvet.data.chunks import Source
    from netvet.data.find import Matches
    from netvet.data.scan import Progress
    from netvet.report.notebook import Bundle
    from netvet.report.page_view import PageView
    from netvet.report.view import View


@dataclass(frozen=True)
class Audit:
    """What was found in the data, as text, as HTML in a notebook, and as data.

    Attributes:
        view: the report, as `netvet data --json` writes it.
        path: of the stored run.
        found: rows of all samples, records of all signals, and the numbers of the samples that findings are about.
    """

    view: View
    path: Path
    found: Found

    @property
    def ok(self) -> bool:
        """No finding is an error."""
        return all(f["severity"] != "error" or f["allowed"] is not None for f in self.view["findings"])

    def find(self, expression: str = "", *, sort: str = "", limit: int = 20) -> Matches:
        """Samples for which an expression holds, such as `label == 3 and finding == "label-errors"`.

        Args:
            sort: a column, the smallest value first; with `-` before it, the greatest.
            limit: samples at most.

        Raises:
            NetvetError: the expression cannot be read, or names what the samples do not have.
        """
        from netvet.data.find import find

        return find(self.found.data, self.found.suspects, expression, sort=sort, limit=limit)

    def __str__(self) -> str:
        from netvet.report.text import render

        return "\n".join("".join(text for text, _ in line) for line in render(self.view))

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        """What a notebook shows of it: the page."""
        from netvet.report.notebook import bundle

        return bundle(self._page, str(self))

    def _page(self) -> PageView:
        from netvet import checks, config
        from netvet.reporter import Reporter
        from netvet.store import Run

        known = checks.all_checks()
        return Reporter(known, config.load(Path.cwd(), known).settings).page(Run.open(self.path), self.view)


def audit(
    data: Any,
    *,
    target: str | None = None,
    labels: str | Path | None = None,
    group: str | None = None,
    time: str | None = None,
    task: str | None = None,
    seconds: float = 120.0,
    store: str | Path | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> Audit:
    """Look at all of the data and say what is wrong with them.

    Args:
        data: a torch `Dataset` or `DataLoader`, a file or folder, or a dict from the names of splits to these.
        target: column or array that is to be predicted; `labels`: a CSV file with a label for each file.
        group: column of what must not be in two splits; `time`: column of the time of a sample.
        task: `classification` or `regression`; told from the targets without it.
        seconds: for reading data sets of PyTorch; files are read whole.
        store: folder of the runs; that of `[tool.netvet]`, else `.netvet/runs`.
        tell: called with a line of progress.

    Raises:
        NetvetError: the data cannot be read, or an argument cannot be used.
    """
    from netvet import checks, config
    from netvet.data.audit import Options, write
    from netvet.data.audit import audit as look
    from netvet.reporter import Reporter
    from netvet.store import Run

    if task not in (None, "classification", "regression"):
        raise NetvetError(f"audit(task={task!r}): expected 'classification' or 'regression'")
    began, known = perf_counter(), checks.all_checks()
    configuration = config.load(Path.cwd(), known)
    columns = {name: value for name, value in (("group", group), ("time", time)) if value is not None}
    paths = _paths(data)
    if paths is not None:
        source, live = _of_files(paths, target, Path(labels) if labels is not None else None, columns), False
    else:
        source, live = _of_sets(data, seconds), True

    def hear(now: Progress | Looking) -> None:
        tell(now.line)

    found = look(source, Options(task=task, live=live, facts=columns, tell=hear))
    notes = (*getattr(source, "notes", ()), *found.notes)
    path = write(found, Path(store or configuration.store or config.STORE).absolute(), "audit", began)
    reporter = Reporter(known, configuration.settings, Path.cwd())
    return Audit(reporter.view(Run.open(path), notes), path, found)


def _paths(data: Any) -> dict[str, str] | None:
    """The path of each split, where the data are files."""
    given = data if isinstance(data, Mapping) else {"": data}
    if not given or not all(isinstance(one, str | Path) for one in given.values()):
        return None
    return {str(split): str(path) for split, path in given.items()}


def _of_files(paths: Mapping[str, str], target: str | None, labels: Path | None, columns: Mapping[str, str]) -> Source:
    from netvet.data.readers import Wanted, open_source, wanted_paths

    chosen = wanted_paths([f"{split}={path}" if split else path for split, path in paths.items()])
    return open_source(Wanted(chosen, target, labels, columns))


def _of_sets(data: Any, seconds: float) -> Source:
    from netvet.core import require_torch

    require_torch()
    from netvet.data.readers.torch_data import TorchData
    from netvet.data.script import setup_parts

    return TorchData(setup_parts(data, "audit(...)"), "audit", seconds)
