"""Small pictures and short texts of the samples that an audit names, kept with it: a report reads no data again."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.audit import Found
from netvet.data.chunks import Kind, Shard, Source
from netvet.data.index import Split
from netvet.data.readers.folders import Part
from netvet.data.shown import picture_of

SIGNAL = "sample_pictures"
# So many samples, of this longer side at most, and smaller where all of them would be more bytes than this: the page of
# an audit stays below 2 MB with photographs too, which can hardly be compressed.
MOST, SIDE, BYTES = 64, 96, 1_100_000
MAX_TEXT = 200
# Some samples lie at the end of what takes minutes to read: what has not come by then is said to be missing.
SECONDS = 10.0
# Of what the looks have named, in the order in which a person wants to see it; then some of each class.
NAMED = {"label_suspects": 16, "near_duplicates": 12, "samples": 8, "conflicts": 8, "outliers": 12, "image_quality": 8}
ORDINARY = 20

Place = tuple[str, str]
Pixels = npt.NDArray[np.uint8]


def with_thumbnails(found: Found, source: Source) -> None:
    """Add the pictures of samples to what an audit has found; an audit never fails for them."""
    try:
        found.signals[SIGNAL] = thumbnails(found, source)
    except Exception as error:
        found.missing[SIGNAL] = f"samples could not be read again: {type(error).__name__}: {error}"


def thumbnails(found: Found, source: Source) -> list[Record]:
    """Records of the signal `sample_pictures`: samples that were named, and some that were not.

    Only samples of the data that were audited are read, by the reader that has read them.
    """
    splits = found.data.splits
    named = list(dict.fromkeys(place for place in _named(found) if place is not None))
    places = list(dict.fromkeys([*named, *_ordinary(found)]))[:MOST]
    side = min(SIDE, int(math.sqrt(BYTES / (3 * max(len(places), 1)))))
    inputs = dict(_read(source, places))
    labels = {name: _labels(split, found.data.classes) for name, split in splits.items()}
    return [
        {"split": split, "key": key, "named": (split, key) in named, "label": labels[split].get(key), "text": None,
         "pixels": None, "why": None, **_shown(inputs.get((split, key)), found.data.kind, side)}
        for split, key in places
    ]  # fmt: skip


def _named(found: Found) -> Iterator[Place | None]:
    """Samples that records show as examples, by split and key."""
    names = list(found.data.splits)
    for signal, most in NAMED.items():
        told = [place for record in found.signals.get(signal, ()) for place in _examples(record, names)]
        yield from told[:most]


def _examples(record: Record, splits: Sequence[str]) -> Iterator[Place | None]:
    own = str(record.get("split"))
    for one in record.get("examples") or ():
        keys = one if isinstance(one, str) else one.get("samples") or one.get("key") or one.get("sample")
        yield from (place_of(key, own, splits) for key in ([keys] if isinstance(keys, str) else keys or ()))
    for pairs in ("duplicate_keys", "overlap_keys"):
        for pair in record.get(pairs) or ():
            yield from (place_of(key, str(record.get("train_split") or own), splits) for key in pair)


def place_of(key: object, split: str, splits: Sequence[str]) -> Place | None:
    """Split and key of a name as a report says it: with the name of its split, where there are several."""
    text = str(key)
    for name in splits:
        if text.startswith(f"{name}: "):
            return name, text.removeprefix(f"{name}: ")
    return (split, text) if split in splits else None


def _ordinary(found: Found) -> Iterator[Place]:
    """Samples of the training data: evenly spaced, of each class in turn."""
    split = found.data.train
    if split is None or not len(split):
        return
    of_class = split.labels if split.labels is not None else np.zeros(len(split), dtype=np.int64)
    rows = [np.flatnonzero(of_class == label) for label in np.unique(of_class)[:ORDINARY]]
    each = max(1, ORDINARY // len(rows))
    for nth in range(each):
        yield from ((split.name, split.key(int(own[nth * (len(own) // each)]))) for own in rows if len(own) >= each)


def _labels(split: Split, classes: Sequence[str]) -> dict[str, str]:
    if split.labels is not None:
        return {split.key(i): str(classes[n]) for i, n in enumerate(split.labels.tolist()) if n >= 0}
    return {split.key(i): f"{v:.4g}" for i, v in enumerate(split.numbers.tolist())} if split.numbers is not None else {}


def _read(source: Source, places: Iterable[Place]) -> Iterator[tuple[Place, Any]]:
    """Inputs of samples, as far as they come in time."""
    wanted: dict[str, set[str]] = {}
    for split, key in places:
        wanted.setdefault(split, set()).add(key)
    end = perf_counter() + SECONDS
    for split, keys in wanted.items():
        for key, given in _inputs(source, split, keys):
            if key in keys:
                keys.discard(key)
                yield (split, key), given
            if not keys or perf_counter() > end:
                break


def _inputs(source: Source, split: str, keys: set[str]) -> Iterator[tuple[str, Any]]:
    """All samples of a split with their keys; of folders, only those that are asked for."""
    again = getattr(source, "samples", None)
    if again is not None:  # data sets of this process
        part = next(p for p in source.parts if p.split == split)  # type: ignore[attr-defined]
        for names, columns in again(split, 64):
            yield from ((name, np.asarray(one[part.inputs[0]])) for name, one in zip(names, columns, strict=True))
        return
    for shard in (_narrowed(s, keys) for s in source.shards() if s.split == split):
        for chunk in source.read(shard):
            given = chunk.inputs
            for i, key in enumerate(chunk.keys):
                yield key, {n: c[i] for n, c in given.items()} if isinstance(given, Mapping) else given[i]


def _narrowed(shard: Shard, keys: set[str]) -> Shard:
    if not isinstance(shard.where, Part):
        return shard
    items = tuple(item for item in shard.where.items if item.file.key in keys)
    return replace(shard, count=len(items), where=replace(shard.where, items=items))


def _shown(given: Any, kind: Kind, side: int) -> Record:
    """What a page shows of a sample."""
    if given is None:
        return {"why": "it could not be read again"}
    if isinstance(given, str):
        return {"text": given[:MAX_TEXT]}
    if isinstance(given, Mapping):
        return {"text": ", ".join(f"{name} {_word(value)}" for name, value in given.items())[:MAX_TEXT]}
    array = np.asarray(given)
    picture = array if kind == "image" else picture_of(array) if kind == "tensor" else None
    if picture is None:
        return {"text": " ".join(_word(v) for v in array.reshape(-1)[:40].tolist())[:MAX_TEXT]}
    return {"pixels": _pixels(_bytes(picture, stretched=kind != "image"), side)}


def _word(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "-" if math.isnan(value) else f"{value:.4g}"
    return "-" if value is None else str(value)


def _bytes(picture: npt.NDArray[Any], *, stretched: bool) -> Pixels:
    """Bytes [H, W, 1 or 3]: images as they are; numbers that enter a net from the lowest, black, to the highest."""
    values = np.nan_to_num(picture.astype(np.float64))
    if stretched:
        low, high = float(values.min()), float(values.max())
        values = (values - low) / max(high - low, 1e-300) * 255
    values = values[..., None] if values.ndim == 2 else values
    values = values[..., :3] if values.shape[-1] >= 3 else values[..., :1]
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _pixels(picture: Pixels, side: int) -> Record:
    from PIL import Image

    image = Image.fromarray(picture if picture.shape[-1] == 3 else picture[..., 0])
    image.thumbnail((side, side))
    small = np.asarray(image)
    height, width = small.shape[:2]
    data = base64.b64encode(np.ascontiguousarray(small).tobytes()).decode("ascii")
    return {"width": width, "height": height, "channels": 3 if small.ndim == 3 else 1, "data": data}
