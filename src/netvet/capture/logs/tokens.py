"""One printed line: numbers and the names that stand before them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from netvet.capture.logs.table import number
from netvet.capture.logs.words import ACCURACY, CLOCK, EPOCH, ERRORS, LOSS, REWARD, STEP, TRAIN, VAL, words_of

# What follows in a longer line is no metric; a list of all is kept far below it.
MAX_LETTERS = 4_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]|\x1b\][^\x07]{0,200}\x07|[\x00-\x08\x0b-\x1f\x7f]")
_TIMES = re.compile(r"\b\d{4}[-/]\d\d[-/]\d\d(?:[T ](?=\d\d:))?|\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,6})?\b")
_BAR = re.compile(
    r"%\|.{0,200}?\|\s{0,3}(\d{1,12})/(\d{1,12}|\?)|\b(\d{1,12})/(\d{1,12})\s{1,3}(?:\[[=>.\-]{5,}|[━─]{5,})"
)
_TOKEN = re.compile(
    r"(?P<part>(?<![\w.])\d{1,12}(?:\.\d+)?\s?/\s?\d{1,12}(?![\w.]))"
    r"|(?P<number>(?<![\w.])[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,5})?(?!\w|\.\d)"
    r"|(?<![\w.])[-+]?(?:nan|inf|infinity)(?!\w))"
    r"|(?P<word>[A-Za-z_][\w@]{0,80}(?:[./\-][A-Za-z0-9_@]{1,80}){0,8})"
    r"|(?P<mark>[:=])|(?P<stop>[,;|()\[\]{}<>]|(?<=\s)-(?=\s))",
    re.IGNORECASE,
)
# Names that take a number after a mere space.
_METRICS = EPOCH | STEP | LOSS | ACCURACY | ERRORS | REWARD | CLOCK | {"lr", "rate", "norm", "score", "f1", "auc"}
_AXES = EPOCH | STEP
_MAX_WORDS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """Names and numbers of a line.

    Args:
        pairs: in order. bar: it is a drawing of a progress bar, of which so much is `done`.
        opens: the side of the data that the next line is about, where this one is a title.
    """

    pairs: tuple[tuple[str, float], ...]
    bar: bool = False
    done: float = 0.0
    opens: str = ""


def uncoloured(text: str) -> str:
    """Without colours and control characters."""
    return _ESCAPES.sub("", text)


def clean(text: str) -> str:
    """Without colours, control characters, dates and times."""
    return _TIMES.sub(" ", uncoloured(text)).replace("tensor(", " ").replace("'", "").replace('"', "")


def parsed(text: str, side: str = "") -> Line:
    """The pairs of a line that has been cleaned.

    Args:
        side: `val` or `train`, where the line before was a title that says so.
    """
    bar = _BAR.search(text)
    done = float(next((g for g in bar.groups() if g and g.isdigit()), 0)) if bar else 0.0
    scan = _Scan(side)
    for match in _TOKEN.finditer(_BAR.sub(" , ", text)):
        scan.take(str(match.lastgroup), match[0], text[match.end() : match.end() + 1] if not bar else "")
    opens = scan.side if not scan.pairs and text.rstrip().endswith((":", "...")) else ""
    return Line(tuple(scan.pairs.items()), bar is not None, done, opens)


class _Scan:
    """Reads the tokens of a line from left to right."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.pairs: dict[str, float] = {}
        self._words: list[str] = []
        self._marked = False

    def take(self, kind: str, token: str, after: str) -> None:
        if kind == "word":
            self._word(token)
        elif kind == "mark":
            self._marked = bool(self._words)
        elif kind == "stop":
            # `Epoch [3/10]` and `Step (100)`: what opens after the name of a clock may hold its number.
            if not (token in "[(" and self._words and self._words[-1].lower() in _AXES):
                self._words, self._marked = [], False
        else:
            self._number(token, after)

    def _word(self, token: str) -> None:
        if self._marked:
            self._words, self._marked = [], False
        self._words = [*self._words, token][-_MAX_WORDS:]
        lowered = token.lower()
        if lowered in VAL:
            self.side = "val"
        elif lowered in TRAIN:
            self.side = "train"

    def _number(self, token: str, after: str) -> None:
        words, marked = self._words, self._marked
        self._words, self._marked = [], False
        if not words:
            return
        first, _, of = (part.strip() for part in token.partition("/"))
        value, whole = number(first), number(of)
        last = words[-1].lower()
        if value is None or not (marked or last in _METRICS | TRAIN | VAL or set(words_of(last)[-1:]) & _METRICS):
            return
        if last in EPOCH:
            self.pairs.setdefault("epoch", value)
        elif last in STEP:
            self.pairs.setdefault("step", value)
            if whole:
                self.pairs.setdefault("_of", whole)
        else:
            shown = value / whole if whole and set(words_of(last)) & ACCURACY else value
            percent = after == "%" and bool(set(words_of(last)) & ACCURACY)
            self.pairs.setdefault(self._name(words, marked), shown / 100 if percent else shown)

    def _name(self, words: Sequence[str], marked: bool) -> str:
        """The name of a number: its words, and the side of the data that the line is about."""
        kept = [word for word in words if word.lower() not in _AXES or word is words[-1]]
        kept = kept if marked or len(kept) < 2 else kept[-2:]
        name = " ".join(kept)
        known = set(words_of(name))
        if not known & (VAL | TRAIN) and self.side:
            name = f"{self.side} {name}"
        if name in self.pairs and not known & (VAL | TRAIN) and any(set(words_of(n)) & VAL for n in self.pairs):
            return f"val {name}"  # `loss .. acc .. val_loss .. acc ..`
        return name
