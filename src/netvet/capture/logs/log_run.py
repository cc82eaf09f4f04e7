"""A run with netvet's own signals, made of a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netvet.capture.logs.axis import Axis, axis_of, main_column, repeated, run_starts, series_of, split, starts_of
from netvet.capture.logs.roles import Guess, guess
from netvet.capture.logs.table import Table, UnreadableLog
from netvet.capture.logs.words import GAMES, REWARD, words_of
from netvet.core import Facts, LayerSeries, Series
from netvet.store import MemoryRun

# Columns that are kept as metrics.
MAX_METRICS = 200
OTHERWISE = "logs do not hold it; `netvet run` records it"
_SERIES = ("loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm", "param_grad_norm", "param_norm",
           "update_ratio", "loss_scale", "metric")  # fmt: skip
# Names that scripts give to the norm at which gradients are clipped.
_CLIPS = ("max_grad_norm", "gradient_clip_val", "grad_clip", "clip_grad_norm", "grad_norm_clip", "gradient_clip_norm",
          "clip_grad", "max_norm", "clipnorm", "clip_norm")  # fmt: skip
_FEWEST_NORMS = 20
# A rate that rises by less between two records follows a schedule.
_RAISED = 3.0
# Names that scripts give to the number of classes.
_CLASSES = ("num_classes", "n_classes", "nb_classes", "classes", "num_labels", "n_labels")


@dataclass(frozen=True)
class LogRun:
    """One run of a log.

    Args:
        name: of the run. path: of its log. run: its signals. settings: its hyper-parameters.
    """

    name: str
    path: str
    run: MemoryRun
    settings: Mapping[str, Any]


def runs_of(table: Table, told: Mapping[str, str]) -> list[LogRun]:
    """The runs of a log: one, or several that follow each other.

    Args:
        told: role -> column, as the user says.

    Raises:
        UnreadableLog: it has no numbers.
        NetvetError: a role or column that was told does not exist.
    """
    if not any(len(column) for column in table.columns.values()):
        raise UnreadableLog(f"a log ({table.form}) without any number in it yet")
    guesses = guess(table, told)
    axis = axis_of(table, guesses)
    starts = run_starts(table, guesses, axis)
    return [_run(part, told) for part in split(table, starts)]


def _run(table: Table, told: Mapping[str, str]) -> LogRun:
    guesses = guess(table, {role: name for role, name in told.items() if name in table.columns})
    axis = axis_of(table, guesses)
    main = main_column(table, guesses)
    _, resumed = starts_of(main, axis)
    signals: dict[str, LayerSeries | Facts] = {}
    for role in _SERIES:
        found = dict(_series(table, guesses, axis, role))
        if found:
            signals[role] = LayerSeries(found)
    last = max((int(s.steps[-1]) for one in signals.values() if isinstance(one, LayerSeries) for s in one.values()),
               default=0)  # fmt: skip
    record = {
        "path": table.path, "form": table.form, "unit": axis.unit, "unit_because": axis.why, "last": last,
        "values": len(main), "kind": _kind(guesses), "resumed": resumed[:20], "classes": _classes(table.settings),
        "problems": list(table.problems),
        "columns": [_told(one, table) for one in guesses],
    }  # fmt: skip
    signals["log"] = Facts.of(record)
    signals.update({name: Facts.of(*records) for name, records in {
        "retrained": repeated(main, axis), "lr_rises": _rises(signals.get("lr")),
    }.items() if records})  # fmt: skip
    signals.update(_clips(signals.get("grad_norm"), table.settings))
    reasons = {name: f"no column of the log was read as {name.replace('_', ' ')}" for name in _SERIES}
    run = MemoryRun(Path(table.name.strip("/").replace("/", "-") or "log"), signals, reasons, OTHERWISE)
    return LogRun(table.name, table.path, run, table.settings)


def _told(one: Guess, table: Table) -> dict[str, Any]:
    return {"name": one.column, "role": one.role, "sure": one.sure, "because": one.why,
            "values": len(table.columns[one.column])}  # fmt: skip


def _series(table: Table, guesses: list[Guess], axis: Axis, role: str) -> Iterator[tuple[str, Series]]:
    names = [one.column for one in guesses if one.role == role]
    for name in names[:MAX_METRICS]:
        found = series_of(table.columns[name], axis)
        if role.endswith("accuracy") and len(found) and 1.5 < float(np.nanmax(found.values, initial=0)) <= 100:
            found = Series(found.steps, found.values / 100, None, found.unit)  # in percent
        if len(found):
            yield name, found


def _kind(guesses: list[Guess]) -> str | None:
    """What a falling loss means here: `supervised` learning, a `game` of several losses, a `reward`; else unknown."""
    if any(set(words_of(one.column)) & REWARD for one in guesses):
        return "reward"
    losses = [one.column for one in guesses if one.role == "loss"]
    parts = [one.column for one in guesses if set(words_of(one.column)) & {"loss"}]
    if len(parts) > 1 and any(set(words_of(name)) & GAMES for name in parts):
        return "game"
    held = {one.role for one in guesses} & {"val_loss", "val_accuracy", "train_accuracy"}
    return "supervised" if len(losses) == 1 and held else None


def _rises(rates: LayerSeries | Facts | None) -> list[dict[str, float]]:
    """Where the only learning rate rose at once: a warm-up from next to nothing rises fast too, but not late."""
    if not isinstance(rates, LayerSeries) or len(rates) != 1:
        return []
    one = next(iter(rates.values())).finite()
    before, after = one.values[:-1], one.values[1:]
    at = np.flatnonzero((before > 0) & (after >= _RAISED * before))[:100]
    return [{"step": float(one.steps[i + 1]), "before": float(before[i]), "after": float(after[i])} for i in at]


def _clips(norms: LayerSeries | Facts | None, settings: Mapping[str, Any]) -> dict[str, Facts]:
    """How often the gradient was clipped, where its norm was logged before that and the limit is known."""
    limits = [float(v) for k, v in settings.items() if k.rpartition(".")[2].lower() in _CLIPS and _is_limit(v)]
    if not isinstance(norms, LayerSeries) or len(norms) != 1 or len(set(limits)) != 1:
        return {}
    values = next(iter(norms.values())).finite().values
    late = values[len(values) // 10 :]
    # Norms that never pass the limit may be those after clipping.
    if len(values) < _FEWEST_NORMS or not (late > 1.001 * limits[0]).any():
        return {}
    clip = {
        "kind": "norm", "max_norm": limits[0], "calls": len(values), "norm_median": float(np.median(values)),
        "clipped_after_warmup": float((late > limits[0]).mean()),
    }  # fmt: skip
    names = [
        str(v).lower() for k, v in settings.items() if k.rpartition(".")[2].lower() in ("optimizer", "optim", "opt")
    ]
    sgd = len(set(names)) == 1 and names[0] in ("sgd", "momentum", "torch.optim.sgd")
    found = {"clips": Facts.of(clip)}
    return {**found, "optimizers": Facts.of({"name": "SGD", "cls": "SGD", "steps": len(values)})} if sgd else found


def _classes(settings: Mapping[str, Any]) -> int | None:
    """The number of classes, where the settings say one."""
    said = {v for k, v in settings.items() if k.rpartition(".")[2].lower() in _CLASSES and _is_limit(v)}
    return int(next(iter(said))) if len(said) == 1 and float(next(iter(said))).is_integer() else None


def _is_limit(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6
