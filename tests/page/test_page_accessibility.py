"""The page for people who do not see it, or use no mouse: axe-core finds nothing, and the order is right."""

from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe

from netvet.core import Facts
from tests.page.conftest import until
from tests.page.made import figure, opened, page_of, with_figures
from tests.report.samples import signals, softmax_signals

PAGES = {
    "sick": lambda: page_of(softmax_signals()),
    "healthy": lambda: page_of(signals(environment=Facts.of({"seed": 7}))),
    "panels": lambda: with_figures(
        page_of(softmax_signals()), figure("loss", "training", "a", "b"), figure("norm", "layers", "c")
    ),
}


def violations(page):
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(tab, tmp_path, name, colours):
    page = opened(tab, tmp_path, PAGES[name]())
    page.get_by_label("Colours").select_option(colours)
    assert violations(page) == []
    page.evaluate("netvet.page.go('#training')")
    until(page, "document.querySelector('#panel-training canvas') !== null")
    page.locator("#panel-training .as-table summary").first.click()
    assert violations(page) == []
    page.keyboard.press("?")
    assert violations(page) == []


def test_headings_come_in_order(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(softmax_signals()))
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(e => Number(e.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_first_stop_of_the_tab_key_skips_to_the_content(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(softmax_signals()))
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    assert link.evaluate("e => e === document.activeElement && e.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_everything_that_can_be_used_can_be_reached_and_is_seen_then(tab, tmp_path):
    page = opened(tab, tmp_path, page_of(softmax_signals()))
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(e => e.textContent || e.getAttribute('aria-label') || e.tagName)(document.activeElement)"
        )
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert ring != "none", name
        seen.add(name)
    wanted = {"Copy", "Home", "Double softmax: against its limit", "?"}
    assert wanted <= seen
