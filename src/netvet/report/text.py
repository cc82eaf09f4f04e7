"""The report for a terminal: the verdict first, in plain words, on at most a screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from typing import TextIO

from netvet.report.data import lines as data_lines
from netvet.report.log import lines as log_lines
from netvet.report.plain import cells, clean, wrap
from netvet.report.view import FindingView, VerdictView, View
from netvet.report.words import (
    beside,
    blind_sentence,
    fix_command,
    headline,
    measured,
    place,
    plural,
    recipe_command,
    repeatable,
    ruled_out,
    run_parts,
    still_open,
    sureness,
    unit_of,
)

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
# Findings about a log that are all listed.
MAX_LISTED = 6
# Reasons for not assessing, in one line.
MAX_REASONS = 2

_LABEL = 11
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan", "good": "bold green", "plain": ""}
_DIM = "dim"


def show(view: View, stream: TextIO, *, verbose: bool = False) -> None:
    """Write the report: in colour to a terminal, plain elsewhere and where NO_COLOR is set.

    Args:
        view: the report.
        stream: where to.
        verbose: every finding and every check that could not look, however many.
    """
    write_lines(render(view, width_of(stream), verbose=verbose), stream)


def plain_text(view: View) -> str:
    """The report without colours."""
    return "".join("".join(text for text, _ in line) + "\n" for line in render(view))


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
    if view["log"] is not None:
        for text in log_lines(view["log"], verbose=verbose):
            page.put(text, _DIM)
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
    for text, tone in headline(view):
        page.put(text, _STYLES[tone])


def _verdict(page: _Page, view: View, verdict: VerdictView, *, full: bool, verbose: bool) -> None:
    findings = [view["findings"][index] for index in verdict["findings"]]
    if not findings:
        return
    main = findings[0]
    about = f"{main['severity']}, {sureness(verdict)}"
    if verdict["explains"] and not (full or verbose):
        about += f", explains {', '.join(verdict['explains'])}"
    page.header(verdict["check"], _STYLES[main["severity"]], about)
    page.labelled("seen" if verdict["undetermined"] else "proof", main["message"])
    _others(page, view, findings, every=verbose)
    if (full or verbose) and measured(main):
        page.labelled("measured", measured(main, unit_of(view)))
    _places(page, findings, full=full or verbose, every=verbose)
    if verdict["next"]:
        page.labelled("change", verdict["next"], "bold" if full else "")
    _candidates(page, view, verdict)
    if full and verdict["next"] and repeatable(view):
        page.labelled("prove it", fix_command(view))
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


def _places(page: _Page, findings: Sequence[FindingView], *, full: bool, every: bool) -> None:
    places = {place(f["location"]): f["location"] for f in findings if f["location"]}
    for number, (text, found) in enumerate(places.items()):
        if not every and number == (MAX_PLACES if full else 1):
            page.one_line("", f"and {len(places) - number} more {plural('place', len(places) - number)}")
            return
        page.labelled("" if number else "place", text, "bold cyan")
        if full and number == 0 and found and found["source"]:
            page.one_line("", f"| {found['source']}")


def _candidates(page: _Page, view: View, verdict: VerdictView) -> None:
    if not verdict["undetermined"]:
        return
    for label, text in (("ruled out", ruled_out(verdict)), ("open", still_open(view, verdict))):
        if text:
            page.labelled(label, text)
    if verdict["experiments"] and (repeatable(view) or not view["run"]["script"]):
        page.labelled("find out", recipe_command(view, verdict["experiments"]))


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
    groups = beside(view)
    if view["log"] is not None and len(view["findings"]) <= MAX_LISTED:
        verbose = True  # of a log there is little else to tell
    if verbose:
        for title, findings in groups:
            _listed(page, title, findings)
        return
    told = {
        "Also seen": lambda found: f"also seen: {', '.join(dict.fromkeys(finding['check'] for finding in found))}",
        "Notes": lambda found: f"{len(found)} {plural('note', len(found))}",
        "Allowed": lambda found: f"{len(found)} allowed {plural('finding', len(found))}",
    }
    parts = [told[title](findings) for title, findings in groups]
    if parts:
        text = "; ".join(parts)
        page.put(f"{text[0].upper()}{text[1:]} (--verbose shows them).")


def _listed(page: _Page, title: str, findings: Sequence[FindingView]) -> None:
    page.put(f"{title}:", "bold")
    for finding in findings:
        where = f" ({place(finding['location'])})" if finding["location"] else ""
        reason = f" - allowed: {finding['allowed']}" if finding["allowed"] is not None else ""
        page.put(f"- {finding['check']}: {finding['message']}{where}{reason}")


def _footer(page: _Page, view: View, *, verbose: bool) -> None:
    _not_assessed(page, view, verbose=verbose)
    name, parts = view["run"]["name"], run_parts(view)
    if name or parts:
        page.put(f"Run {name or ''}".rstrip() + (f": {', '.join(parts)}." if parts else "."), _DIM)
    for problem in view["problems"]:
        page.put(f"! {problem}", "yellow")


def _not_assessed(page: _Page, view: View, *, verbose: bool) -> None:
    if not verbose:
        told = blind_sentence(view, MAX_REASONS)
        if told:
            page.put(told, _DIM)
    elif view["not_assessed"]:
        page.put("Not assessed:", "bold")
        for one in view["not_assessed"]:
            page.put(f"- {one['check']}: {one['reason']}")
