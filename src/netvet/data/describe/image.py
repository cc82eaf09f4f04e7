"""Images: size, light, sharpness, a perceptual hash, and features for neighbours and cheap models."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Chunk
from netvet.data.describe import fingerprints
from netvet.data.index import Floats, Rows, Words

# Every image is brought to this grid for its hash and features; its low frequencies make the hash.
GRID, FREQUENCIES = 32, 16
HASH_WORDS = FREQUENCIES**2 // 64
# Frequencies of the spectrum in either direction: waves of four cells of the grid and longer.
_WAVES = 8
_THUMBNAILS = HASH_WORDS + _WAVES * (2 * _WAVES - 1) // 4
# Side of the thumbnails by which near images are told from others, and width of the filter that makes them smooth
# enough to be moved by parts of a pixel.
THUMBNAIL, _SMOOTH = 16, 1.5
# Sharpness is measured where an edge is an edge, whatever the size of the image (CleanVision: 64).
SHARP_SIDE = 64
CELLS, DIRECTIONS, BINS = 4, 8, 4
# Share of the length of all coefficients; coefficient of a wave of one grey value on the grid.
_LEAST, _LEAST_GREY = 0.01, 16 / 255
# Of 0..255: what the lines of a border differ in at most, and by how much most of what is inside differs from them; of
# smaller images the lines are too short to tell a border from a glyph.
EVEN, STEP, INSIDE, FRAMED_SIDE = 6, 16, 0.8, 24
# Of images at a time: 256 x 256 x 3 x 8 bytes each.
_BATCH_VALUES = 4_000_000
Array = npt.NDArray[np.float32]


def rows(chunk: Chunk) -> Rows:
    """One row an image; images of one shape are worked on together."""
    images = [np.asarray(one) for one in chunk.inputs]
    n, names = len(images), feature_names()
    prints = np.zeros(n, np.uint64)
    features = np.zeros((n, len(names)), np.float32)
    near = np.zeros((n, _THUMBNAILS + THUMBNAIL**2 // 8), np.uint64)
    attributes = {name: np.full(n, np.nan) for name in ATTRIBUTES}
    shapes: dict[tuple[tuple[int, ...], str], list[int]] = {}
    for i, one in enumerate(images):
        shapes.setdefault((one.shape, str(one.dtype)), []).append(i)
    for (shape, _), every in shapes.items():
        step = max(1, _BATCH_VALUES // max(1, int(np.prod(shape))))
        for first in range(0, len(every), step):
            where = np.array(every[first : first + step])
            batch = np.stack([images[i] for i in where])
            prints[where], grid = [exact(one) for one in batch], _grid(batch)
            features[where], grey = features_of(grid), _grey(grid)
            near[where] = np.concatenate([perceptual(grey), _packed(spectrum(grey)), _thumbnails(batch)], axis=1)
            for name, values in attributes_of(batch).items():
                attributes[name][where] = values
    if chunk.prints is not None:
        prints = np.where(chunk.prints > 0, chunk.prints, prints)
    found = {**attributes, **chunk.attributes}
    found["aspect"] = found["width"] / np.maximum(found["height"], 1)
    return Rows(chunk.keys, prints, features, near, found, chunk.targets, names, chunk.problems)


ATTRIBUTES = (
    "width", "height", "channels", "aspect", "brightness", "darkest", "brightest", "contrast", "entropy", "sharpness",
    "greyscale", "blank", "border",
)  # fmt: skip


def exact(image: npt.NDArray[np.generic]) -> int:
    """A hash of the pixels and the shape."""
    return fingerprints.of_bytes([repr(image.shape).encode(), image.dtype.str.encode(), image.tobytes()])


def attributes_of(batch: npt.NDArray[np.generic]) -> dict[str, npt.NDArray[np.float64]]:
    """Facts about images [n, H, W, C] of 0..255, [n] each.

    `brightness` is the mean, `darkest` and `brightest` its 5th and 99th percentile, `contrast` its standard deviation,
    all of 0..1; `entropy` in bits; `sharpness` the variance of the Laplacian (of 0..255) at no more than 64 pixels;
    `greyscale` and `blank` are 0 or 1; `border` is the share of height and width that bars of one colour take.
    """
    n, height, width, channels = batch.shape
    light = brightness(batch)
    counts = _histogram(np.rint(light).astype(np.int64))
    shares = counts / max(1, height * width)
    flat = light.reshape(n, -1)
    colour = batch[..., 0] == batch[..., -1]
    grey = (colour & (batch[..., 0] == batch[..., channels // 2])).reshape(n, -1).all(axis=1)
    whole = batch.reshape(n, -1)
    found = {
        "width": np.full(n, width), "height": np.full(n, height), "channels": np.full(n, channels),
        "brightness": flat.mean(axis=1) / 255, "darkest": _percentile(shares, 0.05),
        "brightest": _percentile(shares, 0.99), "contrast": flat.std(axis=1) / 255,
        "entropy": -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1), "sharpness": sharpness(light),
        "greyscale": grey, "blank": whole.max(axis=1) == whole.min(axis=1), "border": border(light),
    }  # fmt: skip
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}


def brightness(batch: npt.NDArray[np.generic]) -> Array:
    """As the eye sees it, [n, H, W] of 0..255 (Finley's HSP model; CleanVision's weights)."""
    if batch.shape[-1] < 3:
        return batch[..., 0].astype(np.float32)
    red, green, blue = (np.square(batch[..., c].astype(np.float32)) for c in range(3))
    found: Array = np.sqrt(np.float32(0.241) * red + np.float32(0.691) * green + np.float32(0.068) * blue)
    return found


def sharpness(light: Array) -> npt.NDArray[np.float64]:
    """Variance of the Laplacian of images [n, H, W], which are brought to 64 pixels at most (0 for tiny ones)."""
    height, width = light.shape[1:]
    factor = max(height, width) / SHARP_SIDE
    if factor > 1:
        light = _resized(light, max(1, int(height // factor)), max(1, int(width // factor)))
    if min(light.shape[1:]) < 3:
        return np.zeros(len(light))
    three = light[:, :-2] + light[:, 1:-1] + light[:, 2:]
    around = three[:, :, :-2] + three[:, :, 1:-1] + three[:, :, 2:]
    edges: Array = np.clip(9 * light[:, 1:-1, 1:-1] - around, 0, 255)  # as 8-bit filters of images do
    found: npt.NDArray[np.float64] = edges.reshape(len(light), -1).var(axis=1, dtype=np.float64)
    return found


def border(light: Array) -> npt.NDArray[np.float64]:
    """Bars at opposite sides of images [n, H, W], as shares of height and width: even, and cut off sharply.

    The plain background of a drawing or a digit is none: most of the line behind it is background as well.
    """
    if min(light.shape[1:]) < FRAMED_SIDE:
        return np.zeros(len(light))
    down, right = light, light.swapaxes(1, 2)
    pairs = [(_bar(one), _bar(one[:, ::-1])) for one in (down, right)]
    found: npt.NDArray[np.float64] = np.sum([np.where((a > 0) & (b > 0), a + b, 0.0) for a, b in pairs], axis=0)
    return found


def _bar(light: Array) -> npt.NDArray[np.float64]:
    """Of the first lines of images [n, H, W], the share of H that is a bar of one colour."""
    size = light.shape[1]
    colour = light[:, :1, :1]
    even = (np.abs(light[:, : size // 4 + 1] - colour) <= EVEN).all(axis=2)
    lines = np.where(even.all(axis=1), 0, even.argmin(axis=1))  # the first line that is not of the colour
    behind = light[np.arange(len(light)), lines]
    cut = (np.abs(behind - colour[:, :, 0]) >= STEP).mean(axis=1) >= INSIDE
    found: npt.NDArray[np.float64] = np.where(cut, lines / size, 0.0)
    return found


def perceptual(grey: Array) -> Words:
    """256 bits of each image [n, 32, 32] as [n, 4]: low frequencies that stand out, lowest first.

    A bit is 1 where a frequency is above the median of its word, and above what compression and noise change.
    Zauner, Implementation and benchmarking of perceptual image hash functions, 2010; here 16 x 16 frequencies, sorted
    by their sum, so that the first word holds the coarsest of them.
    """
    basis = _cosines()
    waves = (basis @ grey @ basis.T).reshape(len(grey), -1)[:, _by_frequency()]
    waves[:, 0] = 0  # the mean brightness says nothing of what is seen
    # What is small beside the whole, or beside one grey value, is on no side: noise of compression must not turn bits.
    least = np.maximum(_LEAST * np.sqrt(np.square(waves).sum(axis=1)), _LEAST_GREY)[:, None, None]
    blocks = waves.reshape(len(grey), -1, 64)
    bits = blocks > np.maximum(np.median(blocks, axis=2, keepdims=True), least)
    return np.packbits(bits, axis=2).view(np.uint64).reshape(len(grey), -1)


def spectrum(grey: Array) -> Array:
    """Roots of the magnitudes of the low frequencies of images [n, 32, 32], [n, 120] of length 1.

    Magnitudes stay what they are where an image is shifted, and change little where it is cropped a little (Reddy and
    Chatterji, An FFT-based technique for translation, rotation, and scale-invariant image registration, 1996). The
    window halves what a shift changes at the borders; roots keep the strongest wave from being all that counts.
    """
    centred = grey - grey.mean(axis=(1, 2), keepdims=True)
    window = np.sqrt(np.hanning(GRID + 2)[1:-1]).astype(np.float32)
    waves = np.abs(np.fft.rfft2(centred * np.outer(window, window)))
    low = np.sqrt(waves[:, np.r_[:_WAVES, 1 - _WAVES : 0], :_WAVES].reshape(len(grey), -1))
    found: Array = (low / (np.linalg.norm(low, axis=1, keepdims=True) + _LEAST)).astype(np.float32)
    return found


def spectrum_of(near: Words) -> Array:
    """The spectrum [n, 120] that `near` of these images holds behind their hash."""
    return np.ascontiguousarray(near[:, HASH_WORDS:_THUMBNAILS]).view(np.float16).astype(np.float32)


def thumbnails_of(near: Words) -> npt.NDArray[np.uint8]:
    """The thumbnails [n, 16, 16] that `near` of these images holds behind their spectrum, grey values of 0..255."""
    return np.ascontiguousarray(near[:, _THUMBNAILS:]).view(np.uint8).reshape(-1, THUMBNAIL, THUMBNAIL)


def _thumbnails(batch: npt.NDArray[np.generic]) -> Words:
    grey = _grey(batch.astype(np.float32))
    small = _triangles(grey.shape[1]) @ grey @ _triangles(grey.shape[2]).T
    return np.clip(np.rint(small), 0, 255).astype(np.uint8).reshape(len(batch), -1).view(np.uint64)


@cache
def _triangles(old: int) -> Array:
    """Weights [16, old] that interpolate few pixels, and smooth many."""
    width = max(_SMOOTH * old / THUMBNAIL, 1.0)
    places = (np.arange(THUMBNAIL) + 0.5) * old / THUMBNAIL - 0.5
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(old)) / width, 0)
    found: Array = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def _packed(values: Array) -> Words:
    return np.ascontiguousarray(values.astype(np.float16)).view(np.uint64)


def features_of(grid: Array) -> Floats:
    """Features of images [n, 32, 32, C] of 0..1: grey values, directions of edges, colours."""
    n, grey = len(grid), _grey(grid)
    coarse = _resized(grey, 8, 8).reshape(n, -1)
    channels = (0, 1, 2) if grid.shape[-1] >= 3 else (0, 0, 0)
    planes = np.stack([grid[..., c].reshape(n, -1) for c in channels], axis=1)
    bins = np.minimum((planes * BINS).astype(np.int64), BINS - 1) + BINS * np.arange(3 * n).reshape(n, 3, 1)
    shares = np.bincount(bins.ravel(), minlength=3 * n * BINS).reshape(n, -1) / planes.shape[-1]
    parts = [coarse, _edges(grey), planes.mean(axis=2), planes.std(axis=2), shares]
    return np.concatenate(parts, axis=1, dtype=np.float32)


@cache
def feature_names() -> tuple[str, ...]:
    """Of the columns of `features_of`."""
    grey = [f"grey {y},{x}" for y in range(8) for x in range(8)]
    edges = [f"edges {y},{x},{d}" for y in range(CELLS) for x in range(CELLS) for d in range(DIRECTIONS)]
    tones = [f"{what} {c}" for what in ("mean", "std") for c in ("red", "green", "blue")]
    return (*grey, *edges, *tones, *(f"{c} share {b}" for c in ("red", "green", "blue") for b in range(BINS)))


def _edges(grey: Array) -> Array:
    """Histograms of gradient directions in 4 x 4 cells (Dalal and Triggs, CVPR 2005), of length 1 at most."""
    n = len(grey)
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    right[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    size = np.hypot(down, right)
    turn = np.arctan2(down, right) * np.float32(DIRECTIONS / (2 * np.pi))
    side = GRID // CELLS
    place = np.add.outer(np.arange(GRID) // side * CELLS, np.arange(GRID) // side) * DIRECTIONS
    index = np.floor(turn).astype(np.int64) % DIRECTIONS + place + np.arange(n)[:, None, None] * (CELLS**2 * DIRECTIONS)
    found = np.bincount(index.ravel(), size.ravel(), n * CELLS**2 * DIRECTIONS).reshape(n, -1)
    length = np.sqrt(np.square(found).sum(axis=1, keepdims=True))
    shares: Array = (found / (length + 1.0)).astype(np.float32)  # 1: so that noise on a flat image stays small
    return shares


def _grid(batch: npt.NDArray[np.generic]) -> Array:
    """Images [n, H, W, C] as [n, 32, 32, C] of 0..1, by the means of areas."""
    planes = [_resized(batch[..., c].astype(np.float32), GRID, GRID) / 255 for c in range(batch.shape[-1])]
    return np.stack(planes, axis=-1)


def _grey(grid: Array) -> Array:
    """ITU-R BT.601."""
    if grid.shape[-1] < 3:
        return grid[..., 0]
    found: Array = np.matmul(grid[..., :3], np.array([0.299, 0.587, 0.114], dtype=np.float32))
    return found


def _resized(planes: Array, height: int, width: int) -> Array:
    found: Array = np.matmul(_areas(planes.shape[1], height) @ planes, _areas(planes.shape[2], width).T)
    return found


@cache
def _areas(old: int, new: int) -> Array:
    """Weights [new, old] that give the mean of each of `new` equal parts of `old` pixels."""
    edges = np.arange(new + 1) * old / new
    cells = np.arange(old)
    low = np.maximum(edges[:-1, None], cells)
    high = np.minimum(edges[1:, None], cells + 1)
    found: Array = (np.maximum(high - low, 0) * new / old).astype(np.float32)
    return found


@cache
def _cosines() -> Array:
    """The first rows of the orthonormal DCT-II of 32 values, [16, 32]."""
    k, x = np.arange(FREQUENCIES)[:, None], np.arange(GRID)
    found = np.cos(np.pi * (2 * x + 1) * k / (2 * GRID)) * np.sqrt(2 / GRID)
    found[0] /= np.sqrt(2)
    cosines: Array = found.astype(np.float32)
    return cosines


@cache
def _by_frequency() -> npt.NDArray[np.int64]:
    total = np.add.outer(np.arange(FREQUENCIES), np.arange(FREQUENCIES))
    return np.argsort(total.ravel(), kind="stable")


def _histogram(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Counts [n, 256] of the values 0..255 of images [n, H, W]."""
    n = len(values)
    index = np.clip(values, 0, 255).reshape(n, -1) + 256 * np.arange(n)[:, None]
    return np.bincount(index.ravel(), minlength=256 * n).reshape(n, 256)


def _percentile(shares: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.float64]:
    """The smallest value, of 0..1, that so large a share of the pixels does not exceed."""
    found: npt.NDArray[np.float64] = (shares.cumsum(axis=1) >= share - 1e-9).argmax(axis=1) / 255
    return found
