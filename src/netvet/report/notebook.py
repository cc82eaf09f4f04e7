"""The report in a notebook: the text of the terminal in one preformatted block, every character of it escaped."""

from __future__ import annotations

from html import escape

from netvet.report.text import render
from netvet.report.view import View

# Words of the styles of the text report; colours that can be read on white and on black.
_CSS = {
    "bold": "font-weight:600", "dim": "opacity:.65", "red": "color:#d03030", "yellow": "color:#b58900",
    "green": "color:#2a9d4a", "cyan": "color:#2aa1b3",
}  # fmt: skip


def as_html(view: View) -> str:
    """The report as an HTML fragment without scripts, links or outside resources."""
    lines = ("".join(_span(text, style) for text, style in line) for line in render(view))
    return f'<pre style="line-height:1.35;white-space:pre-wrap">{chr(10).join(lines)}</pre>'


def _span(text: str, style: str) -> str:
    css = ";".join(_CSS[word] for word in style.split() if word in _CSS)
    return f'<span style="{css}">{escape(text)}</span>' if css else escape(text)
