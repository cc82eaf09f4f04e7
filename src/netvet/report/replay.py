"""What `netvet replay` found, in plain words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from netvet.report.plain import clean, wrap

Record = Mapping[str, Any]
WIDTH, LABEL = 100, 11
# Weights beyond this have grown far from any start.
LARGE_WEIGHT = 1e3
MAX_ROWS = 12


def as_json(found: Record) -> str:
    """The result as indented JSON, in ASCII, with a newline at the end."""
    return json.dumps(found, indent=2, allow_nan=False) + "\n"


def show(found: Record, stream: TextIO) -> None:
    """Write what was found: the verdict first, then where, why and which samples."""
    for label, text in _lines(found):
        wrapped = wrap(clean(text, 1000), WIDTH - (LABEL + 2 if label is not None else 0))
        for number, line in enumerate(wrapped):
            head = "" if label is None else f"  {label if number == 0 else '':<{LABEL}}"
            stream.write(f"{head}{line}".rstrip() + "\n")
    stream.flush()


def _lines(found: Record) -> Iterator[tuple[str | None, str]]:
    yield None, _headline(found)
    yield None, ""
    if found["exception"]:
        yield from _exception(found["exception"])
    if found["origin"]:
        yield from _origin(found)
    yield from _samples(found)
    yield from _weights(found)
    loss = next((one for one in reversed(found["losses"])), None)
    if loss is not None:
        same = {"bitwise": "bitwise the same", "close": "the same but for rounding", "no": "another one"}[loss["same"]]
        yield "loss", f"{_short(loss['repeated'])}; stored is {_short(loss['stored'])}: {same}"
    if not found["reproduced"] and found["origin"] is None and found["exception"] is None:
        yield "seen", f"{found['operations']:,} operations, all of them finite"
    for note in found["notes"]:
        yield "note", note


def _headline(found: Record) -> str:
    stored = found["stored"]
    again = "reproduced" if found["reproduced"] else "NOT reproduced"
    return f"Step {found['step']:,} {again}: {stored['message']}."


def _exception(error: Record) -> Iterator[tuple[str | None, str]]:
    yield "exception", f"{error['type']}: {error['text']}"
    if error["file"]:
        yield from _place(error)


def _origin(found: Record) -> Iterator[tuple[str | None, str]]:
    origin = found["origin"]
    if origin["kind"] == "given":
        yield "first", origin["because"]
    else:
        way = "backward of " if origin["phase"] == "backward" else ""
        yield "first", f"{way}{origin['op']}: {origin['because']}"
    if origin["file"]:
        yield from _place(origin)
    if origin["module"]:
        made = f", made at {origin['made_file']}:{origin['made_line']}" if origin["made_file"] else ""
        yield "module", f"{origin['module']}{made if origin['made_line'] != origin['line'] else ''}"
    for number, operand in enumerate(o for o in origin["operands"] if "min" in o):
        name = operand.get("name", number)
        shape = " x ".join(map(str, operand["shape"])) or "a number"
        yield ("given" if number == 0 else ""), f"{name}: {operand['dtype']} {shape}, {_span(operand)}"
    turned = found["turned"]
    if turned:
        place = f" at {turned['file']}:{turned['line']}" if turned["file"] else ""
        yield "then", f"{turned['op']}{place}: {turned['because']}"


def _span(operand: Record) -> str:
    text = f"from {operand['min']:.4g} to {operand['max']:.4g}"
    if "at_min" in operand and (operand["at_min"], operand["at_max"]) != (operand["min"], operand["max"]):
        low, high = operand["at_min"], operand["at_max"]
        text += f"; where it broke {low:.4g}" + (f" to {high:.4g}" if low != high else "")
    return text


def _samples(found: Record) -> Iterator[tuple[str | None, str]]:
    samples = found["samples"]
    if samples is None:
        return
    rows, size = samples["rows"], samples["of"]
    if len(rows) == size:
        named = f"every one of the {size}"
    elif rows:
        named = f"{_numbers(rows)} of the batch of {size} (counted from 0)"
    else:
        named = "no single one"
    yield ("sample" if len(rows) == 1 else "samples"), f"{named}; {samples['how']}"


def _numbers(rows: Sequence[int]) -> str:
    shown = ", ".join(map(str, rows[:MAX_ROWS]))
    return shown if len(rows) <= MAX_ROWS else f"{len(rows)} samples ({shown}, ...)"


def _weights(found: Record) -> Iterator[tuple[str | None, str]]:
    broken, sizes = found["weights_not_finite"], found["weights"]
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        before = found["step_before"]
        option = f" (--step {before} repeats that one)" if before is not None else ""
        made = f"the update of the step before{option} made it"
        yield "weights", f"before the step {broken[0]}{more} already held NaN or infinity: {made}"
    elif sizes and sizes["largest"] > LARGE_WEIGHT:
        yield (
            "weights",
            f"up to {sizes['largest']:.4g} in {sizes['parameter']} before the step: earlier updates were too large",
        )


def _place(found: Record) -> Iterator[tuple[str | None, str]]:
    yield "place", f"{found['file']}:{found['line']}"
    if found["source"]:
        yield "", f"| {found['source']}"


def _short(value: str) -> str:
    return f"{float(value):.6g}"
