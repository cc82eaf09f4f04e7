"""What differs in model and data: layers, weights at the start, operations, and the numbers that enter."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from netvet.compare.pairing import Pairing
from netvet.compare.settings import Difference, alike, place_of
from netvet.core import Facts, Record

# Two-sided 5.7e-7 each: hundreds of tensors may be compared in one pair of runs.
SIGMAS = 5.0
# An estimate below this many elements says nothing about the scale of a distribution.
FEW_ELEMENTS = 16
# Batches of a loader are no independent numbers: pixels of an image, elements of a sequence. Data whose mean is moved
# by less than this share of its std, or whose std differs by less, may be another split of the same data.
DATA_SHARE = 0.25
# Without a loader the script makes its samples, perhaps with the net (episodes of an agent): then twice the scale.
MADE_SHARE = 0.7
# Operations of a graph that only change how a tensor lies in memory.
_VIEWS = {"AccumulateGrad", "T", "View", "UnsafeView", "Reshape", "Alias", "Expand", "ToCopy"}
MAX_OPERATIONS = 6


def modules(good: Sequence[Record], bad: Sequence[Record], pairing: Pairing) -> Iterator[Difference]:
    """Modules of one run only, and what differs between those of a pair."""
    left, right = ({str(r.get("name")): r for r in records} for records in (good, bad))
    for name in pairing.only_good:
        yield Difference("model", "module removed", described(left[name]), None, (name,), place_of(left[name]))
    for name in pairing.only_bad:
        yield Difference("model", "module added", None, described(right[name]), (name,), place_of(right[name]))
    for name, partner in pairing.pairs.items():
        yield from _pair(left[name], right[partner], partner)
    orders = [
        [
            name
            for name in pairing.pairs
            if _order(left[name]) is not None and _order(right[pairing.pairs[name]]) is not None
        ]
        for _ in range(2)
    ]
    orders[0].sort(key=lambda name: _order(left[name]) or 0)
    orders[1].sort(key=lambda name: _order(right[pairing.pairs[name]]) or 0)
    moved = [(a, b) for a, b in zip(*orders, strict=True) if a != b]
    if moved:
        first = moved[0]
        yield Difference(
            "model", "order of calls", f"{first[0]} first", f"{first[1]} first", tuple(b for _, b in moved)
        )


def _order(record: Record) -> int | None:
    order = record.get("order")
    return order if isinstance(order, int) else None


def _pair(good: Record, bad: Record, name: str) -> Iterator[Difference]:
    where, place = (name,), place_of(bad)
    if good.get("is_leaf") and good.get("cls") != bad.get("cls"):
        yield Difference("model", "class", described(good), described(bad), where, place)
    else:
        left, right = (r.get("settings") or {} for r in (good, bad))
        for field in dict.fromkeys((*left, *right)):
            if not alike(left.get(field), right.get(field)):
                label = f"{field} of {bad.get('cls')}"
                yield Difference("model", label, left.get(field), right.get(field), where, place)
    if good.get("called") != bad.get("called"):
        yield Difference("model", "calls in a forward pass", good.get("called"), bad.get("called"), where, place)
    if good.get("training") != bad.get("training"):
        modes = ["training" if r.get("training") else "evaluation" for r in (good, bad)]
        yield Difference("model", "mode in the first step", modes[0], modes[1], where, place)


def described(record: Record) -> str:
    """`Dropout(p=0.5)`: the class of a module and those of its settings that say most."""
    chosen = ", ".join(
        f"{k}={v}" for k, v in (record.get("settings") or {}).items() if v is not None and v is not False
    )
    return f"{record.get('cls')}({chosen})"


def parameters(good: Sequence[Record], bad: Sequence[Record], pairing: Pairing) -> Iterator[Difference]:
    """Parameters of one run only, and what differs between those of a pair: shape, who trains them, their start."""
    left, right = ({str(r.get("name")): r for r in records} for records in (good, bad))
    for name in pairing.only_good:
        yield Difference("model", "parameter removed", left[name].get("shape"), None, (name,), place_of(left[name]))
    for name in pairing.only_bad:
        yield Difference("model", "parameter added", None, right[name].get("shape"), (name,), place_of(right[name]))
    fields = {"requires_grad": "requires a gradient", "in_optimizer": "held by an optimizer", "loaded": "loaded"}
    for name, partner in pairing.pairs.items():
        a, b = left[name], right[partner]
        where, place = (partner,), place_of(b)
        if a.get("shape") != b.get("shape"):
            yield Difference("model", "shape", a.get("shape"), b.get("shape"), where, place)
            continue
        for field, label in fields.items():
            if a.get(field) != b.get(field) and None not in (a.get(field), b.get(field)):
                yield Difference("parameters", label, a.get(field), b.get(field), where, place)
        if bool(a.get("tied_names")) != bool(b.get("tied_names")):
            yield Difference("parameters", "tied to", a.get("tied_names"), b.get("tied_names"), where, place)
        yield from _start(a, b, partner)


def _start(a: Record, b: Record, name: str) -> Iterator[Difference]:
    """Scale and centre of the weights before training, beyond what two random draws differ by."""
    if any(r.get("changed") and not r.get("in_optimizer") for r in (a, b)):
        return  # an average of other weights, first seen after some steps
    n, stds = a.get("elements"), [r.get("init_std") for r in (a, b)]
    means = [r.get("init_mean") for r in (a, b)]
    numbers = [x for x in (*stds, *means) if isinstance(x, int | float) and math.isfinite(x)]
    if not isinstance(n, int) or len(numbers) < 4:
        return
    place = place_of(b if b.get("init_file") is None else {"file": b["init_file"], "line": b.get("init_line")})
    good_std, bad_std, good_mean, bad_mean = numbers
    if min(good_std, bad_std) == 0 or n < FEW_ELEMENTS:
        constant = good_std == bad_std == 0
        if (good_std == 0) != (bad_std == 0) or (constant and not alike(good_mean, bad_mean)):
            label = "constant at the start" if constant else "std at the start"
            values = (good_mean, bad_mean) if constant else (good_std, bad_std)
            yield Difference("weights", label, *values, (name,), place)
        return
    # The standard error of a std is at most std / sqrt(2n) for distributions with tails no heavier than normal.
    if abs(math.log(bad_std / good_std)) > SIGMAS / math.sqrt(n):
        yield Difference("weights", "std at the start", good_std, bad_std, (name,), place)
    elif abs(bad_mean - good_mean) > SIGMAS * math.hypot(good_std, bad_std) / math.sqrt(n):
        yield Difference("weights", "mean at the start", good_mean, bad_mean, (name,), place)


def data(good: Mapping[str, Facts], bad: Mapping[str, Facts]) -> Iterator[Difference]:
    """Mean, std and classes of what enters, beyond what different batches differ by."""
    least = DATA_SHARE if good.get("loaders") and bad.get("loaders") else MADE_SHARE
    for signal, kind in (("inputs", "input"), ("targets", "target")):
        # In an evaluation states that the net made may enter; whether it gets other data than training is for a check.
        sides = [[r for r in one.get(signal, ()) if r.get("phase") == "train"] for one in (good, bad)]
        for number, (a, b) in enumerate(zip(*sides, strict=False)):
            if a.get("kind") != "classes" and b.get("kind") != "classes":
                yield from _scale(a, b, f"{kind} {number + 1}" if len(sides[1]) > 1 else kind, least)
            elif number == 0:
                yield from _classes(a, b)


def _scale(a: Record, b: Record, title: str, least: float) -> Iterator[Difference]:
    if a.get("integral") and b.get("integral"):
        return  # token or class numbers: their mean says nothing
    numbers = [r.get(f) for f in ("std", "mean") for r in (a, b)]
    known = [x for x in numbers if isinstance(x, int | float) and math.isfinite(x)]
    samples = min(int(r.get("samples") or 1) for r in (a, b))
    if len(known) < 4:
        return
    good_std, bad_std, good_mean, bad_mean = known
    room = max(least, SIGMAS / math.sqrt(samples))
    spread = max(good_std, bad_std)
    if min(good_std, bad_std) <= 0 < spread or (spread > 0 and abs(math.log(bad_std / good_std)) > room):
        yield Difference("data", f"std of the {title}", good_std, bad_std, (), place_of(b))
    elif least == DATA_SHARE and abs(bad_mean - good_mean) > room * spread:
        yield Difference("data", f"mean of the {title}", good_mean, bad_mean, (), place_of(b))


def _classes(a: Record, b: Record) -> Iterator[Difference]:
    counts = [r.get("counts") for r in (a, b)]
    if not all(isinstance(c, list) and sum(c) for c in counts) or len(counts[0]) != len(counts[1]):  # type: ignore[arg-type]
        return
    left, right = counts
    assert left is not None
    assert right is not None
    n, m = sum(left), sum(right)
    for i, (x, y) in enumerate(zip(left, right, strict=True)):
        p, q = x / n, y / m
        both = (x + y) / (n + m)
        if abs(p - q) > DATA_SHARE * max(p, q) + SIGMAS * math.sqrt(both * (1 - both) * (1 / n + 1 / m)):
            yield Difference("data", f"share of class {i} among the targets", round(p, 4), round(q, 4), (), place_of(b))


def operations(good: Facts, bad: Facts) -> Iterator[Difference]:
    """Operations of the first training loss that only one run has, from the autograd graph."""
    left, right = _operations(good), _operations(bad)
    matcher = SequenceMatcher(None, [op for op, _ in left], [op for op, _ in right], autojunk=False)
    changed = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    for number, (_, a, b, c, d) in enumerate(changed):
        if number == MAX_OPERATIONS:
            more = len(changed) - number
            yield Difference("model", f"operations at {more} more places", None, None)
            return
        removed, added = (", ".join(op for op, _ in part) or None for part in (left[a:b], right[c:d]))
        before = next((module for _, module in reversed(left[:a]) if module), None)
        yield Difference("model", "operations", removed, added, (f"after {before}",) if before else ())


def _operations(graph: Facts) -> list[tuple[str, str | None]]:
    """Operation and module, from the inputs to the first loss."""
    sites = dict.fromkeys(str(r.get("backward")) for r in graph)
    nodes = [r for r in graph if str(r.get("backward")) == next(iter(sites), None) and isinstance(r.get("id"), int)]
    nodes.sort(key=lambda r: -int(r["id"]))
    return [(str(r.get("op")), r.get("module")) for r in nodes if r.get("op") not in _VIEWS]
