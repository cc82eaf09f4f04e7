"""The page as one self-contained HTML file: scripts, style and data inside, nothing from elsewhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from netvet.report.page_view import PageView
from netvet.report.text import plain_text

# In the order in which they are run: each adds to the one object `netvet`.
SCRIPTS = (
    "vendor/uPlot.iife.min.js",
    "js/dom.js",
    "js/words.js",
    "js/theme.js",
    "js/axes.js",
    "js/palette.js",
    "js/curves_ink.js",
    "js/curves_legend.js",
    "js/lines.js",
    "js/bars.js",
    "js/heat_pool.js",
    "js/heat_detail.js",
    "js/heat.js",
    "js/choice.js",
    "js/images.js",
    "js/matrix.js",
    "js/points.js",
    "js/graph_groups.js",
    "js/graph_layout.js",
    "js/graph.js",
    "js/table.js",
    "js/figure.js",
    "js/family.js",
    "js/panels.js",
    "js/home.js",
    "js/keys.js",
    "js/app.js",
)
STYLES = ("vendor/uPlot.min.css", "page.css", "kinds.css", "shell.css")
# What a live page has beyond: it asks a server.
LIVE_SCRIPTS = (*SCRIPTS[:-1], "js/live.js", "js/runs.js", "js/acts.js", SCRIPTS[-1])
LIVE_STYLES = (*STYLES, "live.css")


def document(page: PageView) -> str:
    """The file. What it shows is data only: no text of a run is ever markup, and no other script may run."""
    scripts, styles = [asset(name) for name in SCRIPTS], [asset(name) for name in STYLES]
    policy = "; ".join((
        "default-src 'none'", "img-src data:", f"script-src {_hashes(scripts)}", f"style-src {_hashes(styles)}",
        "base-uri 'none'", "form-action 'none'",
    ))  # fmt: skip
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(page['title'])} - netvet</title>",
        *(f"<style>{style}</style>" for style in styles),
        "</head>\n<body>",
        f"<noscript><pre>{escape(plain_text(page['view']))}</pre></noscript>",
        f'<script type="application/octet-stream" id="netvet-page">{packed(page)}</script>',
        *(f"<script>{script}</script>" for script in scripts),
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def shell(assets: str) -> str:
    """The page without data, whose scripts and styles are at the address `assets` and which asks for the rest."""
    styles = (f'<link rel="stylesheet" href="{assets}{name}">' for name in LIVE_STYLES)
    scripts = (f'<script src="{assets}{name}" defer></script>' for name in LIVE_SCRIPTS)
    parts = [
        '<!doctype html>\n<html lang="en" data-live>\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>netvet</title>',
        '<link rel="icon" href="data:,">',
        *styles,
        *scripts,
        "</head>\n<body>\n<noscript>The live page needs JavaScript; `netvet report` does not.</noscript>",
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def packed(page: Any) -> str:
    """The data of a page: JSON, compressed, base64; holds no character that ends a script element."""
    text = json.dumps(page, allow_nan=False, separators=(",", ":"), default=str)
    return base64.b64encode(gzip.compress(text.encode("utf-8"), 6, mtime=0)).decode("ascii")


@cache
def asset(name: str) -> str:
    """A script or style of the page."""
    return files("netvet.report").joinpath("page", *name.split("/")).read_text(encoding="utf-8")


def _hashes(texts: Iterable[str]) -> str:
    digests = (hashlib.sha256(text.encode("utf-8")).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests)
