"""A comparison of two runs as data and for a terminal."""

from __future__ import annotations

import json as json_text
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from netvet.compare import Comparison, Difference, Parting, compare
from netvet.compare.parting import partings_of_layers, ratio
from netvet.core import Check, Location
from netvet.diagnose import Reported, Settings
from netvet.report.files import STDOUT, write
from netvet.report.plain import clean, wrap
from netvet.report.text import MAX_WIDTH, MIN_WIDTH, Line, width_of, write_lines
from netvet.store import Run

SCHEMA = "netvet.compare/1"
# What is shown without --verbose; the JSON has all.
MAX_SETTINGS = 12
MAX_PARTED = 6
MAX_NAMES = 3
MAX_VALUE = 60
_LABEL = 15


def tell(
    goods: Sequence[Run],
    bad: Run,
    checks: Sequence[Check],
    chosen: Settings,
    stream: TextIO,
    *,
    json: Path | None = None,
    quiet: bool = False,
    verbose: bool = False,
) -> int:
    """Compare a run with a good one (and others like that), print and write what differs; returns the exit code.

    Raises:
        NetvetError: the file cannot be written, or a run not be read.
    """
    found = compare(goods[0], bad, checks, chosen, noise=goods[1:])
    good, *noise = (run.path.name for run in goods)
    if json is not None:
        write(as_json(view(found, good, bad.path.name, noise)), json, stream)
    if not quiet and json != STDOUT:
        show(found, good, bad.path.name, stream, verbose=verbose)
    return int(found.different)


def view(found: Comparison, good: str, bad: str, noise: Sequence[str] = ()) -> dict[str, Any]:
    """The comparison as one dict of JSON types; numbers that JSON lacks stand as text."""
    exact, first = found.bitwise, found.bitwise.first if found.bitwise else None
    return {
        "schema": SCHEMA,
        "good": good,
        "bad": bad,
        "noise": list(noise),
        "different": found.different,
        "settings": [_setting(one) for one in found.settings],
        "bitwise": None if exact is None else {
            "values": exact.values, "until": exact.until, "layers_until": exact.layers_until,
            "first": _parted(first) if first else None,
            "layer": _parted(exact.layer) if exact.layer else None,
            "material": _parted(exact.material) if exact.material else None,
        },
        "series": found.compared,
        "parted": [_parted(one) for one in found.parted],
        "findings": {"new": [_finding(one) for one in found.new], "gone": [_finding(one) for one in found.gone]},
        "layers": {
            "pairs": {**found.modules.pairs, **found.parameters.pairs},
            "matched_by_order": found.modules.by_order + found.parameters.by_order,
            "only_good": [*found.modules.only_good, *found.parameters.only_good],
            "only_bad": [*found.modules.only_bad, *found.parameters.only_bad],
        },
        "problems": list(found.problems),
    }  # fmt: skip


def as_json(view: dict[str, Any]) -> str:
    """The comparison as indented JSON, in ASCII, with a newline at the end."""
    return json_text.dumps(view, indent=2, allow_nan=False) + "\n"


def _setting(one: Difference) -> dict[str, Any]:
    place = None if one.place is None else {"file": one.place.file, "line": one.place.line}
    values = {"good": _plain(one.good), "bad": _plain(one.bad)}
    return {"group": one.group, "name": one.name, **values, "where": list(one.where), "location": place,
            "counts": one.counts}  # fmt: skip


def _parted(one: Parting) -> dict[str, Any]:
    numbers = {"good": _plain(one.good), "bad": _plain(one.bad), "sigmas": _plain(one.sigmas)}
    return {"step": one.step, "layer": one.layer, "signal": one.signal, "what": one.words, **numbers}


def _finding(one: Reported) -> dict[str, Any]:
    finding = one.finding
    return {"check": one.check.name, "severity": one.severity, "message": finding.message, "where": finding.where,
            "step": finding.step, "allowed": one.allowed}  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def show(found: Comparison, good: str, bad: str, stream: TextIO, *, verbose: bool = False) -> None:
    """Write the comparison: in colour to a terminal, plain elsewhere."""
    write_lines(render(found, good, bad, width_of(stream), verbose=verbose), stream)


def render(found: Comparison, good: str, bad: str, width: int, *, verbose: bool = False) -> list[Line]:
    """The lines of the comparison, none wider than the width (or 40 columns)."""
    lines: list[Line] = []
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))
    for text, style, label in _paragraphs(found, good, bad, verbose=verbose):
        margin = f"  {label}".ljust(_LABEL - 1) + " " if label is not None else ""
        for row in wrap(clean(text, 1000), width - len(margin)) if text else [""]:
            lines.append(((margin, "dim"), (row, style)) if margin else ((row, style),))
            margin = " " * len(margin)
    return lines


_Paragraph = tuple[str, str, str | None]


def _paragraphs(found: Comparison, good: str, bad: str, *, verbose: bool) -> Iterator[_Paragraph]:
    yield _headline(found), "bold red" if found.different else "bold green", None
    yield "", "", None
    yield good, "", "good"
    yield bad, "", "bad"
    yield from _of_settings(found, verbose=verbose)
    yield from _of_bits(found)
    yield from _of_noise(found, verbose=verbose)
    yield from _of_findings(found)
    moved = found.modules.by_order + found.parameters.by_order
    if moved:
        yield f"{moved} layers and parameters have other names: matched by order and shape.", "dim", None
    for problem in found.problems:
        yield f"! {problem}", "yellow", None


def _headline(found: Comparison) -> str:
    weighty = [one for one in found.settings if one.counts]
    if not found.different:
        return "No difference beyond the noise of seeds."
    parts = []
    if weighty:
        parts.append(f"{len(weighty)} {'thing was' if len(weighty) == 1 else 'things were'} set differently")
    if found.parted:
        first = found.parted[0]
        parts.append(f"the runs part at step {first.step:,}{f' in {first.layer}' if first.layer else ''}")
    elif found.bitwise is not None and found.bitwise.material is not None:
        first = found.bitwise.material
        parts.append(f"the first number differs at step {first.step:,}{f' in {first.layer}' if first.layer else ''}")
    if not parts:
        parts.append("the bad run has errors that the good one has not")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _of_settings(found: Comparison, *, verbose: bool) -> Iterator[_Paragraph]:
    for title, counts in (("Set differently", True), ("Also differs", False)):
        chosen = [one for one in found.settings if one.counts is counts]
        if not chosen:
            continue
        yield "", "", None
        yield f"{title}:", "bold", None
        for number, one in enumerate(chosen):
            if number == MAX_SETTINGS and not verbose:
                yield f"and {len(chosen) - number} more (--verbose shows them)", "dim", ""
                break
            yield _said(one), "", one.group


def _said(one: Difference) -> str:
    where = f" of {_names(one.where)}" if one.where and not one.where[0].startswith("after ") else ""
    if one.where and not where:
        where = f" {_names(one.where)}"
    place = f" ({_shown(one.place)})" if one.place else ""
    if one.good is None and one.bad is None:
        return f"{one.name}{where}{place}"
    return f"{one.name}{where}: {_value(one.good)} -> {_value(one.bad)}{place}"


def _shown(place: Location) -> str:
    file, here = Path(place.file), Path.cwd()
    return str(Location(str(file.relative_to(here)), place.line) if file.is_relative_to(here) else place)


def _names(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}..."


def _of_bits(found: Comparison) -> Iterator[_Paragraph]:
    exact = found.bitwise
    if exact is None:
        return
    yield "", "", None
    if exact.first is None:
        yield f"Equal to the last bit in all {exact.values:,} values at common steps.", "bold", None
        return
    until = "The runs begin alike" if exact.until is None else f"Equal to the last bit until step {exact.until:,}"
    yield f"{until}; the first that differs is the {_what(exact.first)} at step {exact.first.step:,}.", "bold", None
    yield _numbers(exact.first) + _rounding(exact.first, exact.material), "", ""
    if exact.material is not None and exact.material != exact.first:
        text = f"the first that differs by more than rounding is the {_what(exact.material)} at step "
        yield f"{text}{exact.material.step:,}: {_numbers(exact.material)}", "", ""
    if exact.first.layer is None and exact.layer is not None:
        fewer = "" if exact.layer.step == exact.first.step else ", recorded at fewer steps,"
        text = f"of single layers{fewer} the first is the {_what(exact.layer)} at step {exact.layer.step:,}: "
        yield text + _numbers(exact.layer), "", ""


def _rounding(first: Parting, material: Parting | None) -> str:
    if first == material:
        return ""
    return f" (by rounding: {abs(first.bad - first.good) / max(abs(first.good), abs(first.bad)):.1g} of it)"


def _what(one: Parting) -> str:
    return f"{one.words} of {one.layer}" if one.layer else one.words


def _of_noise(found: Comparison, *, verbose: bool) -> Iterator[_Paragraph]:
    yield "", "", None
    seen = f"noise from {found.runs} good runs" if found.runs > 1 else "noise from one good run"
    if not found.parted:
        yield f"Signals: none of {found.compared} series leaves the good run beyond the noise of seeds.", "bold", None
        return
    first = found.parted[0]
    yield f"The signals part at step {first.step:,}: first the {_what(first)}.", "bold", None
    for number, one in enumerate(partings_of_layers(found.parted)):
        if number == MAX_PARTED and not verbose:
            break
        yield f"{_what(one)}: {_numbers(one)}", "", f"step {one.step:,}"
    yield f"{len(found.parted)} of {found.compared} series part ({seen}).", "dim", None


def _numbers(one: Parting) -> str:
    times, parts = ratio(one), [f"{one.good:.6g} -> {one.bad:.6g}"]
    if times is not None and abs(times - 1) >= 0.005:
        parts.append(f"x{times:.3g}")
    if one.sigmas is not None and math.isfinite(one.sigmas):
        parts.append(f"{one.sigmas:.1f} sigmas")
    return ", ".join(parts)


def _of_findings(found: Comparison) -> Iterator[_Paragraph]:
    for title, chosen in (("New findings", found.new), ("Gone", found.gone)):
        if chosen:
            yield "", "", None
            yield f"{title}:", "bold", None
            for one in chosen:
                yield f"{one.check.name}: {one.finding.message}", "", one.severity
