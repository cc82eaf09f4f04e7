"""Audio in folders, decoded by libsndfile: WAV, FLAC, Ogg."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np

from netvet.core import NetvetError
from netvet.data.readers import Wanted
from netvet.data.readers.decoded import Decoded, Form, Unusable
from netvet.data.readers.folders import Folders, open_folders

ENDINGS = frozenset((".wav", ".flac", ".ogg"))
# What is looked at of a longer recording, from its begin: 5 MB of 16 kHz stereo as float32.
MAX_SECONDS = 60.0
# Samples of one channel that are decoded at once, and at all: a header may tell any rate.
_BLOCK, _MAX_FRAMES = 2**18, 2**23
# Sizes in headers of streams that were written before their length was known.
_UNKNOWN_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFE)


def open_source(wanted: Wanted) -> Folders:
    """Audio below folders.

    Raises:
        NetvetError: soundfile is not installed.
    """
    try:
        import soundfile  # type: ignore[import-untyped]  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: without libsndfile
        raise NetvetError('audio needs soundfile; install it with: pip install "netvet[data]"') from error
    return open_folders(wanted, FORM)


def decode(data: bytes) -> Decoded:
    """The first minute of a recording as float32 [T, channels] of -1..1, with its true length.

    Raises:
        Unusable: it is empty, no audio, truncated or damaged.
    """
    import soundfile

    if not data:
        raise Unusable("empty", "a file of zero bytes")
    if (missing := _missing_bytes(data)) > 0:
        raise Unusable("truncated", f"{missing:,} bytes are missing at its end, by its header")
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            rate, frames, channels = file.samplerate, file.frames, file.channels
            wanted = min(frames, int(MAX_SECONDS * rate), _MAX_FRAMES // max(channels, 1))
            parts, read = [np.zeros((0, channels), np.float32)], 0
            while read < wanted:
                part = file.read(min(_BLOCK, wanted - read), dtype="float32", always_2d=True)
                if not len(part):
                    raise Unusable("truncated", f"it ends after {read:,} of {frames:,} samples")
                parts.append(part)
                read += len(part)
    except Unusable:
        raise
    except Exception as error:  # whatever libsndfile and its binding say of damaged files
        begins = data[:4] in (b"RIFF", b"fLaC", b"OggS")
        text = str(error).rpartition(">: ")[2][:120]  # not the address of the bytes in memory
        if not begins:
            raise Unusable("not audio", f"it begins with {data[:12]!r}") from None
        raise Unusable("damaged", f"cannot be decoded ({text})") from None
    if not frames:
        raise Unusable("empty", "a recording of no samples")
    facts = {"seconds": frames / rate, "sample rate": float(rate), "channels": float(channels)}
    return Decoded(np.concatenate(parts), facts, reduced=wanted < frames)


def _missing_bytes(data: bytes) -> int:
    """How many bytes a WAV lacks by the size in its chunk of samples."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return 0
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"data":
            return 0 if size in _UNKNOWN_SIZES else at + 8 + int(size) - len(data)
        at += 8 + size + size % 2
    return 0


FORM = Form("audio", ENDINGS, "audio file", decode)
