"""Figures of experiments, fixes, searches and audits in a browser, with hostile words in all of them."""

import pytest

from netvet.core import Facts
from netvet.report import html
from netvet.report.figures import figures_of
from netvet.testing import PlainSignals
from tests.page.conftest import until
from tests.page.made import opened, page_of, with_figures

EVIL = '<img src=x onerror="alert(1)"></script><script>alert(2)</script>'
CURVE = {"steps": [0, 5, 9], "loss": [2.0, 1.0, 0.5], "score": [0.1, 0.6, 0.9], "name": "accuracy"}
PAIR = {"effect": 0.2, "low": -0.1, "high": 0.5, "p": 0.01, "size": 2.0, "pairs": 3}
RUN = {"metric": "accuracy", "split": "val", "curve": [[0, 0.1], [9, 0.8]], "train_curve": []}
PIXELS = {"width": 2, "height": 2, "channels": 3, "data": "////AAAA/wAAAP8A"}
SIGNALS = {
    "experiments": [
        {"experiment": "dropout-trial", "verdict": "advice", "message": EVIL, "suspects": ["overfitting"], "evidence": {
            "measure": "accuracy", "best": EVIL, "confirmed": PAIR, "compared": {EVIL: PAIR},
            "curves": {"plain": [CURVE, CURVE], EVIL: [CURVE]}}},
        {"experiment": EVIL, "verdict": EVIL, "message": EVIL, "evidence": {EVIL: 3.0}},
    ],
    "fixes": [{"unchanged": {"0": RUN}, "best": [EVIL], "refused": [{"fix": EVIL, "reason": EVIL}], "fixes": [
        {"fix": EVIL, "what": EVIL, "verdict": "helped", "check": EVIL, "metric": "accuracy", "evidence": PAIR,
         "runs": {"0": RUN}}]}],
    "tuning": [{"attempts": [{"number": n, "params": {EVIL: n, "lr": 0.1**n}, "state": EVIL, "loss": 1.0 + n}
                             for n in range(6)], "importance": {EVIL: 1.0}, "own": 2.0, "best": 1.0}],
    "data_splits": [{"split": EVIL, "role": "train", "kind": "image", "classes": [EVIL, "b"], "counts": [2, 1]}],
    "label_suspects": [{"split": EVIL, "pairs": {f"{EVIL} -> b": 1}, "examples": [
        {"key": EVIL, "given": EVIL, "suggested": "b", "given_probability": 0.1, "suggested_probability": 0.9}]}],
    "sample_pictures": [{"split": EVIL, "key": EVIL, "named": True, "label": EVIL, "text": EVIL, "pixels": PIXELS}],
    "sample_losses": [{"losses": [0.1, 2.0, 9.0], "confidence": [0.9, 0.1, 0.5], "variability": [0.1, 0.2, 0.3],
                       "keys": [EVIL, "b", "c"], "classes": [{"label": EVIL, "mean": 1.0}], "worst": [{"key": EVIL}]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def page():
    source = PlainSignals({name: Facts(records) for name, records in SIGNALS.items()})
    figures, problems = figures_of(source)
    assert problems == []
    return with_figures(page_of(PlainSignals({})), *figures)


@pytest.mark.parametrize("width", [1280, 390])
def test_all_of_them_are_drawn_and_no_word_of_a_run_is_run(tab, tmp_path, page, width):
    tab.page.set_viewport_size({"width": width, "height": 900})
    for panel in page["panels"]:
        shown = opened(tab, tmp_path, page, f"#{panel['id']}")
        shown.locator("details.group").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        wanted = [one["id"] for one in page["figures"] if one["panel"] == panel["id"]]
        for name in wanted:
            shown.locator(f"#figure-{name}").scroll_into_view_if_needed()
            until(shown, f"document.querySelector('#figure-{name} .drawing').childElementCount > 0")
        assert shown.locator("img[src=x]").count() == 0
        assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_a_bar_shows_its_interval_and_says_it(tab, tmp_path, page):
    shown = opened(tab, tmp_path, page, "#experiments/experiment-dropout-trial-difference")
    figure = shown.locator("#figure-experiment-dropout-trial-difference")
    figure.scroll_into_view_if_needed()
    until(shown, "document.querySelector('#figure-experiment-dropout-trial-difference .whisker') !== null")
    assert figure.locator(".whisker").count() == 2
    assert "(-0.1 to 0.5)" in "".join(figure.locator("svg title").all_text_contents()).replace("\u2212", "-")
    figure.locator("summary").click()
    until(shown, "document.querySelector('#figure-experiment-dropout-trial-difference thead th') !== null")
    assert figure.locator("thead th").all_text_contents()[-2:] == ["difference, from", "to"]


def test_the_checklist_leads_to_the_picture_of_an_experiment(tab, tmp_path, page):
    items = [{"name": name, "verdict": "failed", "message": "so", "next": ""} for name in ("dropout-trial", "dropout")]
    stage = {"stage": "regularise", "title": "Regularise", "gate": "failed", "word": "failed", "items": items}
    home = page["home"] | {"stages": [stage], "experimented": True}
    shown = opened(tab, tmp_path, page | {"home": home})
    assert shown.locator(".stage li").count() == 2
    assert shown.locator(".stage li a").count() == 1
    shown.locator(".stage li a").click()
    until(shown, "document.activeElement.id === 'figure-experiment-dropout-trial-curves'")


def test_bars_that_stand_alone_are_in_the_middle_of_their_place(tab, tmp_path, page):
    bars = {
        "kind": "bars", "id": "alone", "title": "Alone", "about": "", "panel": "data", "signals": [], "edges": [],
        "x": {"label": "x", "unit": "1", "scale": "linear"}, "y": {"label": "y", "unit": "1", "scale": "linear"},
        "categories": ["a", "b"],
        "series": [
            {"name": "one", "values": [1, None], "role": "train"}, {"name": "two", "values": [None, 1], "role": "val"},
        ],
    }  # fmt: skip
    shown = opened(tab, tmp_path, with_figures(page, bars), "#data")
    places = shown.evaluate(
        "[...document.querySelectorAll('#figure-alone .chart rect.bar')]"
        ".map((one) => Number(one.getAttribute('x')) + Number(one.getAttribute('width')) / 2)"
    )
    width = shown.evaluate("Number(document.querySelector('#figure-alone .chart').getAttribute('width'))") - 70
    assert places == pytest.approx([58 + width / 4, 58 + 3 * width / 4], abs=2)


def test_a_page_with_all_of_them_is_small(page):
    assert len(html.document(page)) < 2_000_000
