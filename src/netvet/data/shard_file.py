"""What a shard has left, as a file of plain arrays: nothing is ever unpickled."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Problem
from netvet.data.index import Rows
from netvet.data.sketches import Column, Sketches, Together
from netvet.data.summaries import Moments

VERSION = 3
# What is kept of a column: single numbers, and rows of them.
_SHORT = ("count", "missing", "infinite", "mean", "squares", "low", "high")
_LONG = ("order", "sample", "hashes")


def save(file: Path, rows: Rows, moments: Moments, sketches: Sketches) -> None:
    """Write a file that is either whole or not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, npt.NDArray[Any]] = {"prints": rows.prints, "features": rows.features, "near": rows.near}
    texts: dict[str, Any] = {
        "version": VERSION, "keys": None if rows.keys is None else list(rows.keys), "names": list(rows.names),
        "problems": [asdict(p) for p in rows.problems], "attributes": list(rows.attributes), "strings": {},
        "categorical": list(rows.categorical),
    }  # fmt: skip
    columns = {f"attribute {i}": values for i, values in enumerate(rows.attributes.values())}
    for name, values in ({"targets": rows.targets} | columns).items():
        if values is not None and values.dtype.kind in "OUS":
            texts["strings"][name] = [None if v is None else str(v) for v in values.tolist()]
        elif values is not None:
            arrays[name] = values
    arrays |= {f"moments {name}": values for name, values in moments.state().items()}
    arrays |= {f"sketch {name}": values for name, values in _packed(sketches).items()}
    texts["columns"] = [[name, c.words, list(c.common.items())] for name, c in sketches.columns.items()]
    texts["together"] = list(sketches.together.names)
    arrays["texts"] = np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8)
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    part.replace(file)


def load(file: Path) -> tuple[Rows, Moments, Sketches] | None:
    """What was saved; None where nothing was, or nothing that can be read."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        texts = json.loads(arrays.pop("texts").tobytes())
        if texts["version"] != VERSION:
            return None
        sketches = _sketches(_prefixed(arrays, "sketch "), texts)
        return _rows(arrays, texts), Moments.from_state(_prefixed(arrays, "moments ")), sketches
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        zipfile.BadZipFile,
        EOFError,
        zlib.error,
    ):
        return None


def _packed(sketches: Sketches) -> dict[str, npt.NDArray[Any]]:
    """All columns in a few arrays: their numbers one a row, the rest end to end."""
    columns = list(sketches.columns.values())
    packed = {name: [getattr(c, name) for c in columns] for name in _LONG}
    arrays: dict[str, npt.NDArray[Any]] = {
        "numbers": np.array([[getattr(c, name) for name in _SHORT] for c in columns], np.float64).reshape(-1, 7),
        "lengths": np.array([[len(part) for part in parts] for parts in packed.values()], np.int64),
        "together count": np.array(sketches.together.count),
        "together mean": sketches.together.mean, "together products": sketches.together.products,
    }  # fmt: skip
    arrays |= {name: np.concatenate(parts) for name, parts in packed.items() if parts}
    if sketches.picture is not None:
        arrays |= {"picture": sketches.picture[0], "pictures": np.array(sketches.picture[1])}
    return arrays


def _sketches(arrays: dict[str, npt.NDArray[Any]], texts: dict[str, Any]) -> Sketches:
    lengths = dict(zip(_LONG, arrays["lengths"], strict=True))
    parts = {name: np.split(arrays[name], np.cumsum(n)[:-1]) for name, n in lengths.items() if name in arrays}
    columns = {}
    for i, (name, words, common) in enumerate(texts["columns"]):
        count, missing, infinite, *moments = arrays["numbers"][i].tolist()
        mean, squares, low, high = moments
        order, sample, hashes = (parts[key][i] for key in _LONG)
        columns[name] = Column(
            words, int(count), int(missing), int(infinite), mean, squares, low, high, order, sample, hashes,
            dict(common),
        )  # fmt: skip
    together = Together(
        tuple(texts["together"]), int(arrays["together count"]), arrays["together mean"], arrays["together products"]
    )
    picture = (arrays["picture"], int(arrays["pictures"])) if "picture" in arrays else None
    return Sketches(columns, together, picture)


def _prefixed(arrays: dict[str, npt.NDArray[Any]], prefix: str) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


def _rows(arrays: dict[str, npt.NDArray[Any]], texts: dict[str, Any]) -> Rows:
    def column(name: str) -> npt.NDArray[Any] | None:
        strings = texts["strings"].get(name)
        return arrays.get(name) if strings is None else np.array(strings, dtype=object)

    attributes = {name: column(f"attribute {i}") for i, name in enumerate(texts["attributes"])}
    return Rows(
        texts["keys"], arrays["prints"], arrays["features"], arrays["near"],
        {name: values for name, values in attributes.items() if values is not None},
        column("targets"), tuple(texts["names"]), tuple(Problem(**p) for p in texts["problems"]),
        tuple(texts["categorical"]),
    )  # fmt: skip
