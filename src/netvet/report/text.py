"""The report for a terminal: the verdict first, in plain words, on at most a screen."""

from __future__ import annotations

import os
import shlex
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from netvet.report.data import lines as data_lines
from netvet.report.plain import cells, clean, wrap
from netvet.report.view import FindingView, Number, PlaceView, VerdictView, View

# A piece of text and its style in the words of rich; a line is a row of them.
Span = tuple[str, str]
Line = tuple[Span, ...]

# Longer lines are hard to read; narrower than this the labels leave no room for words.
MAX_WIDTH = 100
MIN_WIDTH = 40
# Symptoms and further places that are shown one by one.
MAX_FOLDED = 4
MAX_OTHERS = 2
MAX_PLACES = 3
# Reasons for not assessing, in one line.
MAX_REASONS = 2
MAX_REASON = 70
# Checks that are named where their reasons are not.
MAX_NAMED = 4

_LABEL = 11
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
_DIM = "dim"


def show(view: View, stream: TextIO, *, verbose: bool = False) -> None:
    """Write the report: in colour to a terminal, plain elsewhere and where NO_COLOR is set.

    Args:
        view: the report.
        stream: where to.
        verbose: every finding and every check that could not look, however many.
    """
    write_lines(render(view, width_of(stream), verbose=verbose), stream)


def width_of(stream: TextIO) -> int:
    """Columns to fill."""
    return shutil.get_terminal_size().columns if stream.isatty() else MAX_WIDTH


def write_lines(lines: Iterable[Line], stream: TextIO) -> None:
    """Write lines as they can be shown there: without colours, or without letters that its encoding lacks."""
    encoding = stream.encoding or "utf-8"
    safe = [tuple((_encodable(text, encoding), style) for text, style in line) for line in lines]
    if in_colour(stream):
        _write_colour(safe, stream)
    else:
        stream.write("".join("".join(text for text, _ in line) + "\n" for line in safe))
    stream.flush()


def in_colour(stream: TextIO) -> bool:
    """Whether to write colours: to a terminal or under FORCE_COLOR, never under NO_COLOR or on a dumb terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty() or bool(os.environ.get("FORCE_COLOR"))


def _encodable(text: str, encoding: str) -> str:
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _write_colour(lines: Iterable[Line], stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False)
    for line in lines:
        # Text, not markup: a layer named "[red]" stays what it is.
        console.print(Text.assemble(*line), soft_wrap=True)


def render(view: View, width: int = MAX_WIDTH, *, verbose: bool = False) -> list[Line]:
    """The lines of the report, none wider than the width (or 40 columns)."""
    page = _Page(max(MIN_WIDTH, min(width, MAX_WIDTH)))
    if view["data"] is not None:
        page.lines += [((line, ""),) for line in data_lines(view["data"], verbose=verbose)]
        page.blank()
    _headline(page, view)
    for number, verdict in enumerate(view["diagnosis"]):
        page.blank()
        _verdict(page, view, verdict, full=number == 0, verbose=verbose)
    if view["diagnosis"]:
        page.blank()
    _rest(page, view, verbose=verbose)
    _footer(page, view, verbose=verbose)
    return page.lines


class _Page:
    """Lines of a fixed width; what it is given may be any text."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[Line] = []

    def blank(self) -> None:
        self.lines.append(())

    def put(self, text: str, style: str = "") -> None:
        """A paragraph."""
        self.lines += [((line, style),) for line in wrap(clean(text), self.width)]

    def labelled(self, label: str, text: str, style: str = "") -> None:
        """A paragraph with a word in the margin, or below one that has it."""
        first = f"  {label}".ljust(_LABEL) + " "
        for line in wrap(clean(text), self.width - len(first)):
            self.lines.append(((first, _DIM), (line, style)))
            first = " " * len(first)

    def one_line(self, label: str, text: str) -> None:
        """As `labelled`, but cut at the end of the line."""
        first = f"  {label}".ljust(_LABEL) + " "
        self.lines.append(((first, _DIM), (self._cut(clean(text), self.width - len(first)), "")))

    def header(self, name: str, style: str, rest: str) -> None:
        """The name of a check and a few words about it, on one line."""
        name = self._cut(clean(name), self.width)
        room = self.width - cells(name) - 2
        self.lines.append(((name, style), (f"  {self._cut(clean(rest), room)}" if room > 8 else "", _DIM)))

    def _cut(self, text: str, width: int) -> str:
        return text if cells(text) <= width else wrap(text, width - 4)[0] + " ..."


def _headline(page: _Page, view: View) -> None:
    _ending(page, view)
    diagnosis = view["diagnosis"]
    if not diagnosis:
        _no_verdict(page, view)
        return
    first = diagnosis[0]
    words = first["check"].replace("-", " ")
    grave = view["findings"][first["findings"][0]]["severity"] if first["findings"] else "error"
    more = len(diagnosis) - 1
    tail = f" - and {more} more {'cause' if more == 1 else 'causes'}." if more else "."
    if first["undetermined"]:
        page.put(f"Something is wrong ({words}), but its cause is undetermined.", _STYLES[grave])
    elif grave == "error":
        what = "Training is" if view["run"]["samples"] is None else "The data are"
        page.put(f"{what} wrong: {words}{tail}", _STYLES[grave])
    else:
        page.put(f"Likely to cost accuracy or trust: {words}{tail}", _STYLES[grave])


def _ending(page: _Page, view: View) -> None:
    run = view["run"]
    at = "" if run["steps"] is None else f" after {run['steps']:,} steps"
    if run["ended"] == "exception":
        place = run["exception_location"]
        line = f" ({_place(place)})" if place else ""
        page.put(f"The script stopped{at}: {run['exception'] or 'an exception'}{line}", _STYLES["error"])
    elif run["ended"] == "terminated":
        page.put("The launcher ended the script before its end; this is about what ran until then.")
    elif run["ended"] == "stopped":
        at = "" if run["stopped_step"] is None else f" at step {run['stopped_step']:,}"
        style = _STYLES["error"] if run["samples"] is None else ""  # an audit has seen what it wanted
        page.put(f"Stopped{at} because of {run['stopped_because'] or 'a finding'}", style)
    elif run["ended"] == "interrupt":
        page.put(f"Interrupted{at}: this is what was seen until then.", _STYLES["warning"])
    elif run["ended"] is None and run["started"] is not None:
        page.put(f"The run has no end (killed, or still running): this is what was seen{at}.", _STYLES["warning"])


def _no_verdict(page: _Page, view: View) -> None:
    looked, blind = view["checks_looked"], len(view["not_assessed"])
    counts = f"{looked} {_plural('check', looked)} looked, {blind} could not"
    serious = [f for f in view["findings"] if f["severity"] != "note"]
    if view["run"]["steps"] == 0:
        page.put(f"Not judged: no training step was seen; {counts}.", _STYLES["warning"])
    elif not looked:
        page.put(f"Not judged: {counts}.", _STYLES["warning"])
    elif any(finding["allowed"] is None for finding in serious):
        page.put(f"Nothing wrong beyond what follows from allowed findings: {counts}.", _STYLES["warning"])
    else:
        until = "" if view["run"]["ended"] in ("ok", "exit") else " until then"
        page.put(f"No fault seen{until}: {counts}.", "bold green")


def _verdict(page: _Page, view: View, verdict: VerdictView, *, full: bool, verbose: bool) -> None:
    findings = [view["findings"][index] for index in verdict["findings"]]
    if not findings:
        return
    main = findings[0]
    about = f"{main['severity']}, {_sureness(verdict)}"
    if verdict["explains"] and not (full or verbose):
        about += f", explains {', '.join(verdict['explains'])}"
    page.header(verdict["check"], _STYLES[main["severity"]], about)
    page.labelled("seen" if verdict["undetermined"] else "proof", main["message"])
    _others(page, view, findings, every=verbose)
    if full or verbose:
        _figures(page, main)
    _places(page, findings, full=full or verbose, every=verbose)
    if verdict["next"]:
        page.labelled("change", verdict["next"], "bold" if full else "")
    _candidates(page, view, verdict)
    if full and verdict["next"] and view["run"]["script"]:
        page.labelled("prove it", f"netvet fix {command_of(view)}")
    if full or verbose:
        _folded(page, view, verdict, every=verbose)


def _others(page: _Page, view: View, findings: Sequence[FindingView], *, every: bool) -> None:
    """Of data, what the same check says of other splits and columns; of a training, where there is room for it."""
    others = [f["message"] for f in findings[1:] if f["message"] != findings[0]["message"]]
    shown = others if every else others[:MAX_OTHERS] if view["run"]["samples"] is not None else []
    for number, message in enumerate(shown):
        page.labelled("" if number else "also", message)
    if shown and len(others) > len(shown):
        page.one_line("", f"and {len(others) - len(shown)} more (--verbose shows them)")


def _sureness(verdict: VerdictView) -> str:
    # Words, because the numbers are no calibrated probabilities.
    if verdict["undetermined"]:
        return "cause undetermined"
    confidence = verdict["confidence"]
    if confidence >= 0.99:
        return "seen directly"
    return "very likely" if confidence >= 0.8 else "likely" if confidence >= 0.5 else "possible"


def _figures(page: _Page, finding: FindingView) -> None:
    if finding["limit"] is None or finding["value"] is None:
        return
    parts = [f"{_number(finding['value'])} against a limit of {_number(finding['limit'])}"]
    if finding["step"]:
        parts.append(f"since step {finding['step']:,}")
    if finding["where"] and finding["where"] not in finding["message"]:
        parts.append(f"at {finding['where']}")
    page.labelled("measured", ", ".join(parts))


def _number(value: Number | None) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _places(page: _Page, findings: Sequence[FindingView], *, full: bool, every: bool) -> None:
    places = {_place(f["location"]): f["location"] for f in findings if f["location"]}
    for number, (text, place) in enumerate(places.items()):
        if not every and number == (MAX_PLACES if full else 1):
            page.one_line("", f"and {len(places) - number} more {_plural('place', len(places) - number)}")
            return
        page.labelled("" if number else "place", text, "bold cyan")
        if full and number == 0 and place and place["source"]:
            page.one_line("", f"| {place['source']}")


def _place(place: PlaceView | None) -> str:
    return f"{place['file']}:{place['line']}" if place else ""


def _candidates(page: _Page, view: View, verdict: VerdictView) -> None:
    if not verdict["undetermined"]:
        return
    if verdict["ruled_out"]:
        page.labelled("ruled out", ", ".join(verdict["ruled_out"]))
    if verdict["not_ruled_out"]:
        reasons = {skipped["check"]: skipped["reason"] for skipped in view["not_assessed"]}
        named = [f"{name} ({reasons[name]})" if name in reasons else name for name in verdict["not_ruled_out"]]
        page.labelled("open", "; ".join(named))
    if not verdict["ruled_out"] and not verdict["not_ruled_out"]:
        page.labelled("ruled out", "nothing: no check for a cause of this is known")
    if verdict["experiments"]:
        page.labelled("find out", f"netvet recipe --only {','.join(verdict['experiments'])} {command_of(view)}")


def command_of(view: Mapping[str, Any]) -> str:
    """The program and its arguments, as a shell takes them."""
    return shlex.join([view["run"]["script"] or "train.py", *view["run"]["arguments"]])


def _folded(page: _Page, view: View, verdict: VerdictView, *, every: bool) -> None:
    label = "explains"
    for number, index in enumerate(verdict["folded"]):
        if number == MAX_FOLDED and not every:
            page.one_line("", f"and {len(verdict['folded']) - number} more")
            return
        finding = view["findings"][index]
        page.one_line(label, f"{finding['check']}: {finding['message']}")
        label = ""


def _rest(page: _Page, view: View, *, verbose: bool) -> None:
    told = {index for verdict in view["diagnosis"] for index in (*verdict["findings"], *verdict["folded"])}
    rest = [finding for index, finding in enumerate(view["findings"]) if index not in told]
    allowed = [finding for finding in rest if finding["allowed"] is not None]
    notes = [finding for finding in rest if finding["severity"] == "note" and finding["allowed"] is None]
    others = [finding for finding in rest if finding["severity"] != "note" and finding["allowed"] is None]
    groups = (("Also seen", others), ("Notes", notes), ("Allowed", allowed))
    if verbose:
        for title, findings in groups:
            _listed(page, title, findings)
        return
    parts = []
    if others:
        parts.append(f"also seen: {', '.join(dict.fromkeys(finding['check'] for finding in others))}")
    if notes:
        parts.append(f"{len(notes)} {_plural('note', len(notes))}")
    if allowed:
        parts.append(f"{len(allowed)} allowed {_plural('finding', len(allowed))}")
    if parts:
        text = "; ".join(parts)
        page.put(f"{text[0].upper()}{text[1:]} (--verbose shows them).")


def _listed(page: _Page, title: str, findings: Sequence[FindingView]) -> None:
    if not findings:
        return
    page.put(f"{title}:", "bold")
    for finding in findings:
        place = f" ({_place(finding['location'])})" if finding["location"] else ""
        reason = f" - allowed: {finding['allowed']}" if finding["allowed"] is not None else ""
        page.put(f"- {finding['check']}: {finding['message']}{place}{reason}")


def _footer(page: _Page, view: View, *, verbose: bool) -> None:
    _not_assessed(page, view, verbose=verbose)
    run, share = view["run"], view["overhead"]["share"]
    parts = [f"{run[unit]:,} {unit}" for unit in ("steps", "samples") if run[unit] is not None]
    if isinstance(run["seconds"], int | float):
        parts.append(f"{run['seconds']:.1f} s")
    if isinstance(share, int | float):
        parts.append(f"{100 * share:.1f} % of it spent by netvet")
    if run["name"] or parts:
        page.put(f"Run {run['name'] or ''}".rstrip() + (f": {', '.join(parts)}." if parts else "."), _DIM)
    for problem in view["problems"]:
        page.put(f"! {problem}", "yellow")


def _not_assessed(page: _Page, view: View, *, verbose: bool) -> None:
    skipped = view["not_assessed"]
    if not skipped:
        return
    if verbose:
        page.put("Not assessed:", "bold")
        for one in skipped:
            page.put(f"- {one['check']}: {one['reason']}")
        return
    reasons = Counter(clean(one["reason"], MAX_REASON) for one in skipped).most_common()
    told = "; ".join(f"{reason} ({count})" for reason, count in reasons[:MAX_REASONS])
    shown = {reason for reason, _ in reasons[:MAX_REASONS]}
    more = [one["check"] for one in skipped if clean(one["reason"], MAX_REASON) not in shown]
    others = ", ".join(more) if len(more) <= MAX_NAMED else f"{len(more)} more"
    page.put(
        f"Not assessed: {len(skipped)} of {view['checks_looked'] + len(skipped)} checks - {told}"
        f"{f'; {others} (--verbose says why)' if more else ''}.",
        _DIM,
    )


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
