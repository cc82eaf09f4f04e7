"""Run netvet on a sick program of each check, and keep a picture of its verdict for docs/gallery.md.

`python -m tools.make_gallery [NAMES ...]`, of checks; without names all. The runs lie under build/gallery/ by the text
of their program and are not made again as long as that stays the same (delete the folder to make them again), so that
it can be broken off and called again; pages and pictures are always made anew. It needs Chromium (`make browser`) and
takes about half an hour on two cores.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.scoring import Header, read_header
from netvet.checks import NAMES, all_checks
from tests.program import call
from tools.generate_docs import DOCS, ROOT, STAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = DOCS / "gallery"
PAGE = DOCS / "gallery.md"
RUNS = ROOT / "build" / "gallery"
# Programs at a time: each computes with one thread, and a third would slow down both.
WORKERS = 2
WIDTH, HEIGHT = 1280, 900
COLOURS = 64
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update")  # fmt: skip
HEAD = """\
# Gallery

What netvet says of a program with each fault that it knows: the first thing that one sees on the page of the run
(`netvet report -o page.html`). Each program is an ordinary training script of `tests/sick/` with exactly one fault.
{count} of {all} checks have one; the others are symptoms, which fold under a cause.

Made from real runs by `python -m tools.make_gallery`.
"""


@dataclass(frozen=True, slots=True)
class Sick:
    """The program of the tests that shows what a check finds."""

    check: str
    path: Path
    header: Header

    @property
    def text(self) -> str:
        """The program, without the mark at the line to blame."""
        return re.sub(r" +# fault$", "", self.path.read_text(), flags=re.MULTILINE)

    @property
    def folder(self) -> Path:
        """Where it is run: another text of the program, another folder."""
        digest = sha256(self.text.encode()).hexdigest()[:12]
        return RUNS / f"{self.path.stem}-{digest}"

    @property
    def command(self) -> str:
        """What a person would type."""
        words = [word for word in self.header.command if word != "--quiet"]
        return " ".join(["netvet", *words, *([] if self.header.audits else [self.path.name])])


def programs() -> dict[str, Sick]:
    """One sick program for each check that has some, by check: the one of the same name, else the first."""
    found: dict[str, Sick] = {}
    for path in sorted((ROOT / "tests" / "sick").glob("*.py")):
        header = read_header(path.read_text())
        if header.expect not in found or path.stem == header.expect.replace("-", "_"):
            found[header.expect] = Sick(header.expect, path, header)
    return {name: found[name] for name in NAMES if name in found}


def page_of(sick: Sick) -> Path:
    """The page of the run of a program, which is run where it was not yet."""
    folder, done = sick.folder, sick.folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        program = folder / sick.path.name
        program.write_text(sick.text)
        if sick.header.audits:
            call([program.name], folder, 2)
        call(["-m", "netvet", *sick.header.arguments(program.name, "report.json")], folder, 2)
        done.touch()
    page = folder / "page.html"
    page.unlink(missing_ok=True)
    _, err = call(["-m", "netvet", "report", "-o", page.name], folder, 2)
    if not page.exists():
        raise RuntimeError(f"{sick.check}: no page: {err[-500:]}")
    return page


def taken(tab: Page, page: Path, target: Path) -> dict[str, str]:
    """Take the picture of the verdict, and give its words: `said`, `shown`."""
    visit(tab, page.as_uri())
    card = tab.locator(".card.verdict").first
    raw = target.with_suffix(".raw")
    card.screenshot(path=raw, type="png")
    quantised(raw, target)
    raw.unlink()
    texts = {
        "named": ".about .check",
        "said": ".told dd p, .noticed li span:not(.mark)",
        "shown": ".proof-figure figcaption",
    }
    return {name: _text(card.locator(css).first.text_content() if card.locator(css).count() else "")
            for name, css in texts.items()}  # fmt: skip


def quantised(raw: Path, target: Path, colours: int = COLOURS) -> None:
    """A picture of few colours, which a page of the documentation loads fast."""
    from PIL import Image

    with Image.open(raw) as picture:
        few = picture.convert("RGB").quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(target, format="PNG", optimize=True)


def _text(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()


def gallery(words: dict[str, dict[str, str]]) -> str:
    """The page, by stage."""
    sick, checks = programs(), all_checks()
    lines = [HEAD.format(count=len(sick), all=len(checks))]
    for stage, title in STAGES.items():
        lines += [f"## {title}", ""]
        for check in checks:
            if check.stage == stage and check.name in words:
                lines += [*_entry(sick[check.name], words[check.name]), ""]
    return "\n".join(lines)


def _entry(sick: Sick, words: dict[str, str]) -> Iterator[str]:
    other = f" (the verdict: {words['named']})" if words["named"] else " (a note, no verdict)"
    named, said = "" if words["named"] == sick.check else other, words["said"].removeprefix(f"{sick.check}: ")
    yield f"### [{sick.check}](checks/{sick.check}.md)"
    yield ""
    yield f"`{sick.command}`{named}: {escaped(said)}"
    yield ""
    yield f"![The verdict {sick.check}. {alternative(words['shown'])}](gallery/{sick.check}.png)"


def alternative(shown: str) -> str:
    """What a picture is of, in words."""
    return escaped(shown[:1].upper() + shown[1:] + "." if shown else "No figure.")


def escaped(text: str) -> str:
    """Text that Markdown takes as it is."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)


def shown(some: Sequence[Sick], tab: Page) -> None:
    """Run programs, and take a picture of each as soon as it is there."""
    from playwright.sync_api import Error

    with ThreadPoolExecutor(WORKERS) as pool:
        futures = {pool.submit(page_of, one): one for one in some}
        for number, future in enumerate(as_completed(futures), 1):
            one = futures[future]
            try:
                words = taken(tab, future.result(), PICTURES / f"{one.check}.png")
            except (RuntimeError, TimeoutError, Error) as error:
                sys.stdout.write(f"{number:3} {one.check}: {error}\n")
                continue
            (one.folder / "words.json").write_text(json.dumps(words))
            sys.stdout.write(f"{number:3} {one.check}: {words['named']}; {words['shown']}\n")
            sys.stdout.flush()


@contextmanager
def opened(dark: bool = False, width: int = WIDTH) -> Iterator[Page]:
    """A tab of a browser."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("NETVET_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme="dark" if dark else "light")
        browser.close()


def visit(tab: Page, address: str) -> None:
    """Go to a page of netvet and wait until all is drawn."""
    tab.goto(address)
    while not tab.evaluate("window.netvetReady === true"):
        tab.wait_for_timeout(20)
    tab.wait_for_timeout(300)  # what is drawn when it comes into view


def main(asked: Sequence[str]) -> None:
    """Make the pictures of these checks, or of all, and the page of all that are there."""
    PICTURES.mkdir(exist_ok=True)
    sick = programs()
    if unknown := [name for name in asked if name not in sick]:
        sys.exit(f"no sick program for: {', '.join(unknown)}")
    with opened() as tab:
        shown([sick[name] for name in asked or sick], tab)
    kept = {name: one.folder / "words.json" for name, one in sick.items()}
    PAGE.write_text(gallery({name: json.loads(file.read_text()) for name, file in kept.items() if file.exists()}))


if __name__ == "__main__":
    main(sys.argv[1:])
