"""What a cell of a notebook shows: the page of a run in a frame of its own, and the text where no page can be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from netvet.core import NetvetError
from netvet.report.html import document
from netvet.report.page_view import PageView

Bundle = dict[str, str]
# A notebook is saved with all of its outputs; a page larger than this is written to a file of its own instead.
MAX_BYTES = 4_000_000
# Height of the frame in CSS pixels: the verdict and its picture; the corner of the frame pulls it larger.
HEIGHT = 700

_PRE = "line-height:1.35;white-space:pre-wrap"


def bundle(page: Callable[[], PageView], text: str) -> Bundle:
    """The MIME bundle of something that has a page.

    Args:
        page: makes it; what goes wrong there is said, and the text stands alone.
        text: the report as text, for those who show no HTML and for search.
    """
    try:
        return {"text/plain": text, "text/html": framed(page(), text)}
    except Exception as error:  # a cell shows what there is
        return text_bundle(text, f"There is no page: {error}")


def text_bundle(text: str, note: str = "") -> Bundle:
    """The MIME bundle of something that has no page: every character escaped."""
    told = f"<p>{escape(note)}</p>" if note else ""
    return {"text/plain": text, "text/html": f'<pre style="{_PRE}">{_escaped(text)}</pre>{told}'}


def framed(page: PageView, text: str) -> str:
    """The page in a frame that may run its own scripts and reach nothing of the notebook; the text folded beneath.

    Where a viewer takes frames out, as GitHub does, the text is what stays.
    """
    made = document(page)
    if len(made) > MAX_BYTES:
        run = page["view"]["run"]["name"] or ""
        size = f"The page has {len(made) / 1e6:.0f} MB, too much for a notebook"
        return text_bundle(text, f"{size}: `netvet report {run} -o report.html` writes it to a file.")["text/html"]
    title = escape(f"netvet: {page['title']}")
    return (
        f'<iframe srcdoc="{escape(made)}" sandbox="allow-scripts" allow="clipboard-write" loading="lazy" '
        f'title="{title}" style="width:100%;height:{HEIGHT}px;border:1px solid #8886;resize:vertical"></iframe>'
        f'<details><summary>{title}, as text</summary><pre style="{_PRE}">{_escaped(text)}</pre></details>'
    )


def _escaped(text: str) -> str:
    return escape(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def publisher() -> Callable[[Mapping[str, str]], None] | None:
    """What shows a bundle in the cell that runs, in place of the one before; None outside notebooks."""
    ipython: Any = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:
        return None
    shown: dict[str, str] = {}

    def publish(one: Mapping[str, str]) -> None:
        again = bool(shown)
        shown.setdefault("display_id", f"netvet-{id(shown):x}")
        shell.display_pub.publish(data=dict(one), metadata={}, transient=dict(shown), update=again)

    return publish


def asked_publisher(show: bool | None) -> Callable[[Mapping[str, str]], None] | None:
    """The same, if `watch(show=...)` wants it; None asks for it where there is a notebook.

    Raises:
        NetvetError: it is wanted, and there is none.
    """
    found = publisher() if show in (None, True) else None
    if show and found is None:
        raise NetvetError(
            "watch(show=True): expected a notebook (a kernel of IPython); leave `show` out, and a figure is drawn "
            "wherever there is one"
        )
    return found
