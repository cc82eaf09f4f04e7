"""What a run is made of may be written by anyone: on the page it is text, and nothing else."""

import gzip
import json
from base64 import b64decode

import pytest

from netvet.core import Facts, LayerSeries
from netvet.report import html
from tests.page.made import figure, opened, page_of, with_figures
from tests.report.samples import RUN, signals, softmax_signals

HOSTILE = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 1</script>",
    "</title></noscript><img src=x onerror=window.pwned=1>",
    "<svg/onload=window.pwned=1>",
    '"><iframe src=javascript:parent.pwned=1>',
    "' onmouseover='window.pwned=1",
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}} ${window.pwned=1} <%= 1 %>",
    "<!--<script>",
    "]]>&lt;script&gt;",
    "<style>@import 'https://example.com/x.css'</style><link rel=stylesheet href=https://example.com/y.css>",
    "<base href=https://example.com/><meta http-equiv=refresh content=0;url=https://example.com/>",
    "a\u202etxt.exe\u202c \u2066\u200f\u200b\ufeff",
    "nul\x00esc\x1b[31m\x07\x85\u2028\u2029",
    "lone \ud800 surrogate \udfff",
    "__proto__",
    "long " + "x" * 20_000,
)


def hostile_source(text):
    """A sick run in which every text that a program can choose is this one."""
    losses = {"site": text, "function": text, "input_op": "softmax", "file": f"{text}.py", "line": 5}
    run = {
        **RUN, "script": text, "arguments": [text, text], "ended": "exception", "exception": text,
        "exception_file": text, "exception_line": 3,
    }  # fmt: skip
    trial = {
        "experiment": text, "stage": "overfit", "title": text, "verdict": "failed", "message": text, "next": text,
        "gate": True, "suspects": [], "notes": [text],
    }  # fmt: skip
    return softmax_signals(
        run=Facts.of(run), losses=Facts.of(losses), experiments=Facts.of(trial),
        environment=Facts.of({text: text, "tags": [text, {text: text}]}),
        loss=LayerSeries.of(**{text: [2.3, 2.3, 2.3, 2.3]}), lr=LayerSeries.of(**{text: [0.5, 0.5]}),
    )  # fmt: skip


def assert_harmless(tab, page):
    for panel in ("#training", "#home"):
        page.evaluate("panel => netvet.page.go(panel)", panel)
    for details in page.locator("details:visible > summary").all():
        details.click(force=True)
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("Object.prototype.pwned") is None
    own = "script, style, meta, a[href^='#'], noscript, title"
    assert (
        page.locator(f"body :is(script, style, img, iframe, object, embed, link, base, meta):not({own})").count() == 0
    )
    assert page.locator("body a:not([href^='#'])").count() == 0
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => !/^on/.test(a.name)))"
    )
    assert [request for request in tab.requests if not request.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_of_a_run_is_shown_and_never_obeyed(tab, tmp_path, text):
    made = page_of(hostile_source(text), problems=(text,))
    page = opened(tab, tmp_path, made)
    shown = " ".join(page.locator("main").text_content().split())
    expected = " ".join(made["home"]["problems"][0].split())
    assert expected in shown
    assert_harmless(tab, page)


def poisoned(value, text):
    """Every text in a part of a page replaced, but for the words that choose what is done."""
    if isinstance(value, dict):
        fixed = ("kind", "id", "panel", "role", "style", "scale", "tone", "severity", "gate", "verdict", "stage")
        return {key: one if key in fixed else poisoned(one, text) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [poisoned(one, text) for one in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("text", HOSTILE[:6], ids=range(6))
def test_data_that_were_not_cleaned_do_no_harm_either(tab, tmp_path, text):
    made = with_figures(page_of(softmax_signals()), figure("loss", "training", "train"))
    for part in ("home", "figures", "panels", "problems"):
        made[part] = poisoned(made[part], text)
    page = opened(tab, tmp_path, made)
    assert text in page.locator("h2.headline").text_content()
    assert_harmless(tab, page)


def test_no_script_but_ours_may_run_and_nothing_is_fetched(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(signals()))
    blocked = []
    page.on("requestfailed", lambda request: blocked.append((request.url, request.failure)))
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.pwned = 1";
      const image = document.createElement("img");
      image.src = "https://example.com/x.png";
      document.body.append(script, image);
    }""")
    page.wait_for_timeout(100)
    said = [*tab.wrong]
    tab.wrong.clear()  # it is what is wanted here
    assert page.evaluate("window.pwned") is None
    assert blocked == [("https://example.com/x.png", "csp")]
    assert len([one for one in said if "Content Security Policy" in one]) == 2


def test_file_names_nothing_elsewhere():
    text = html.document(page_of(signals()))
    head = text[: text.index("</head>")]
    assert "default-src 'none'" in head
    assert "unsafe" not in head
    assert "connect-src" not in head
    assert not [tag for tag in ("<link", "<img", "<iframe", " src=", "@import", "url(http") if tag in text]


def test_control_and_bidirectional_characters_are_shown_as_escapes():
    text = html.document(page_of(hostile_source("a\u202eb\x00c\ud800d")))
    packed = text.split('id="netvet-page">')[1].split("<")[0]
    page = json.loads(gzip.decompress(b64decode(packed)))
    assert "\\u202eb\\x00c\\ud800d" in page["home"]["facts"][1][1]
    assert text.encode("utf-8")
    assert "\u202e" not in text
