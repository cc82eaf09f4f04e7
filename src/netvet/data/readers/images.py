"""Images in folders, decoded by Pillow."""

from __future__ import annotations

import logging
import warnings
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError
from netvet.data.readers import Wanted
from netvet.data.readers.decoded import Decoded, Form, Unusable
from netvet.data.readers.folders import Folders, open_folders

ENDINGS = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm")
)
# Longest side of what is looked at: enough for hashes, brightness and sharpness, and small in memory.
MAX_SIDE = 256
# Pillow refuses images of twice its Image.MAX_IMAGE_PIXELS (89,478,485: a quarter GiB of RGB) as decompression bombs.
MAX_PIXELS = 2 * 89_478_485
# Formats that Pillow may try: those that decode in this process, without programs such as Ghostscript.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
# EXIF 2.32, tag 0x0112: what is to be done to the stored pixels; 1 and whatever is not defined is nothing.
_TAG, UPRIGHT = 0x0112, "upright"
ORIENTATIONS = {
    2: "mirrored", 3: "upside down", 4: "mirrored upside down", 5: "mirrored, to the left", 6: "to the right",
    7: "mirrored, to the right", 8: "to the left",
}  # fmt: skip
_CUT_SHORT = ("truncated", "unexpected end", "end of file", "not enough", "not processed", "buffer is not large")


def open_source(wanted: Wanted) -> Folders:
    """Images below folders.

    Raises:
        NetvetError: Pillow is not installed.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise NetvetError('images need Pillow; install it with: pip install "netvet[data]"') from error
    return open_folders(wanted, FORM)


def decode(data: bytes) -> Decoded:
    """An image [H, W, C] of 0..255, C = 1 or 3, with its true size and mode.

    Raises:
        Unusable: it is empty, no image, truncated, damaged, or too large to decode.
    """
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise Unusable("empty", "a file of zero bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about sizes that are told below, and odd metadata
        try:
            with Image.open(BytesIO(data), formats=_formats()) as image:
                return _decoded(image)
        except Unusable:
            raise
        except UnidentifiedImageError:
            raise Unusable(*_unknown(data)) from None
        except Image.DecompressionBombError:
            raise Unusable("too large", f"more than {MAX_PIXELS:,} pixels") from None
        except Exception as error:  # Pillow raises nearly anything for damaged files
            text = " ".join(str(error).split()) or type(error).__name__
            short = any(word in text.lower() for word in _CUT_SHORT)
            raise Unusable("truncated" if short else "damaged", f"cannot be decoded ({text[:120]})") from None


@cache
def _formats() -> tuple[str, ...]:
    """Those that this Pillow was built with."""
    from PIL import Image

    Image.init()
    logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it says of damaged files is told as problems
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _decoded(image: Any) -> Decoded:
    width, height = image.size
    mode = image.mode
    if width * height > MAX_PIXELS:
        raise Unusable("too large", f"{width:,} x {height:,} pixels; Pillow refuses more than {MAX_PIXELS:,}")
    facts: dict[str, float | str] = {"width": float(width), "height": float(height), "mode": mode}
    facts["orientation"] = _orientation(image)
    if max(width, height) <= MAX_SIDE:
        return Decoded(_array(image), facts)
    image.draft(image.mode, (MAX_SIDE, MAX_SIDE))  # a JPEG is decoded at 1/2, 1/4 or 1/8 of its size
    image.load()
    factor = -(-max(image.size) // MAX_SIDE)
    if factor > 1:
        image = (image if image.mode not in ("P", "1") else image.convert("RGB")).reduce(factor)
    return Decoded(_array(image), facts, reduced=True)


def _orientation(image: Any) -> str:
    """How the stored pixels lie, by their EXIF tag: what a viewer undoes, and `Image.open` does not."""
    tagged = "exif" in image.info or image.format == "TIFF"
    return ORIENTATIONS.get(image.getexif().get(_TAG, 1), UPRIGHT) if tagged else UPRIGHT


def _array(image: Any) -> npt.NDArray[Any]:
    """Pixels [H, W, C] as a loader gets them by `convert("RGB")`; those with more than 8 bits scaled to 0..255."""
    mode = image.mode
    if mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float32)
        top = float(values.max(initial=0.0))
        scale = 1 / 257 if top > 255 else 255.0 if mode == "F" and top <= 1 else 1.0
        deep: npt.NDArray[Any] = np.clip(values * np.float32(scale), 0, 255)[..., None]
        return deep
    if mode not in ("L", "RGB"):
        image = image.convert("L" if mode in ("1", "LA", "La") else "RGB")
    found: npt.NDArray[Any] = np.asarray(image)
    return found if found.ndim == 3 else found[..., None]


def _unknown(data: bytes) -> tuple[str, str]:
    """What a file is that Pillow does not know."""
    if not data.strip(b"\0"):
        return "not an image", f"{len(data):,} bytes of zeros"
    start = data[:12]
    known = start.startswith((b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*"))
    if known:
        return ("truncated", f"the head of an image, cut off at {len(data):,} bytes") if len(data) < 1000 else (
            "damaged", "it begins as an image does and cannot be decoded"
        )  # fmt: skip
    return "not an image", f"it begins with {start!r}"


FORM = Form("image", ENDINGS, "image", decode)
