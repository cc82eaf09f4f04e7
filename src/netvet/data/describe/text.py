"""Texts: what is in them without regard to a language, a signature for near copies, features from their letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Numbered
from netvet.data.describe import fingerprints
from netvet.data.index import Floats, Rows, Words

# Hashes of a signature: the similarity of two texts is told to within 1 / sqrt(64) = 0.125 (Broder, On the resemblance
# and containment of documents, 1997); two of 32 bits are one word.
HASHES, SEED = 64, 1
SIGNATURE = HASHES // 2
# Letters that are told apart: ASCII in lower case, and other bytes of UTF-8 in the places that leaves free.
LETTERS = 128
# A shingle: successive words, or letters where a text has fewer words (or a language no spaces).
SHINGLE_WORDS, SHINGLE_LETTERS = 3, 5
MIN_WORDS = 8
# Buckets of runs of letters, by multiplicative hashing (Knuth, The art of computer programming 3, section 6.4), and
# features that these are projected to (Achlioptas 2003: signs suffice).
BUCKET_BITS, FEATURES, _KNUTH = 14, 64, 2654435761
# More of a text would change neither signature nor features much, and costs time.
MAX_TEXT = 20_000


def rows(chunk: Chunk) -> Rows:
    """One row a text."""
    texts = [str(one) for one in chunk.inputs]
    prints = [fingerprints.of_bytes([text.encode("utf-8", "surrogatepass")]) for text in texts]
    return Rows(
        None if isinstance(chunk.keys, Numbered) else chunk.keys,
        np.array(prints, dtype=np.uint64), features(texts), np.concatenate([signatures(texts), letters(texts)], axis=1),
        {**attributes(texts), **chunk.attributes}, chunk.targets, problems=chunk.problems,
    )  # fmt: skip


def attributes(texts: Sequence[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Characters, words, and shares of the characters that are no letters, not known, capitals, the same again."""
    found = np.array([_counts(text) for text in texts], dtype=np.float64).reshape(-1, 6)
    length = np.maximum(found[:, 0], 1)
    return {
        "characters": found[:, 0],
        "words": found[:, 1],
        "share of non-letters": found[:, 2] / length,
        "share of unknown characters": found[:, 3] / length,
        "share of capitals": found[:, 4] / length,
        "share of different words": found[:, 5] / np.maximum(found[:, 1], 1),
    }


def _counts(text: str) -> tuple[int, ...]:
    words = text.split()
    letters = sum(map(str.isalpha, text))
    # The replacement character stands where decoding failed; control characters have no place in a text.
    unknown = text.count("\ufffd") if text.isprintable() else sum(map(_is_unknown, text))
    spaces = sum(map(str.isspace, text))
    return len(text), len(words), len(text) - letters - spaces, unknown, sum(map(str.isupper, text)), len(set(words))


@lru_cache(maxsize=4096)
def _is_unknown(character: str) -> bool:
    return character == "\ufffd" or (unicodedata.category(character) in ("Cc", "Cn", "Cs") and not character.isspace())


def signatures(texts: Sequence[str]) -> Words:
    """MinHash of the shingles of each text, uint64 [n, 32]: the more words of two are equal, the more alike they are.

    Raises:
        NetvetError: rensa is not installed.
    """
    try:
        from rensa import RMinHash
    except ImportError as error:
        raise NetvetError("near copies of texts are found with rensa: pip install 'netvet[data]'") from error
    if not texts:
        return np.zeros((0, SIGNATURE), np.uint64)
    found = RMinHash.digests_from_token_sets([shingles(text) for text in texts], HASHES, SEED)
    return np.array(found, dtype=np.uint32).view(np.uint64)


def letters(texts: Sequence[str]) -> Words:
    """Which letters each text is made of: roots of the shares of 128, of 0..255, as bytes of uint64 [n, 16]."""
    found = np.zeros((len(texts), LETTERS), np.uint8)
    for i, text in enumerate(texts):
        values = np.frombuffer(text[:MAX_TEXT].lower().encode("utf-8", "surrogatepass"), np.uint8)
        # No capitals are left: the places of these (65 to 90) and of control characters are free for other bytes.
        places = np.where(values < 128, values, np.where(values < 192, values % 32, 65 + values % 26))
        counts = np.bincount(places, minlength=LETTERS)
        found[i] = np.rint(255 * np.sqrt(counts / max(len(values), 1)))
    return found.view(np.uint64)


def shares_of(near: Words) -> Floats:
    """Shares of the letters of texts [n, 128] that `near` holds behind their signature."""
    roots = np.ascontiguousarray(near[:, SIGNATURE:]).view(np.uint8).astype(np.float32)
    squares = np.square(roots)
    found: Floats = squares / np.maximum(squares.sum(axis=1, keepdims=True), 1)
    return found


def shingles(text: str) -> list[str]:
    """Overlapping runs of words, or of letters in a short text; case and spaces count for nothing."""
    words = text[:MAX_TEXT].lower().split()
    if len(words) >= MIN_WORDS:
        return [" ".join(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)]
    joined = " ".join(words)
    return [joined[i : i + SHINGLE_LETTERS] for i in range(max(len(joined) - SHINGLE_LETTERS + 1, 1))]


def features(texts: Sequence[str]) -> Floats:
    """Runs of three letters by how often, hashed and projected, float32 [n, 64] of length 1.

    Letters are bytes of UTF-8; a count weighs by its root, as a text is not twice as much about what it says twice.

    Raises:
        NetvetError: SciPy is not installed.
    """
    try:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
    except ImportError as error:
        raise NetvetError("texts are compared with SciPy: pip install 'netvet[data]'") from error
    if not texts:
        return np.zeros((0, FEATURES), np.float32)
    pieces = [f"  {text[:MAX_TEXT].lower()} ".encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(piece) for piece in pieces])
    letters = np.frombuffer(b"".join(pieces), dtype=np.uint8).astype(np.uint32)
    grams = letters[:-2] << np.uint32(16) | letters[1:-1] << np.uint32(8) | letters[2:]
    buckets = (grams * np.uint32(_KNUTH)) >> np.uint32(32 - BUCKET_BITS)
    inside = np.ones(len(letters), bool)  # no run goes over the end of a text
    inside[ends - 1] = inside[ends - 2] = False
    kept = inside[: len(grams)]
    starts = np.concatenate([[0], np.cumsum(kept)[ends[:-1] - 1], [int(kept.sum())]])
    ones = np.ones(int(kept.sum()), np.float32)
    counts = csr_matrix((ones, buckets[kept].astype(np.int32), starts), shape=(len(texts), 1 << BUCKET_BITS))
    counts.sum_duplicates()
    found = counts.sqrt() @ _signs()
    projected: Floats = (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return projected


@lru_cache(maxsize=1)
def _signs() -> Floats:
    drawn = np.random.default_rng(BUCKET_BITS).integers(0, 2, (1 << BUCKET_BITS, FEATURES), dtype=np.int8)
    return (drawn * 2 - 1).astype(np.float32)
