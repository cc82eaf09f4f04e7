"""What enters the net: some samples as the model was given them, as pictures, text or curves with their labels."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError, Record
from netvet.decode import Pictures, pictures, text, vocabulary

MAX_EXAMPLES, MAX_TEXT = 8, 200
# How far a vocabulary is looked for from a data set, and among how many objects.
MAX_DEPTH, MAX_OBJECTS = 3, 500


@dataclass(frozen=True)
class Shown:
    """Samples of a split.

    Args:
        values: [n, ...] as they entered the model; `labels`: a number for each.
        holders: objects that may hold a vocabulary or names of classes: the data set, what puts batches together.
    """

    split: str
    values: npt.NDArray[Any]
    labels: Any = None
    holders: tuple[Any, ...] = ()


def net_inputs(shown: Sequence[Shown], folder: Path | None = None) -> list[Record]:
    """Records of the signal `net_inputs`.

    Args:
        folder: where a sheet of pictures (or a file of texts) of each split is put; None to make none.

    Raises:
        NetvetError: it cannot be written, or Pillow is missing.
    """
    found: list[Record] = []
    for one in shown:
        captions = _captions(one)
        made = pictures(one.values)
        record = _record(one, made, captions)
        if folder is not None:
            record["file"] = str(_written(one, made, record, captions, folder))
        found.append(record)
    return found


def _record(one: Shown, made: Pictures | None, captions: list[str]) -> dict[str, Any]:
    numbers = one.values[np.isfinite(one.values)] if one.values.dtype.kind == "f" else one.values
    whole = one.values.dtype.kind in "iu" and one.values.ndim == 2
    words = _vocabulary(one) if whole and made is None else None
    record: dict[str, Any] = {
        "split": one.split, "kind": "picture" if made is not None else "tokens" if whole else "numbers",
        "shape": list(one.values.shape[1:]), "samples": len(one.values),
        "low": float(numbers.min()) if numbers.size else None, "high": float(numbers.max()) if numbers.size else None,
        "layout": made.layout if made else None, "normalisation": made.normalisation if made else None,
        "certain": made.certain if made else None, "colours": made.colours if made else None,
        "vocabulary": len(words) if words else None, "file": None,
    }  # fmt: skip
    lines = [text(row, words)[:MAX_TEXT] if words else None for row in one.values[:MAX_EXAMPLES]] if whole else []
    record["examples"] = [
        {"label": caption, "text": line or " ".join(str(v) for v in row.reshape(-1)[:MAX_EXAMPLES].tolist())}
        for caption, line, row in zip(captions, lines or [None] * len(captions), one.values, strict=False)
    ][:MAX_EXAMPLES]
    return record


def _captions(one: Shown) -> list[str]:
    """The label of each sample, by its name where the data set has names."""
    if one.labels is None:
        return [""] * len(one.values)
    numbers = np.asarray(one.labels).reshape(len(one.values), -1)[:, 0]
    names = next((n for holder in one.holders for part in _behind(holder) if (n := _class_names(part))), None)
    whole = bool(np.all(np.isfinite(numbers)) and np.all(numbers % 1 == 0))
    if not whole:
        return [f"{v:.3g}" for v in numbers.tolist()]
    return [names[int(v)] if names and 0 <= int(v) < len(names) else str(int(v)) for v in numbers.tolist()]


def _class_names(thing: Any) -> list[str] | None:
    names = getattr(thing, "classes", None)
    return list(names) if isinstance(names, (list, tuple)) and all(isinstance(n, str) for n in names) else None


def _behind(thing: Any) -> Iterator[Any]:
    """A data set and those inside it."""
    for _ in range(MAX_DEPTH):
        yield thing
        thing = getattr(thing, "dataset", None)
        if thing is None:
            return


def _vocabulary(one: Shown) -> dict[int, str] | None:
    """The script's own, held by the data set, by what puts batches together, or by a variable of the script."""
    main = sys.modules.get("__main__")
    queue: list[tuple[Any, int]] = [(holder, 0) for holder in (*one.holders, getattr(main, "__dict__", {}))]
    seen: set[int] = set()
    while queue and len(seen) < MAX_OBJECTS:
        thing, depth = queue.pop(0)
        if id(thing) in seen or isinstance(thing, (str, bytes, int, float, np.ndarray, type, type(sys))):
            continue
        seen.add(id(thing))
        method = getattr(thing, "get_vocab", None)  # tokenizers of Hugging Face have this
        found = vocabulary(method() if callable(method) else thing, one.values)
        if found is not None:
            return found
        if depth < MAX_DEPTH:
            inside = thing if isinstance(thing, dict) else getattr(thing, "__dict__", {})
            queue += [(part, depth + 1) for name, part in list(inside.items())[:MAX_OBJECTS] if str(name) != "classes"]
    return None


def _written(one: Shown, made: Pictures | None, record: Record, captions: list[str], folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if record["kind"] == "tokens":
            path = folder / f"{one.split}.txt"
            lines = [f"{e['label']}\t{e['text']}" for e in record["examples"]]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            return path
        from netvet.data.contact_sheet import curves, sheet

        path = folder / f"{one.split}.png"
        sheet(made.pixels if made is not None else curves(one.values), captions, path)
        return path
    except OSError as error:
        raise NetvetError(f"--pictures {folder}: cannot be written: {error.strerror or error}") from error
