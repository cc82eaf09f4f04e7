"""The generated pages are up to date, and every link leads somewhere."""

import doctest
import re

import pytest

from netvet.core import check
from tools.generate_docs import DOCS, ROOT, broken_links, check_page, pages, written_pages


def test_generated_pages_are_up_to_date():
    made = pages()
    folders = (DOCS / "checks", DOCS / "experiments", DOCS / "fixes")
    alone = {DOCS / name for name in ("signals.md", "symptoms.md", "measured.md")}
    written = alone | {page for folder in folders for page in folder.glob("*.md")}
    written |= set((DOCS / "schema").glob("*.json"))
    wrong = [p for p in made if p not in written or p.read_text(encoding="utf-8") != made[p]]
    wrong += [p for p in written if p not in made]
    assert not wrong, "run `make docs`; these pages differ: " + ", ".join(
        sorted(str(p.relative_to(ROOT)) for p in wrong)
    )


def test_every_link_leads_somewhere():
    broken = [link for page in written_pages() for link in broken_links(page)]
    assert not broken, "broken links:\n" + "\n".join(broken)


def test_a_broken_link_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("tools.generate_docs.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# Here\n[ok](#here) [gone](no.md) [no anchor](#there) `[code](x.md)`\n```\n[fenced](y.md)\n```\n")
    assert list(broken_links(page)) == ["page.md: no.md", "page.md: #there"]


def test_a_check_page_has_its_declaration_and_its_docstring():
    @check(stage="fit", kind="symptom", severity="warning", since="0.1", fixes={"lower-lr": "Use a lower rate."})
    def some_fault(grad_norm, loss=None, *, limit=0.3):
        """Something is wrong.

        ## Example

        >>> 1 + 1
        2
        """

    page = check_page(some_fault)
    assert page.startswith("# some-fault\n\nSomething is wrong.\n")
    assert "| fit | symptom | warning | 0.1 |" in page
    assert "[grad norm](../signals.md#grad_norm), [loss (if there)](../signals.md#loss)" in page
    assert "```pycon\n>>> 1 + 1\n2\n```" in page
    assert "[tool.netvet.checks.some-fault]\nlimit = 0.3" in page
    assert "- **[lower-lr](../fixes/lower-lr.md)**: Use a lower rate." in page


WRITTEN_BY_HAND = [page for page in written_pages() if page.parent == DOCS and ">>> " in page.read_text()]


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=lambda page: page.name)
def test_what_a_page_shows_of_python_is_what_python_says(page):
    text = "\n".join(re.findall(r"^```pycon\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert test.examples, f"{page.name}: `>>>` stands outside of a fence of pycon"
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).run(test, out=told.append)
    assert not told, "".join(told)
