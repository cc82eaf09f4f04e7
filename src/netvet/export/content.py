"""What of a run is exported, in the shape that every exporter takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from netvet.core import SEVERITIES, Facts, first_record
from netvet.export.curves import Curve
from netvet.report.text import plain_text
from netvet.report.view import View, plain
from netvet.store import Run

Fact = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Content:
    """A run for export.

    Args:
        name: of the run.
        view: its report.
        curves: its series.
        facts: about run, environment, optimizers and loaders, flat.
        page: makes the page of the run (HTML).
    """

    name: str
    view: View
    curves: tuple[Curve, ...]
    facts: Mapping[str, Fact]
    page: Callable[[], str]

    @property
    def counts(self) -> dict[str, int]:
        """Findings that are not acknowledged, by severity."""
        found = [one["severity"] for one in self.view["findings"] if one["allowed"] is None]
        return {severity: found.count(severity) for severity in SEVERITIES}

    @property
    def words(self) -> str:
        """The report in plain words."""
        return plain_text(self.view)

    @property
    def last_step(self) -> int:
        """The highest step of which there is a value."""
        return max((int(one.series.steps[-1]) for one in self.curves), default=0)

    def time_of(self, step: int) -> float:
        """Seconds since 1970: steps are spread evenly from the start of the run to its end, as times are not stored."""
        run = self.view["run"]
        try:
            began = datetime.fromisoformat(run["started"] or "").timestamp()
        except ValueError:
            began = 0.0
        seconds = run["seconds"] if isinstance(run["seconds"], int | float) else 0.0
        return began + seconds * min(1.0, step / max(1, self.last_step))


def rows_of(content: Content) -> list[tuple[int, dict[str, float]]]:
    """All values by step, in the order of steps."""
    found: dict[int, dict[str, float]] = {}
    for curve in content.curves:
        for step, value in zip(curve.series.steps.tolist(), curve.series.values.tolist(), strict=True):
            found.setdefault(step, {})[curve.name] = value
    return sorted(found.items())


def facts_of(run: Run, view: View) -> dict[str, Fact]:
    """What is known of a run, as flat facts."""
    about = view["run"]
    found: dict[str, Any] = {name: about[name] for name in ("script", "started", "ended", "steps", "epochs", "seconds")}
    found["arguments"] = " ".join(about["arguments"])
    found |= {f"environment/{name}": value for name, value in about["environment"].items()}
    for record in _records(run, "optimizers"):
        name = record.get("name")
        group = first_record(Facts(record.get("groups") or ()))
        found[f"optimizer/{name}"] = record.get("cls")
        found |= {f"optimizer/{name}/{key}": value for key, value in group.items() if key != "names"}
    for record in _records(run, "loaders"):
        found[f"loader/{record.get('name')}/batch_size"] = record.get("batch_size")
    return dict(_simple(plain(found)))


def _records(run: Run, signal: str) -> Facts:
    found = run.get(signal)
    return found if isinstance(found, Facts) else Facts()


def _simple(found: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    for name, value in found.items():
        if isinstance(value, str | int | float):
            yield name, value
        elif value is not None:
            yield name, str(value)
