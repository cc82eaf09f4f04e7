"""What was read of a log, in words: which column is what, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from netvet.report.figures.spec import STEPS, Figure
from netvet.report.plain import clean

# Metrics that are named one by one.
MAX_METRICS = 8
# An axis, as it is called for each unit.
_AXES = {"epoch": "epochs", "record": "records of the log"}
_SILENT = ("metric", "clock")


def lines(log: Mapping[str, Any], *, verbose: bool = False) -> list[str]:
    """The head of a report on a log.

    Args:
        log: its record. verbose: with the reasons, and all metrics.
    """
    found = [f"Read from {log['path']} ({log['form']}), {log['unit']} {log['last']:,} is the last."]
    found.append(f"Read as: {'; '.join(_read_as(log, verbose=verbose)) or 'no column is one that checks know'}.")
    metrics = [one["name"] for one in log["columns"] if one["role"] == "metric"]
    if metrics:
        shown = metrics if verbose else metrics[:MAX_METRICS]
        more = f" and {len(metrics) - len(shown)} more" if len(metrics) > len(shown) else ""
        found.append(f"Metrics that no check reads: {', '.join(clean(name, 60) for name in shown)}{more}.")
    if log["resumed"]:
        found.append(f"Taken up again at {log['unit']} {', '.join(f'{at:,}' for at in log['resumed'][:5])}; "
                     "of what was trained twice the later values count.")  # fmt: skip
    found += [f"! {problem}" for problem in log["problems"]]
    roles = {one["role"] for one in log["columns"]}
    if "loss" not in roles or any(one["sure"] == "guess" for one in log["columns"]):
        found.append("Where that is wrong: --column ROLE=NAME, such as --column val_loss=eval/my_loss.")
    return found


def _read_as(log: Mapping[str, Any], *, verbose: bool) -> Iterator[str]:
    by_role: dict[str, list[Mapping[str, Any]]] = {}
    for one in log["columns"]:
        by_role.setdefault(one["role"], []).append(one)
    for role, columns in by_role.items():
        if role in _SILENT and not (verbose and role == "clock"):
            continue
        names = ", ".join(_named(one, verbose=verbose) for one in columns[:4])
        more = f" and {len(columns) - 4} more" if len(columns) > 4 else ""
        yield f"{role} = {names}{more}"
    if not any(one["role"] in ("step", "epoch") for one in log["columns"]) or verbose:
        yield f"counted in {log['unit']}s ({log['unit_because']})"


def _named(one: Mapping[str, Any], *, verbose: bool) -> str:
    why = f", {one['because']}" if verbose and one["because"] else ""
    sure = "" if one["sure"] in ("sure", "told") and not why else f" ({one['sure']}{why})"
    return f"{clean(one['name'], 60)}{sure}"


def facts(log: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The same for the page."""
    if log is None:
        return []
    told = [("Log", f"{log['path']} ({log['form']})"), (f"Last {log['unit']}", f"{log['last']:,}")]
    return [*told, ("Read as", "; ".join(_read_as(log, verbose=True))), *(("Not read", p) for p in log["problems"])]


def in_unit_of(log: Mapping[str, Any] | None, figures: Sequence[Figure]) -> list[Figure]:
    """Figures whose axis of steps says what the steps of the log are."""
    word = _AXES.get(str((log or {}).get("unit")))
    if word is None:
        return list(figures)
    changed = []
    for figure in figures:
        x = figure.get("x")
        is_steps = isinstance(x, dict) and x.get("unit") == STEPS
        changed.append(
            cast(Figure, {**figure, "x": {**cast(dict[str, Any], x), "label": word}}) if is_steps else figure
        )
    return changed
