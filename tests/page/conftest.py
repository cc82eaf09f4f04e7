"""A real browser for the tests of pages."""

import os
import shutil
from time import monotonic, sleep

import pytest
from playwright.sync_api import sync_playwright

# Nothing of the browser's own goes out, and a container needs no sandbox.
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium; `make test` installs it."""
    path = os.environ.get("NETVET_CHROMIUM") or shutil.which("chromium")
    assert path, "the tests of pages need Chromium: `make browser`, or NETVET_CHROMIUM=/path/to/chromium"
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


def until(page, expression, seconds=60):
    """Wait until something holds in a page, asking from here: the policy of our pages lets no text be run there."""
    end = monotonic() + seconds
    while not page.evaluate(expression):
        assert monotonic() < end, f"after {seconds} s it does not hold that {expression}"
        sleep(0.02)


class Tab:
    """A page of the browser, and all that went wrong in it."""

    def __init__(self, page):
        self.page, self.wrong, self.requests = page, [], []
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, address):
        """Go there and wait until all is drawn."""
        self.page.goto(str(address))
        until(self.page, "window.netvetReady === true")
        return self.page


@pytest.fixture
def tab(chromium):
    """A new tab, 1280 x 900; at the end nothing may have gone wrong in it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)  # these machines may be busy
    made = Tab(context.new_page())
    yield made
    context.close()
    assert not made.wrong
