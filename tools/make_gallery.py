"""Run netvet on a sick program of each check, and keep a picture of its verdict for docs/gallery.md.

`python -m tools.make_gallery [NAMES ...]`, of checks; without names all. The runs lie under build/gallery/ by the text
of their program and are not made again as long as that stays the same (delete the folder to make them again), so that
it can be broken off and called again; pages and pictures are always made anew. It needs Chromium (`make browser`) and
takes about half an hour on two cores.
"""

from __future__ import annotations

import base64
import gzip
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
from typing import TYPE_CHECKING, Any

from benchmarks.scoring import Header, read_header
from netvet.checks import NAMES, all_checks
from tests.program import call
from tools.generate_docs import DOCS, ROOT, STAGES

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

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

Where the verdict has another name than the check, it is the cause that explains it; the picture of the check is
beneath.

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


def taken(tab: Page, page: Path, target: Path, sick: Sick) -> dict[str, str]:
    """Take the picture of the verdict, and give its words: `named`, `said`, `shown`.

    Where the verdict is another cause that is right too, the symptom is unfolded, and its own picture is beneath.

    Raises:
        RuntimeError: the verdict is none of those that the program allows.
    """
    visit(tab, page.as_uri())
    card = tab.locator(".card.verdict").first
    words = words_of(card)
    if words["named"] not in (*sick.header.expected, *([""] if sick.header.is_note else [])):
        verdict = words["named"] or "that nothing is wrong"
        raise RuntimeError(f"the verdict is {verdict}, not one of {', '.join(sick.header.expected)}")
    parts = [target.with_suffix(".raw")]
    if words["named"] not in ("", sick.check):
        unfold(card)
        shown = picture_of(page, sick.check)
        words["beneath"] = shown["title"] if shown else ""
        card.screenshot(path=parts[0], type="png")
        if shown:
            parts.append(target.with_suffix(".more"))
            visit(tab, f"{page.as_uri()}#{shown['panel']}/{shown['id']}")
            tab.locator(f"#figure-{shown['id']}").screenshot(path=parts[1], type="png")
            tab.goto("about:blank")  # else the next page is one that only its address tells from this one
    else:
        card.screenshot(path=parts[0], type="png")
    quantised(parts, target)
    for part in parts:
        part.unlink()
    return words


def unfold(card: Locator) -> None:
    """Show the symptoms that a cause explains."""
    symptoms = card.locator("details[data-key^=symptoms-] > summary")
    if symptoms.count():
        symptoms.first.click()


def picture_of(page: Path, check: str) -> dict[str, Any] | None:
    """The figure that shows the proof of a check, where it is on the page."""
    packed = re.search(r'id="netvet-page"[^>]*>([^<]+)<', page.read_text())
    if packed is None:
        raise RuntimeError(f"{page}: no page of netvet")
    view = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    ids = view["pictures"].get(check, ())
    return next((one for one in view["figures"] if ids and one["id"] == ids[0]), None)


def words_of(card: Locator) -> dict[str, str]:
    """The words of a verdict."""
    texts = {
        "named": ".about .check",
        "said": ".told dd p, .noticed li span:not(.mark)",
        "shown": ".proof-figure figcaption",
    }
    return {name: _text(card.locator(css).first.text_content() if card.locator(css).count() else "")
            for name, css in texts.items()}  # fmt: skip


def quantised(raw: Sequence[Path], target: Path, colours: int = COLOURS) -> None:
    """Pictures below each other as one of few colours, which a page of the documentation loads fast."""
    from PIL import Image

    parts = [Image.open(one).convert("RGB") for one in raw]
    whole = Image.new("RGB", (max(one.width for one in parts), sum(one.height for one in parts)), "white")
    for number, one in enumerate(parts):
        whole.paste(one, (0, sum(before.height for before in parts[:number])))
    few = whole.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
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
    other = f" (the verdict, which explains it: {words['named']})" if words["named"] else " (a note, no verdict)"
    named, said = "" if words["named"] == sick.check else other, words["said"].removeprefix(f"{sick.check}: ")
    yield f"### [{sick.check}](checks/{sick.check}.md)"
    yield ""
    yield f"`{sick.command}`{named}: {escaped(said)}"
    yield ""
    beneath = f" Beneath: {escaped(words['beneath'])}." if words.get("beneath") else ""
    yield f"![The verdict {sick.check}. {alternative(words['shown'])}{beneath}](gallery/{sick.check}.png)"


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
                words = taken(tab, future.result(), PICTURES / f"{one.check}.png", one)
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
