"""Trials of `netvet tune`: what matters, loss against each setting, and the best beside the program's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Base, Cloud, Figure, Points, axis
from netvet.report.figures.trials import Record, Spread, base, listed, mapped, spreads, word_of

SIGNAL = "tuning"
# Settings that are drawn over decades.
DECADES = ("lr", "weight_decay")
ROWS = 200
WORDS = {"lr": "learning rate", "weight_decay": "weight decay", "batch_size": "batch size", "warmup": "warm-up"}


def search(source: Source) -> Iterator[Figure]:
    """The figures of a search."""
    for record in records_of(source, SIGNAL):
        trials = [mapped(one) for one in listed(record.get("attempts"))]
        found = [
            Spread(WORDS.get(name, name), number_of(share)) for name, share in mapped(record.get("importance")).items()
        ]
        text = "Share of each setting in the variation of the logarithm of the held-out loss (fANOVA)."
        said = base("tuning-importance", "What matters", text, SIGNAL)
        yield from spreads(said, "setting", axis("importance", "share"), {"importance": (found, "other")})
        for name in dict.fromkeys(name for one in trials for name in mapped(one.get("params"))):
            yield from slices(name, trials)
        ends = [
            Spread(word, number_of(record.get(key))) for word, key in (("the program", "own"), ("the best", "best"))
        ]
        text = f"Mean held-out loss on seeds that the search has not seen. A paired test says: {record.get('verdict')}."
        said = base("tuning-best", "Best settings beside the program's own", text, SIGNAL)
        yield from spreads(said, "settings", axis("held-out loss", "loss"), {"loss": (ends, "val")})
        yield from table(record, trials)


def slices(name: str, trials: Sequence[Record]) -> Iterator[Figure]:
    """Held-out loss against one setting: points over numbers, means and ranges over words."""
    done = [(mapped(one.get("params")).get(name), number_of(one.get("loss")), one.get("number")) for one in trials]
    known = [(value, loss, number) for value, loss, number in done if value is not None and loss is not None]
    lost = sum(1 for value, loss, _ in done if value is not None and loss is None)
    word = WORDS.get(name, name)
    text = f"Held-out loss of each trial by its {word}. {lost} trials that were given up are not drawn."
    said = base(f"tuning-slice-{word_of(name)}", f"Loss by {word}", text, SIGNAL)
    numbers = [(number_of(value), loss, number) for value, loss, number in known]
    if len({value for value, _, _ in numbers}) > 4 and all(value is not None for value, _, _ in numbers):
        yield from _points(said, name, [(float(v or 0.0), loss, n) for v, loss, n in numbers])
        return
    groups: dict[str, list[float]] = {}
    for value, loss, _ in known:
        groups.setdefault(f"{value:g}" if isinstance(value, float) else str(value), []).append(loss)
    means = [Spread.over(value, losses) for value, losses in sorted(groups.items())]
    yield from spreads(said, word, axis("held-out loss", "loss"), {"loss (mean, and range)": (means, "val")})


def _points(said: Base, name: str, known: Sequence[tuple[float, float, Any]]) -> Iterator[Points]:
    losses = [loss for _, loss, _ in known]
    log = min(losses) > 0 and max(losses) > 30 * min(losses)
    cloud: Cloud = {
        "name": "trials", "x": [v for v, _, _ in known], "y": losses, "names": [f"trial {n}" for _, _, n in known],
        "role": "val",
    }  # fmt: skip
    decades = name in DECADES and all(v > 0 for v in cloud["x"])
    yield {
        **said, "kind": "points", "x": axis(WORDS.get(name, name), log=decades),
        "y": axis("held-out loss", "loss", log=log), "clouds": [cloud], "diagonal": False,
    }  # fmt: skip


def table(record: Record, trials: Sequence[Record]) -> Iterator[Figure]:
    """All trials, the best first."""
    names = list(dict.fromkeys(name for one in trials for name in mapped(one.get("params"))))
    rows: list[list[str | float | None]] = [
        [number_of(one.get("number")), str(one.get("state")), number_of(one.get("loss")), number_of(one.get("score")),
         *(_cell(mapped(one.get("params")).get(name)) for name in names)]
        for one in trials[:ROWS]
    ]  # fmt: skip
    text = f"The trials, the best first, each of {record.get('steps')} steps with the program's own batch size."
    if rows:
        columns = ["trial", "state", "held-out loss", "score", *(WORDS.get(name, name) for name in names)]
        said = base("tuning-trials", "Trials", text, SIGNAL)
        yield {**said, "kind": "table", "columns": columns, "rows": rows}


def _cell(value: Any) -> str | float | None:
    return None if value is None else number_of(value) if isinstance(value, int | float) else str(value)
