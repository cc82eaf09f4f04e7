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
# Where in a program a line was logged: `__main__:train:88`, `train.py:88`.
_PLACES = re.compile(
    r"(?<![\w.])[A-Za-z_][\w.]{0,80}:[A-Za-z_<][\w<>]{0,80}:\d{1,7}(?=\s?[-|\])])|\b[\w.-]{1,80}\.py:\d{1,7}\b"
)
_TIMES = re.compile(r"\b\d{4}[-/]\d\d[-/]\d\d(?:[T ](?=\d\d:))?|\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,6})?\b")
_BAR = re.compile(
    r"\b\d{1,3}%\|.{0,200}?\|\s{0,3}(\d{1,12})/(\d{1,12}|\?)|\b(\d{1,12})/(\d{1,12})\s{1,3}(?:\[[=>.\-]{5,}|[━─]{5,})"
)
_TOKEN = re.compile(
    r"(?P<part>(?<![\w.])(?:[1-9]\d{0,2}(?:,\d{3}){1,8}|\d{1,12}(?:\.\d+)?)\s?/\s?"
    r"(?:[1-9]\d{0,2}(?:,\d{3}){1,8}|\d{1,12})(?![\w.]))"
    r"|(?P<number>(?<![\w.,])[-+]?[1-9]\d{0,2}(?:,\d{3}){1,8}(?:\.\d{0,20})?(?!\w|[.,]\d)"
    r"|(?<![\w.])[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,5}|(?-i:[kKMB]))?(?!\w|\.\d)"
    r"|(?<![\w.])[-+]?(?:nan|inf|infinity)(?!\w))"
    r"|(?P<word>[A-Za-z_][\w@]{0,80}(?:[./\-][A-Za-z0-9_@]{1,80}){0,8})"
    r"|(?P<mark>[:=])|(?P<stop>[,;|()\[\]{}<>]|(?<=\s)-(?=\s))",
    re.IGNORECASE,
)
# Names that take a number after a mere space.
_METRICS = (
    EPOCH | STEP | LOSS | ACCURACY | ERRORS | REWARD | CLOCK | {"lr", "rate", "norm", "gnorm", "score", "f1", "auc"}
)
_AXES = EPOCH | STEP
_MAX_WORDS = 3
# What stands in sentences and in no name of a number.
_PROSE = frozenset({"a", "an", "and", "are", "at", "be", "been", "by", "for", "from", "has", "have", "in", "is", "of",
                    "on", "than", "that", "the", "this", "to", "was", "were", "will", "with"})  # fmt: skip
_NAMING = LOSS | ACCURACY | ERRORS | REWARD | TRAIN | VAL | {"lr", "rate", "norm", "score", "f1", "auc"}
_SUFFIXES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}


@dataclass(frozen=True, slots=True)
class Line:
    """Names and numbers of a line.

    Args:
        pairs: in order. bar: it is a drawing of a progress bar, of which so much is `done`.
        opens: the side of the data that the next line is about, where this one is a title.
        side: that this line is about.
    """

    pairs: tuple[tuple[str, float], ...]
    bar: bool = False
    done: float = 0.0
    opens: str = ""
    side: str = ""


def uncoloured(text: str) -> str:
    """Without colours and control characters."""
    return _ESCAPES.sub("", text)


def clean(text: str) -> str:
    """Without colours, control characters, dates and times."""
    return (
        _PLACES.sub(" , ", _TIMES.sub(" ", uncoloured(text))).replace("tensor(", " ").replace("'", "").replace('"', "")
    )


def parsed(text: str, side: str = "") -> Line:
    """The pairs of a line that has been cleaned.

    Args:
        side: `val` or `train`, where the line before was a title that says so.
    """
    bar = _BAR.search(text)
    done = float(next((g for g in bar.groups() if g and g.isdigit()), 0)) if bar else 0.0
    scan = _Scan(side)
    for match in _TOKEN.finditer(_BAR.sub(" , ", text)):
        scan.take(str(match.lastgroup), match[0], text[match.end() : match.end() + 2].lstrip()[:1] if not bar else "")
    titled = not scan.pairs and text.rstrip().endswith((":", "..."))
    opens = scan.side if titled and scan.side != "train" else ""  # what has no side is of the training anyway
    return Line(tuple(scan.pairs.items()), bar is not None, done, opens, scan.side)


class _Scan:
    """Reads the tokens of a line from left to right."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.pairs: dict[str, float] = {}
        self._words: list[str] = []
        self._mark = ""
        self._in_epoch = False

    def take(self, kind: str, token: str, after: str) -> None:
        if kind == "word":
            self._word(token)
        elif kind == "mark":
            self._mark = token if self._words else ""
        elif kind == "stop":
            self._in_epoch = self._in_epoch and token in "[]("
            # `Epoch [3/10]` and `Step (100)`: what opens after the name of a clock may hold its number.
            if not (token in "[(" and self._words and self._words[-1].lower() in _AXES):
                self._words, self._mark = [], ""
        elif kind == "part" and self._in_epoch and not self._words and after != "(" and "step" not in self.pairs:
            self._words = ["step"]  # `Epoch [3][20/100]`
            self._number(token, after)
        else:
            self._number(token, after)

    def _word(self, token: str) -> None:
        if self._mark:
            self._words, self._mark = [], ""
        self._in_epoch = False
        self._words.append(token)
        lowered = token.lower()
        if lowered in VAL:
            self.side = "val"
        elif lowered in TRAIN:
            self.side = "train"

    def _number(self, token: str, after: str) -> None:
        words, mark = _phrase(self._words, self._mark), self._mark
        self._words, self._mark, self._in_epoch = [], "", False
        if not words:
            return
        first, _, of = (part.strip() for part in token.partition("/"))
        value, whole = _amount(first), _amount(of)
        last = words[-1].lower()
        if value is None or not (mark or last in _METRICS | TRAIN | VAL or set(words_of(last)[-1:]) & _METRICS):
            return
        if last in EPOCH:
            self.pairs.setdefault("epoch", value)
            self._in_epoch = True
        elif last in STEP:
            self.pairs.setdefault("step", value)
            if whole:
                self.pairs.setdefault("_of", whole)
        else:
            shown = value / whole if whole and set(words_of(last)) & ACCURACY else value
            percent = after == "%" and bool(set(words_of(last)) & ACCURACY)
            self.pairs.setdefault(self._name(words, marked=bool(mark)), shown / 100 if percent else shown)

    def _name(self, words: Sequence[str], *, marked: bool) -> str:
        """The name of a number: its words, and the side of the data that the line is about."""
        metric = bool(set(words_of(words[-1])) & _METRICS)  # `step loss` is a loss, `batch size` no size
        kept = [word for word in words if not metric or word.lower() not in _AXES or word is words[-1]]
        kept = kept if marked or len(kept) < 2 else kept[-2:]
        name = " ".join(kept)
        known = set(words_of(name))
        if not known & (VAL | TRAIN) and self.side:
            name = f"{self.side} {name}"
        if name in self.pairs and not known & (VAL | TRAIN) and any(set(words_of(n)) & VAL for n in self.pairs):
            return f"val {name}"  # `loss .. acc .. val_loss .. acc ..`
        return name


def _phrase(words: Sequence[str], mark: str) -> Sequence[str]:
    """The words that name a number, of all that stand before it; none where they are a sentence about something."""
    small = [word.lower() for word in words]
    if len(words) <= _MAX_WORDS and not _PROSE & set(small):
        alone = mark == "=" and "_" in words[-1] and not any(set(words_of(word)) & _NAMING for word in words[:-1])
        return words[-1:] if alone else words  # `found vocab_size = 65`
    naming = [word for word in words if set(words_of(word)) & _NAMING]
    if not mark or (small[-1] in _METRICS | TRAIN | VAL and not (small[-1] in _AXES and naming)):
        return [word for word in words[-_MAX_WORDS:] if word.lower() not in _PROSE]
    if small[-1] in _PROSE:
        return []
    if set(words_of(words[-1])) & _NAMING or "_" in words[-1] or "/" in words[-1]:
        return words[-1:]
    return naming


def _amount(text: str) -> float | None:
    """A number as people write it: 16,384 and 1.2k too."""
    factor = _SUFFIXES.get(text[-1:], 1.0)
    value = number((text[:-1] if factor > 1 else text).replace(",", ""))
    return None if value is None else value * factor
