"""Which layer of one run is which of another: by name, else by order and shape."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from netvet.core import Record


@dataclass(slots=True)
class Pairing:
    """Names of one run and those of another that stand for the same.

    Args:
        pairs: name in the good run -> name in the bad one, in the order of the good one.
        only_good: names without a partner.
        only_bad: the same of the bad run.
    """

    pairs: dict[str, str] = field(default_factory=dict)
    only_good: list[str] = field(default_factory=list)
    only_bad: list[str] = field(default_factory=list)

    @property
    def by_order(self) -> int:
        """Pairs of different names, which order and shape brought together."""
        return sum(good != bad for good, bad in self.pairs.items())

    def rest(self, good: Sequence[str], bad: Sequence[str]) -> None:
        """Note what has no partner."""
        taken = set(self.pairs.values())
        self.only_good = [name for name in good if name not in self.pairs]
        self.only_bad = [name for name in bad if name not in taken]
        self.pairs = {name: self.pairs[name] for name in good if name in self.pairs}


def pair_modules(good: Sequence[Record], bad: Sequence[Record]) -> Pairing:
    """Pair the modules of two runs (records of `modules`).

    The same name, class and sizes first; then what is left in the order of definition by class and sizes, by sizes
    alone (a port has other classes), and last by the name alone (a layer that was changed).
    """
    left = {_name(r): r for r in good}
    right = {_name(r): r for r in bad}
    found = Pairing({n: n for n in left if n in right and _full(left[n]) == _full(right[n])})
    for token in (_full, _sizes):
        _in_order(found, left, right, token)
    taken = set(found.pairs.values())
    found.pairs |= {n: n for n in left if n not in found.pairs and n in right and n not in taken}
    found.rest(list(left), list(right))
    return found


def pair_parameters(good: Sequence[Record], bad: Sequence[Record], modules: Mapping[str, str]) -> Pairing:
    """Pair the parameters of two runs (records of `parameters`) whose modules have been paired already."""
    left = {_name(r): r for r in good}
    right = {_name(r): r for r in bad}
    places = {(r.get("layer"), _leaf(r)): n for n, r in right.items()}
    found = Pairing()
    for name, record in left.items():
        partner = places.get((modules.get(str(record.get("layer"))), _leaf(record)))
        if partner is None and name in right and not modules:
            partner = name
        if partner is not None and _shape(record) == _shape(right[partner]):
            found.pairs[name] = partner
    for token in (_shape, _elements):
        _in_order(found, left, right, token)
    taken = set(found.pairs.values())
    found.pairs |= {n: n for n in left if n not in found.pairs and n in right and n not in taken}
    found.rest(list(left), list(right))
    return found


def _in_order(found: Pairing, good: Mapping[str, Record], bad: Mapping[str, Record], token: Any) -> None:
    """Add the longest common run of tokens among those that have no partner yet, again and again."""
    taken = set(found.pairs.values())
    left = [name for name in good if name not in found.pairs]
    right = [name for name in bad if name not in taken]
    first: list[Hashable] = [token(good[n]) for n in left]
    second: list[Hashable] = [token(bad[n]) for n in right]
    for block in SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks():
        for i in range(block.size):
            found.pairs[left[block.a + i]] = right[block.b + i]


def _name(record: Record) -> str:
    return str(record.get("name"))


def _leaf(record: Record) -> str:
    return _name(record).rpartition(".")[2]


def _shape(record: Record) -> tuple[Any, ...]:
    return tuple(record.get("shape") or ())


def _elements(record: Record) -> tuple[Any, ...]:
    # A port may hold its weights transposed.
    return tuple(sorted(_shape(record)))


def _sizes(record: Record) -> tuple[Any, ...]:
    shape = record.get("output_shape")
    # Without the batch, which may have been changed.
    return (*(shape[1:] if isinstance(shape, list) else ()), record.get("parameters"), record.get("is_leaf"))


def _full(record: Record) -> tuple[Any, ...]:
    return (record.get("cls"), *_sizes(record))
