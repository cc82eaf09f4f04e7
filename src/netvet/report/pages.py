"""The page of a check, and the list of all checks, as Markdown and as plain lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO, get_args

from netvet.core import Check, Stage
from netvet.report.text import MAX_WIDTH, in_colour

_STAGES: dict[str, str] = {
    "data": "data: become one with the data",
    "skeleton": "skeleton: a training and evaluation loop you can trust",
    "fit": "fit: learning, and learning what it should",
}


def page(check: Check) -> str:
    """Everything known about a check, in Markdown."""
    lines = [f"# {check.name}", "", check.doc, "", "## In short", ""]
    lines.append(f"- Stage {check.stage}; a {check.kind}; severity {check.severity}; since {check.since}.")
    lines.append(
        f"- Reads: {', '.join(f'`{name}`' for name in check.required) or 'nothing that it cannot do without'}."
    )
    if check.optional:
        lines.append(f"- Reads if there: {', '.join(f'`{name}`' for name in check.optional)}.")
    if check.settings:
        settings = ", ".join(f"`{name} = {value!r}`" for name, value in check.settings.items())
        lines.append(f"- Settings in `[tool.netvet.checks.{check.name}]`: {settings}.")
    if check.explained_by:
        lines.append(f"- Explained by: {', '.join(check.explained_by)}.")
    lines += [f"- Change to try ({fix.name}): {fix.advice}" for fix in check.fixes]
    return "\n".join(lines) + "\n"


def index(checks: Sequence[Check]) -> str:
    """The checks by stage, one line each."""
    blocks = []
    width = max((len(check.name) for check in checks), default=0)
    for stage in get_args(Stage):
        rows = [f"  {check.name.ljust(width)}  {check.summary}" for check in checks if check.stage == stage]
        if rows:
            blocks.append("\n".join([_STAGES[stage], *rows]))
    return "\n\n".join(blocks) + "\n" if blocks else "no checks\n"


def show_page(check: Check, stream: TextIO) -> None:
    """Write the page of a check: rendered to a terminal, Markdown elsewhere."""
    text = page(check)
    if not in_colour(stream):
        stream.write(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(file=stream, force_terminal=True)
    console.width = min(console.width, MAX_WIDTH)
    console.print(Markdown(_fenced(text)))


def _fenced(text: str) -> str:
    """The page with its doctests as blocks of code: Markdown takes `>>>` for quotations."""
    return re.sub(r"^>>> .*(?:\n.+)*", lambda found: f"```python\n{found[0]}\n```", text, flags=re.MULTILINE)
