"""Several runs of logs beside each other: one table, and the settings that go with a bad end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np

from netvet.compare.hyperparameters import Answer, effects
from netvet.core import LayerSeries
from netvet.report.data import table
from netvet.report.plain import clean
from netvet.report.text import Line, width_of, write_lines
from netvet.report.view import View, plain
from netvet.report.words import plural
from netvet.store import AnyRun

SCHEMA = "netvet.logs/1"
# What is shown without --verbose.
MAX_RUNS, MAX_ODD, MAX_TOLD = 40, 3, 5
# Settings that go with the end have a column of their own.
MAX_COLUMNS = 2
# A value of a setting is usual where this share of the runs has it.
USUAL = 0.6


@dataclass(frozen=True)
class Judged:
    """A run with its report and its hyper-parameters."""

    run: AnyRun
    view: View
    settings: Mapping[str, Any]

    @property
    def fault(self) -> str:
        """The name of its first verdict; empty where nothing wrong was seen."""
        return self.view["diagnosis"][0]["check"] if self.view["diagnosis"] else ""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended: last and best validation loss, or training loss where there is no other."""

    last: float
    best: float
    of: str


def end_of(run: AnyRun) -> End:
    """The end of a run; NaN where it has no loss."""
    for signal in ("val_loss", "loss"):
        found = run.get(signal)
        if isinstance(found, LayerSeries) and len(found) == 1:
            values = next(iter(found.values())).values
            finite = values[np.isfinite(values)]
            if len(values):
                last = float(np.median(values[-3:])) if np.isfinite(values[-3:]).all() else float(values[-1])
                return End(last, float(finite.min()) if len(finite) else math.nan, signal)
    return End(math.nan, math.nan, "")


def answers(judged: Sequence[Judged]) -> dict[str, Answer]:
    """What goes with a bad end, and with a fault."""
    settings = [one.settings for one in judged]
    ends = [end_of(one.run) for one in judged]
    known = [i for i, end in enumerate(ends) if end.of]
    same = {ends[i].of for i in known}
    chosen = [i for i in known if ends[i].of == ("val_loss" if "val_loss" in same else "loss")]
    found = {"end": effects([settings[i] for i in chosen], [ends[i].last for i in chosen])}
    if len({one.fault != "" for one in judged}) == 2:
        found["fault"] = effects(settings, [float(one.fault != "") for one in judged])
    return found


def odd(judged: Sequence[Judged]) -> list[list[str]]:
    """Of each run the settings that few others have."""
    usual: dict[str, str] = {}
    for name in dict.fromkeys(name for one in judged for name in one.settings):
        values = Counter(str(one.settings.get(name)) for one in judged)
        value, count = values.most_common(1)[0]
        if count >= USUAL * len(judged) and len(values) > 1:
            usual[name] = value
    return [
        [f"{n}={_value(one.settings.get(n))}" for n, v in usual.items() if str(one.settings.get(n)) != v]
        for one in judged
    ]


def view_of(judged: Sequence[Judged], failures: Sequence[str]) -> dict[str, Any]:
    """All of it as JSON types."""
    strange = odd(judged)
    runs = []
    for one, few in zip(judged, strange, strict=True):
        end = end_of(one.run)
        numbers = {"last": plain(end.last), "best": plain(end.best), "of": end.of or None}
        runs.append({"name": one.view["run"]["name"], "end": numbers, "odd": few, "settings": plain(one.settings),
                     "report": one.view})  # fmt: skip
    told = {
        name: {"reason": answer.reason or None, "tested": answer.tested, "effects": [
            {"name": e.name, "also": list(e.also), "p": e.p, "worse": e.worse, "kind": e.kind} for e in answer.effects
        ]}
        for name, answer in answers(judged).items()
    }  # fmt: skip
    return {"schema": SCHEMA, "runs": runs, "settings": told, "not_read": list(failures)}


def show_several(judged: Sequence[Judged], stream: TextIO, *, verbose: bool = False) -> None:
    """Print the table, the settings and the faults."""
    width = width_of(stream)
    write_lines(_lines(judged, width, verbose=verbose), stream)


def _lines(judged: Sequence[Judged], width: int, *, verbose: bool) -> Iterator[Line]:
    sick = [one for one in judged if one.fault]
    headline = f"{len(sick)} of {len(judged)} runs have a fault." if sick else f"No fault seen in {len(judged)} runs."
    yield ((headline, "bold yellow" if sick else "bold green"),)
    yield ()
    worst = sorted(range(len(judged)), key=lambda i: _badness(judged[i]), reverse=True)
    shown = worst if verbose else worst[:MAX_RUNS]
    strange, found = odd(judged), answers(judged)
    names = list(dict.fromkeys(e.name for answer in found.values() for e in answer.effects))[:MAX_COLUMNS]
    rows = [_row(judged[i], names, strange[i], verbose=verbose) for i in shown]
    heads = ("run", "verdict", "last val", "best val", *(clean(name, 30) for name in names), "odd settings")
    for text in table(heads, rows, right=range(2, 4 + len(names))):
        yield ((text[: max(width, 100)], ""),)
    if len(shown) < len(judged):
        yield ((f"and {len(judged) - len(shown)} more runs (--verbose shows them)", "dim"),)
    yield ()
    yield from _told_of_settings(found, len(judged))
    for one in sick if verbose else sick[:MAX_TOLD]:
        yield ()
        yield from _told_of(one)
    if len(sick) > MAX_TOLD and not verbose:
        yield ((f"and {len(sick) - MAX_TOLD} more with a fault (--verbose shows them)", "dim"),)
    yield ()
    yield (("`netvet diagnose` of one of them shows what was read as what, and all that was seen.", "dim"),)


def _badness(one: Judged) -> tuple[bool, float]:
    last = end_of(one.run).last
    return bool(one.fault), last if math.isfinite(last) else math.inf


def _row(one: Judged, names: Sequence[str], strange: Sequence[str], *, verbose: bool) -> list[str]:
    end = end_of(one.run)
    own = [clean(_value(one.settings[name]), 30) if name in one.settings else "-" for name in names]
    strange = [text for text in strange if text.partition("=")[0] not in names]
    mark = "" if end.of != "loss" else " (train)"
    few = list(strange) if verbose else list(strange[:MAX_ODD])
    more = f" and {len(strange) - len(few)} more" if len(strange) > len(few) else ""
    last, best = (f"{end.last:.4g}{mark}", f"{end.best:.4g}") if end.of else ("-", "-")
    name = clean(str(one.view["run"]["name"]), 40)
    return [name, one.fault or "-", last, best, *own, clean(", ".join(few), 80) + more]


def _told_of_settings(found: Mapping[str, Answer], count: int) -> Iterator[Line]:
    for what, answer in found.items():
        about = "With the last loss" if what == "end" else "With having a fault"
        for effect in answer.effects:
            also = f" (with it vary: {', '.join(effect.also[:4])})" if effect.also else ""
            text = f"{about} goes {effect.name}{also}: {effect.worse}; p = {effect.p:.2g} over {count} runs,"
            yield ((clean(f"{text} corrected for {answer.tested} {plural('setting', answer.tested)}.", 400), "bold"),)
        if answer.reason and what == "end":
            yield ((f"Settings: {answer.reason}.", ""),)


def _told_of(one: Judged) -> Iterator[Line]:
    first = one.view["diagnosis"][0]
    yield ((clean(f"{one.view['run']['name']}: {first['check']}", 100), "bold"),)
    yield ((clean(f"  {first['because']}", 400), ""),)


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)[:40]
