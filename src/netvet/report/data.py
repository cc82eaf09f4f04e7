"""What the data of an audit are, before what is wrong with them: a table of the splits, and one of their features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from netvet.core import Facts
from netvet.report.plain import cells, clean

# Columns of a name or value in a table; a longer one is cut.
MAX_NAME = 24
GAP = "  "

# What tells how large the samples of a kind are, of the attributes that they may have.
_SIZES: Mapping[str, tuple[str, ...]] = {
    "image": ("width", "height"), "text": ("characters",), "tokens": ("tokens",), "audio": ("seconds",),
}  # fmt: skip


class DataView(TypedDict):
    """The records of the signals `data_splits` and `data_features`."""

    splits: list[dict[str, Any]]
    features: list[dict[str, Any]]


def data_of(source: Any, plain: Any) -> DataView | None:
    """What a run holds of data; None where it is no audit.

    Args:
        source: the run.
        plain: makes JSON types of a value.
    """
    splits = source.get("data_splits")
    if not isinstance(splits, Facts):
        return None
    features = source.get("data_features")
    listed = features if isinstance(features, Facts) else ()
    return {"splits": [plain(r) for r in splits], "features": [plain(r) for r in listed]}


def lines(data: DataView, *, verbose: bool = False) -> list[str]:
    """A table of the splits, and (`verbose`) one of the features of each."""
    found = table(*split_table(data), right=(1,))
    if verbose:
        for one in data["splits"]:
            features = _features_of(data, one["split"])
            if features:
                found += ["", f"Features of {clean(one['split'])}:", *_features(features)]
    return found


def split_table(data: DataView) -> tuple[Sequence[str], list[Sequence[str]]]:
    """The head and the rows of the table of splits."""
    rows = [_split(one, _features_of(data, one["split"])) for one in data["splits"]]
    return ("split", "samples", "kind", "size", "classes"), rows


def _features_of(data: DataView, split: str) -> list[dict[str, Any]]:
    return [one for one in data["features"] if one["split"] == split]


def _split(one: Mapping[str, Any], features: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    samples = f"{one['samples']:,}"
    return one["split"], samples, one["kind"], _size(one["kind"], features), _classes(one)


def _size(kind: str, features: Sequence[Mapping[str, Any]]) -> str:
    """Columns of a table, or the range of what tells the size of other samples."""
    known = {f["feature"]: f for f in features if isinstance(f["low"], int | float)}
    named = [known[name] for name in _SIZES.get(kind, ()) if name in known]
    if named:
        unit = "" if kind == "image" else f" {named[0]['feature']}"
        return " x ".join(_span(f["low"], f["high"]) for f in named) + unit
    if kind in ("table", "tensor") and features and not {"mean", "std", "lowest", "highest"} <= known.keys():
        word = "column" if kind == "table" else "value"
        return f"{len(features):,} {word if len(features) == 1 else word + 's'}"
    return "-"


def _span(low: float, high: float) -> str:
    return number(low) if low == high else f"{number(low)}..{number(high)}"


def _classes(one: Mapping[str, Any]) -> str:
    counts = one["counts"]
    pairs = [(c, n) for c, n in zip(one["classes"], counts or (), strict=False) if c]
    total = sum(n for _, n in pairs)
    if not total:
        return "-"
    if len(pairs) > 1 and len({n for _, n in pairs}) == 1:
        return f"{len(pairs)}: each {share(1, len(pairs))}"
    few, many = min(pairs, key=lambda p: p[1]), max(pairs, key=lambda p: p[1])
    told = [f"{word} {_cut(name)} {share(n, total)}" for word, (name, n) in (("rarest", few), ("commonest", many))]
    return f"{len(pairs)}: {', '.join(told)}" if len(pairs) > 1 else f"1: {_cut(pairs[0][0])}"


def share(part: int, whole: int) -> str:
    """A percentage that is never 0 or 100 unless it is."""
    found = 100 * part / whole
    if part == whole:
        return "100 %"
    if part and found < 0.01:
        return "< 0.01 %"
    return f"{found:.2g} %" if found < 99 else f"{found:.4g} %"


def _features(features: Iterable[Mapping[str, Any]]) -> list[str]:
    head = ("feature", "missing", "mean", "std", "lowest", "median", "highest", "different", "commonest")
    return table(head, [_feature(one) for one in features], right=(1, 2, 3, 4, 5, 6, 7))


def _feature(one: Mapping[str, Any]) -> Sequence[str]:
    total = one["count"] + one["missing"] + one["infinite"]
    median = (one["quantiles"] or {}).get("0.5")
    top = ", ".join(f"{_cut(value)} {share(count, total)}" for value, count in one["top"][:2])
    numbers = [number(v) for v in (one["mean"], one["std"], one["low"], median, one["high"])]
    different = "-" if one["distinct"] is None else f"{one['distinct']:,}"
    return one["feature"], share(one["missing"], total) if total else "-", *numbers, different, top or "-"


def number(value: object) -> str:
    """A number in a few digits."""
    if not isinstance(value, int | float):
        return "-" if value is None else str(value)
    if float(value).is_integer() and abs(value) < 1e6:
        return f"{int(value)}"
    return f"{value:.4g}"


def _cut(text: object) -> str:
    found = number(text) if isinstance(text, int | float) else clean(text)
    return found if cells(found) <= MAX_NAME else found[: MAX_NAME - 3] + "..."


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Columns under their names; the last one is not cut.

    Args:
        head: names of the columns; `rows`: their values.
        right: positions of the columns that end at one place, as numbers do.
    """
    last = len(head) - 1
    shown = [head, *([clean(v) if i == last else _cut(v) for i, v in enumerate(row)] for row in rows)]
    widths = [max(cells(row[i]) for row in shown) for i in range(len(head))]
    return [GAP + GAP.join(_padded(t, widths[i], i in right) for i, t in enumerate(row)).rstrip() for row in shown]


def _padded(text: str, width: int, right: bool) -> str:
    room = " " * (width - cells(text))
    return room + text if right else text + room
