"""Foreign text made harmless for a terminal, and wrapped by the cells that it fills."""

from __future__ import annotations

import unicodedata
from typing import Any

# A message is one sentence; more than this is a dump that would push the verdict off the screen.
MAX_TEXT = 400

# Control and format characters (escape sequences, bidirectional marks), lone surrogates, unassigned code points.
_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def clean(text: object, limit: int = MAX_TEXT) -> str:
    """One line without control characters: those are shown as escapes, white space is collapsed."""
    words = " ".join(str(text).split())
    if len(words) > limit:
        words = words[: limit - 3] + "..."
    return "".join(_shown(character) for character in words)


def clean_code(line: str, limit: int = MAX_TEXT) -> str:
    """A line of source text without control characters, its indentation kept."""
    kept = line.expandtabs(4).rstrip()
    kept = kept if len(kept) <= limit else kept[: limit - 3] + "..."
    return "".join(_shown(character) for character in kept)


def printable(value: Any) -> Any:
    """JSON types with every control and format character in them shown as its escape; lines and tabs stay."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(c if c in "\n\t" else _shown(c) for c in value)
    if isinstance(value, dict):
        return {printable(key): printable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        # Most of a page are lists of numbers.
        return [printable(one) if isinstance(one, str | dict | list | tuple) else one for one in value]
    return value


def _shown(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character) in _UNSAFE:
        return character.encode("unicode_escape").decode("ascii")
    return character


def cells(text: str) -> int:
    """How many columns of a terminal the text fills."""
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, width: int) -> list[str]:
    """Break a line at spaces, and inside words that are wider than the width; never returns an empty list."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = _broken(word, width)
        lines += full
    return [*lines, line]


def _broken(word: str, width: int) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and cells(pieces[-1]) + _cells_of(character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces
