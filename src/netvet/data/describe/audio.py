"""Recordings: length, loudness, clipping, silence, energies of bands, and a signature."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Chunk
from netvet.data.describe import fingerprints
from netvet.data.index import Floats, Rows, Words

Array = npt.NDArray[np.float32]
# Bands of equal width in mel, of windows of 25 ms every 10 ms, as speech recognition takes them.
BANDS, WINDOW, STEP = 32, 0.025, 0.010
# Parts of a recording whose bands are compared for the signature: 9 parts have 8 differences, 32 bands each: 4 words.
PARTS = 9
# Windows that are transformed at once.
_BATCH = 2_000
# Full scale of 16 bits less one step; and the loudness that is silence for a loader of 16 bits (-80 dB).
CLIPPED, SILENT = 32766 / 32768, 1e-4
_FLOOR = 1e-10


def rows(chunk: Chunk) -> Rows:
    """One row a recording."""
    waves = [np.asarray(one, dtype=np.float32) for one in chunk.inputs]
    rates = np.asarray(chunk.attributes.get("sample rate", np.full(len(waves), 16_000.0)), dtype=np.float64)
    facts = [_facts(wave) for wave in waves]
    bands = [log_bands(wave.mean(axis=1), rate) for wave, rate in zip(waves, rates.tolist(), strict=True)]
    attributes = {name: np.array([f[i] for f in facts], dtype=np.float64) for i, name in enumerate(FACTS)}
    prints = np.array([fingerprints.of_bytes([repr(w.shape).encode(), w.tobytes()]) for w in waves], dtype=np.uint64)
    if chunk.prints is not None:
        prints = np.where(chunk.prints > 0, chunk.prints, prints)
    features = np.array([[*b.mean(axis=0), *b.std(axis=0)] for b in bands], dtype=np.float32).reshape(-1, 2 * BANDS)
    near = np.array([signature(b) for b in bands], dtype=np.uint64).reshape(-1, (PARTS - 1) * BANDS // 64)
    return Rows(
        chunk.keys, prints, features, near,
        {**attributes, **chunk.attributes}, chunk.targets, _names(), chunk.problems,
    )  # fmt: skip


FACTS = ("loudness", "peak", "clipped", "silence", "offset", "blank")


def _facts(wave: Array) -> tuple[float, ...]:
    """Of a recording [T, channels]: root mean square, peak, shares at full scale and of silence, mean, constant."""
    size = np.abs(wave)
    rms = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    blank = float(wave.max() == wave.min())
    clipped, silence = float(np.mean(size >= CLIPPED)), float(np.mean(size.max(axis=1) <= SILENT))
    return rms, float(size.max()), clipped, silence, float(wave.mean(dtype=np.float64)), blank


def log_bands(mono: Array, rate: float) -> Floats:
    """Logarithms of the energies of a recording [T] as [windows, bands] (Davis and Mermelstein, 1980)."""
    size, step = max(16, int(WINDOW * rate)), max(8, int(STEP * rate))
    if len(mono) < size:
        mono = np.pad(mono, (0, size - len(mono)))
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[::step]
    window, weights = np.hanning(size).astype(np.float32), _bank(size, rate)
    parts = [
        np.square(np.abs(np.fft.rfft(frames[i : i + _BATCH] * window))) @ weights for i in range(0, len(frames), _BATCH)
    ]
    found: Floats = np.log10(np.concatenate(parts) / size + _FLOOR).astype(np.float32)
    return found


@cache
def _bank(size: int, rate: float) -> npt.NDArray[np.float64]:
    """Weights [size // 2 + 1, bands]: triangles of equal width in mel (O'Shaughnessy: 2595 log10(1 + f / 700))."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    centres = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    pitch = np.fft.rfftfreq(size, 1 / rate)[:, None]
    rise = (pitch - centres[:-2]) / np.maximum(centres[1:-1] - centres[:-2], 1e-9)
    fall = (centres[2:] - pitch) / np.maximum(centres[2:] - centres[1:-1], 1e-9)
    found: npt.NDArray[np.float64] = np.clip(np.minimum(rise, fall), 0, None)
    return found


def signature(bands: Floats) -> Words:
    """256 bits [4]: where the energy of a band rises against its neighbour from one part of a recording to the next.

    Haitsma and Kalker, A highly robust audio fingerprinting system, ISMIR 2002.
    """
    cuts = np.linspace(0, len(bands), PARTS + 1).astype(int)
    means = np.stack([bands[a : max(b, a + 1)].mean(axis=0) for a, b in pairwise(cuts)])
    against = means - np.roll(means, 1, axis=1)
    return np.packbits(np.diff(against, axis=0) > 0).view(np.uint64)


@cache
def _names() -> tuple[str, ...]:
    return tuple(f"{what} of band {b}" for what in ("mean", "std") for b in range(BANDS))
