"""The plain data that everything else is made of: series, facts, findings and checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Stage = Literal["data", "skeleton", "fit"]
# What the steps of a series count: optimizer steps, or, of a log that does not tell them, its epochs or its records.
Unit = Literal["step", "epoch", "record"]
Kind = Literal["cause", "symptom"]
Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class NetvetError(Exception):
    """What netvet was given cannot be used; the message says what, what was expected, what to do."""


def require_torch() -> None:
    """Ask for PyTorch before anything needs it.

    Raises:
        NetvetError: it is not installed.
    """
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise NetvetError("PyTorch is not installed here; `pip install torch` or `pip install 'netvet[torch]'`")


class TrainingStopped(BaseException):
    """netvet has ended a hopeless training, as it was asked to; raised out of a step of an optimizer.

    As with Ctrl-C, `except Exception` does not catch it.

    Attributes:
        step: optimizer steps completed.
        because: the finding.
        quiet: the report says all there is to say.
        path: folder in which weights and optimizers were kept; None if they could not be.
    """

    # Of the process: not 1, which is a finding of a run that came to its end, nor 2, which is usage.
    EXIT_CODE = 3
    quiet = False

    def __init__(self, step: int, because: str, path: Path | None) -> None:
        self.step, self.because, self.path = step, because, path
        kept = f"; weights and optimizers are in {path}" if path is not None else ""
        super().__init__(f"stopped at step {step:,} because of {because}{kept}")


@dataclass(frozen=True, slots=True)
class Location:
    """A line of the user's own code."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity over training.

    Args:
        steps: optimizer step of each value, strictly increasing, int64 [n].
        values: the values, float64 [n]; non-finite values are kept.
        stands_for: how many recorded values each one stands for, int64 [n]; None where all that were recorded are
            here. Of a very long run only every so manieth value of a middle stretch is left: a value that was
            recorded at its step, never a mean.
        unit: what the steps count.
    """

    steps: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    stands_for: npt.NDArray[np.int64] | None = None
    unit: Unit = "step"

    @classmethod
    def of(cls, values: Sequence[float], steps: Sequence[int] | None = None) -> Series:
        """Build a series from plain numbers; without steps they are 0, 1, 2, ..."""
        chosen = range(len(values)) if steps is None else steps
        return cls(np.asarray(chosen, dtype=np.int64), np.asarray(values, dtype=np.float64))

    def __len__(self) -> int:
        return len(self.values)

    def finite(self) -> Series:
        """The same series without its NaN and infinite values."""
        return self._only(np.isfinite(self.values))

    def since(self, step: int) -> Series:
        """The part of the series from a step on."""
        return self._only(self.steps >= step)

    def _only(self, keep: npt.NDArray[np.bool_]) -> Series:
        counts = self.stands_for
        return Series(self.steps[keep], self.values[keep], None if counts is None else counts[keep], self.unit)

    def lasts(self, patience: int) -> bool:
        """Whether it spans so many optimizer steps; two epochs are taken for more than any patience."""
        span = int(self.steps[-1] - self.steps[0]) if len(self) else 0
        return span >= patience or (self.unit == "epoch" and span >= 2)


class LayerSeries(Mapping[str, Series]):
    """One quantity over training for each of several layers, parameters, optimizers or call sites."""

    def __init__(self, series: Mapping[str, Series]) -> None:
        self._series = dict(series)

    @classmethod
    def of(cls, **layers: Sequence[float]) -> LayerSeries:
        """Build from plain numbers at steps 0, 1, 2, ..."""
        return cls({name: Series.of(values) for name, values in layers.items()})

    def __getitem__(self, layer: str) -> Series:
        return self._series[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)


Record = Mapping[str, Any]


class Facts(Sequence[Record]):
    """What was seen of one kind of thing (optimizers, loss calls, ...): one record each, in order."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records = tuple(records)

    @classmethod
    def of(cls, *records: Record) -> Facts:
        """Build from plain records."""
        return cls(records)

    def __getitem__(self, index: Any) -> Any:
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def where(self, **wanted: Any) -> list[Record]:
        """The records whose named fields have these values."""
        return [r for r in self._records if all(r.get(k) == v for k, v in wanted.items())]


def first_record(found: object) -> Record:
    """The first record of a fact; empty where it was not recorded."""
    return found[0] if isinstance(found, Facts) and len(found) else {}


def location_of(record: Record | None, *kinds: str) -> Location | None:
    """The user's line that a record points at, if it has one.

    Args:
        kinds: which of its lines, the best first: `init` stands for its fields `init_file` and `init_line`, an
            empty string (the default) for `file` and `line`.
    """
    for kind in kinds or ("",):
        prefix = f"{kind}_" if kind else ""
        file, line = (record or {}).get(f"{prefix}file"), (record or {}).get(f"{prefix}line")
        if file and line:
            return Location(str(file), int(line))
    return None


def class_name(record: Record, number: int) -> str:
    """What a class is called: its name where the record has `names`, else its number."""
    names = record.get("names") or ()
    return str(names[number]) if 0 <= number < len(names) else str(number)


def shown(share: float) -> str:
    """A share as a percentage, with a digit more where it is small."""
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}" if share >= 0.001 else f"{100 * share:.2g}%"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what, where, since when, with the number and the limit.

    Args:
        message: one plain sentence with the numbers; no markup.
        where: the layer, parameter, optimizer or loader.
        step: optimizer step since which it holds.
        value: the measured number.
        limit: the limit it broke.
        location: the user's line to look at.
        evidence: further plain data (JSON types only).
        severity: overrides the severity of the check.
        confidence: 0 to 1; 1 where the mechanism itself was seen, less where it was inferred.
        fixes: names of those of the check that apply here, the likeliest first; all without.
    """

    message: str
    where: str | None = None
    step: int | None = None
    value: float | None = None
    limit: float | None = None
    location: Location | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    confidence: float = 0.9
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """One change that can be tried: its name, and what the user would do."""

    name: str
    advice: str


CheckFunction = Callable[..., Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """A pure function from signals to findings, and what is known about it."""

    name: str
    function: CheckFunction
    stage: Stage
    kind: Kind
    severity: Severity
    since: str
    explained_by: tuple[str, ...]
    fixes: tuple[Fix, ...]
    experiments: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    settings: Mapping[str, Any]
    any_of: tuple[str, ...] = ()
    fewest: int = 0
    measures: str = ""

    @property
    def doc(self) -> str:
        """The page of the check, from its docstring (Markdown)."""
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The first line of its page."""
        return self.doc.partition("\n")[0]

    def advised(self, finding: Finding) -> tuple[Fix, ...]:
        """The fixes that apply to a finding, the likeliest first."""
        named = {fix.name: fix for fix in self.fixes}
        return tuple(named[name] for name in finding.fixes) or self.fixes

    def __call__(self, *signals: Any, **settings: Any) -> list[Finding]:
        """Run the check on signals given by position or name."""
        return list(self.function(*signals, **settings))


def check(
    *,
    stage: Stage,
    kind: Kind,
    severity: Severity,
    since: str,
    explained_by: tuple[str, ...] = (),
    fixes: Mapping[str, str] | None = None,
    experiments: tuple[str, ...] = (),
    any_of: tuple[str, ...] = (),
    fewest: int = 0,
    measures: str = "",
) -> Callable[[CheckFunction], Check]:
    """Declare a check; its signature says what it needs.

    Positional parameters are the signals it reads (those with a default may be missing);
    keyword-only parameters are its settings.

    Args:
        explained_by: names of checks that, when they fire, explain this one.
        fixes: what to change, most likely first: name -> one sentence of advice.
        experiments: of a symptom: those of `netvet recipe` that tell its causes apart, the most telling first.
        any_of: signals of which it needs one at least: without any it could never speak.
        fewest: values of its first signal below which it could never speak; a log may have as few.
        measures: what the value and the limit of its findings are, with their unit: `dead units [share]`.
    """

    def declare(function: CheckFunction) -> Check:
        signature = inspect.signature(function).parameters.values()
        signals = [p for p in signature if p.kind is p.POSITIONAL_OR_KEYWORD]
        return Check(
            name=function.__name__.replace("_", "-"),
            function=function,
            stage=stage,
            kind=kind,
            severity=severity,
            since=since,
            explained_by=explained_by,
            fixes=tuple(Fix(name, advice) for name, advice in (fixes or {}).items()),
            experiments=experiments,
            required=tuple(p.name for p in signals if p.default is p.empty),
            optional=tuple(p.name for p in signals if p.default is not p.empty),
            settings={p.name: p.default for p in signature if p.kind is p.KEYWORD_ONLY},
            any_of=any_of,
            fewest=fewest,
            measures=measures,
        )

    return declare
