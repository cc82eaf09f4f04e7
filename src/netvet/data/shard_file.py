"""What a shard has left, as a file of plain arrays: nothing is ever unpickled."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Problem
from netvet.data.index import Rows
from netvet.data.summaries import Moments

VERSION = 1


def save(file: Path, rows: Rows, moments: Moments) -> None:
    """Write a file that is either whole or not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, npt.NDArray[Any]] = {"prints": rows.prints, "features": rows.features, "near": rows.near}
    texts: dict[str, Any] = {
        "version": VERSION, "keys": None if rows.keys is None else list(rows.keys), "names": list(rows.names),
        "problems": [asdict(p) for p in rows.problems], "attributes": list(rows.attributes), "strings": {},
    }  # fmt: skip
    columns = {f"attribute {i}": values for i, values in enumerate(rows.attributes.values())}
    for name, values in ({"targets": rows.targets} | columns).items():
        if values is not None and values.dtype.kind in "OUS":
            texts["strings"][name] = [None if v is None else str(v) for v in values.tolist()]
        elif values is not None:
            arrays[name] = values
    arrays |= {f"moments {name}": values for name, values in moments.state().items()}
    arrays["texts"] = np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8)
    part = file.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    part.replace(file)


def load(file: Path) -> tuple[Rows, Moments] | None:
    """What was saved; None where nothing was, or nothing that can be read."""
    try:
        with np.load(file, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        texts = json.loads(arrays.pop("texts").tobytes())
        if texts["version"] != VERSION:
            return None
        return _rows(arrays, texts), Moments.from_state(_prefixed(arrays, "moments "))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError):
        return None


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
    )  # fmt: skip
