"""The site, as it is built: strict, whole, and sufficient unto itself."""

import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import sync_playwright

from tools import make_site

# What browsers load by themselves, as against links that are followed.
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """The anchors of a page, and what it leads to and loads."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loaded = {""}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.anchors |= {told[key] for key in ("id", "name") if told.get(key)}
        for key in ("href", "src"):
            if told.get(key):
                self.links.append(told[key])
                if (tag, key) in LOADED and told.get("rel") not in ("canonical", "next", "prev"):
                    self.loaded.append(told[key])


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    build = tmp_path_factory.mktemp("build")
    assert make_site.main(build) == 0
    return build / "site"


@pytest.fixture(scope="session")
def built(site):
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}


def test_every_page_is_built(site):
    missing = [page for page in make_site.pages() if not (site / page).with_suffix(".html").exists()]
    assert not missing


def test_every_link_of_the_built_pages_leads_somewhere(built):
    dead = []
    for path, page in built.items():
        for link in page.links:
            to = urlsplit(link)
            if to.scheme or to.netloc:
                continue
            goal = (path.parent / unquote(to.path)).resolve() if to.path else path
            known = built[goal].anchors if goal in built else {to.fragment}
            if not goal.exists() or unquote(to.fragment) not in known:
                dead.append(f"{path.name}: {link}")
    assert not dead


def test_nothing_is_loaded_from_elsewhere(built, site):
    foreign = {link for page in built.values() for link in page.loaded if urlsplit(link).scheme or link.startswith("//")}
    assert not foreign
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", styles)


def test_what_is_wrong_fails_the_build(tmp_path, monkeypatch, capfd):
    real = make_site.pages()
    faults = {
        "faq.md": "# Questions\n\n[page](gone.md) [anchor](index.md#nowhere)\n",
        "stray.md": "# A page that no list names\n",
    }
    monkeypatch.setattr(make_site, "pages", lambda: {**real, **faults})
    assert make_site.main(tmp_path) == 1
    told = capfd.readouterr().err
    assert "gone.md" in told
    assert "#nowhere" in told
    assert "stray.md" in told


@pytest.fixture(scope="session")
def browser():
    path = os.environ.get("NETVET_CHROMIUM") or shutil.which("chromium")
    assert path, "the tests of pages need Chromium: `make browser`, or NETVET_CHROMIUM=/path/to/chromium"
    with sync_playwright() as started:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = started.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def tab(browser):
    """Open a page of the site from its file; at the end nothing may have gone wrong in it, or been asked of elsewhere."""
    wrong, contexts = [], []

    def open_page(path: Path, **options):
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(60_000)
        page = contexts[-1].new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if asked.url.startswith("http") else None)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def test_the_search_finds_a_symptom_without_a_server(site, tab):
    page = tab(site / "index.html")
    page.locator("input.md-search__input").click()
    page.keyboard.type("loss is nan")
    page.locator(".md-search-result__link[href*='symptoms.html']").first.wait_for()


def test_colours_follow_the_system(site, tab):
    for scheme, name in (("light", "default"), ("dark", "slate")):
        page = tab(site / "index.html", color_scheme=scheme)
        page.locator(f"body[data-md-color-scheme={name}]").wait_for()


@pytest.mark.parametrize("name", ["index", "start", "symptoms", "checks/index", "fixes/index", "faq"])
def test_a_phone_needs_not_scroll_sideways(site, tab, name):
    page = tab(site / f"{name}.html", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
