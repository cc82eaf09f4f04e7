"""A sample in a form that a browser shows: a picture, a sound, a text, a table. Its label and its name stay out."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError
from netvet.data.chunks import Kind
from netvet.data.fetch import Sample

Form = Literal["picture", "sound", "text", "table"]
# A longer side is scaled down: as much as a screen shows.
LONGEST_SIDE = 1_600
# A text, or a table, beyond this is cut: nobody reads on.
MAX_CHARACTERS, MAX_ROWS = 20_000, 500
# Arrays with shorter sides are numbers rather than pictures.
SHORTEST_SIDE = 4
# Where nothing is known of it (speech is mostly recorded so).
SAMPLE_RATE = 16_000
RATES = ("sample rate", "sampling rate", "rate", "sample_rate")
_MEDIA: Mapping[Form, str] = {
    "picture": "image/png", "sound": "audio/wav", "text": "text/plain; charset=utf-8", "table": "application/json",
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """What a browser is given. `body`: a PNG, a WAV, UTF-8, or JSON of [name, value] pairs."""

    form: Form
    body: bytes

    @property
    def media_type(self) -> str:
        """What the body is."""
        return _MEDIA[self.form]


def shown(kind: Kind, sample: Sample) -> Shown:
    """A sample of a kind.

    Raises:
        NetvetError: it cannot be shown.
    """
    given = sample.input
    if kind == "audio":
        return Shown("sound", _wav(np.asarray(given, dtype=np.float64), _rate(sample.attributes)))
    if kind == "text":
        return _text(str(given))
    if isinstance(given, Mapping):
        return _table([(str(name), value) for name, value in given.items()])
    array = np.asarray(given)
    if kind == "tokens":
        return _text(" ".join(map(str, array.ravel()[:MAX_CHARACTERS].tolist())))
    picture = array if kind == "image" else picture_of(array)
    if picture is not None:
        return Shown("picture", _png(picture if kind == "image" else _stretched(picture)))
    return _table([(str(i), v) for i, v in enumerate(array.ravel()[: MAX_ROWS + 1].tolist())])


def picture_of(array: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """An array as a picture [H, W] or [H, W, 3]: [C, H, W] or [H, W, C] with 1, 3 or 4 channels; None for others."""
    if array.dtype.kind not in "fiub":
        return None
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and min(array.shape[1:]) >= SHORTEST_SIDE:
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[-1] in (1, 3, 4):
        array = array[..., 0] if array.shape[-1] == 1 else array[..., :3]
    fits = array.ndim in (2, 3) and array.shape[2:] in ((), (3,)) and min(array.shape[:2]) >= SHORTEST_SIDE
    return array if fits else None


def _stretched(picture: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The smallest value black, the greatest white: how it was normalised does not matter."""
    values = picture.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, dtype=np.uint8)
    low, high = values[finite].min(), values[finite].max()
    return np.where(finite, (values - low) / max(high - low, 1e-300) * 255, 0).round().astype(np.uint8)


def _png(picture: npt.NDArray[Any]) -> bytes:
    from PIL import Image

    values = np.clip(np.nan_to_num(picture), 0, 255).astype(np.uint8)
    values = values[..., 0] if values.ndim == 3 and values.shape[-1] in (1, 2) else values
    if values.ndim not in (2, 3) or not values.size:
        raise NetvetError(f"a picture of shape {list(picture.shape)} cannot be shown; expected [H, W] or [H, W, C]")
    image, stream = Image.fromarray(values), io.BytesIO()
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    image.save(stream, "PNG")
    return stream.getvalue()


def _wav(sound: npt.NDArray[np.float64], rate: int) -> bytes:
    """16 bits, all channels; [T] or [T, channels] of -1 to 1."""
    frames = sound.reshape(len(sound), -1)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(max(frames.shape[1], 1))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(np.nan_to_num(frames), -1, 1) * 32_767).astype("<i2").tobytes())
    return stream.getvalue()


def _rate(attributes: Mapping[str, Any]) -> int:
    found = next((attributes[name] for name in RATES if name in attributes), None)
    return int(found) if isinstance(found, int | float | np.number) and 0 < found < 1e6 else SAMPLE_RATE


def _text(text: str) -> Shown:
    cut = text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} ... ({len(text):,} characters)"
    return Shown("text", cut.encode("utf-8", "replace"))


def _table(pairs: list[tuple[str, Any]]) -> Shown:
    rows = [[name, _cell(value)] for name, value in pairs[:MAX_ROWS]]
    if len(pairs) > MAX_ROWS:
        rows.append(["...", ""])
    return Shown("table", json.dumps(rows).encode())


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    return f"{float(value):.6g}" if isinstance(value, int | float | np.number) else str(value)[:MAX_CHARACTERS]
