"""What stands where on the site, and what becomes of links that lead out of docs/."""

from tools.make_site import BESIDE, DOCS, contents, inward, outward, pages


def targets(nav):
    for entry in nav if isinstance(nav, list) else nav.values():
        if isinstance(entry, str):
            yield entry
        else:
            yield from targets(entry)


def test_every_page_stands_in_a_list_of_the_home_page_once():
    listed = list(targets(contents((DOCS / "index.md").read_text(encoding="utf-8"))))
    missing = set(pages()) - set(listed)
    assert not missing, f"add a line to docs/index.md for: {', '.join(sorted(missing))}"
    assert set(listed) <= set(pages())
    assert len(listed) == len(set(listed)), "a page stands in two lists"


def test_headings_are_sections_and_lists_are_pages():
    index = "# Home\n\nA [link](x.md).\n\n## One\n\n- [A](a.md): text\n- [R](../README.md)\n\n## Two\n\n- [B](b.md)\n"
    assert contents(index) == [
        {"Home": "index.md"},
        {"One": [{"A": "a.md"}, {"R": "start.md"}]},
        {"Two": [{"B": "b.md"}]},
    ]


def test_a_list_of_checks_has_its_own_pages_below_it():
    ((_, section),) = contents("# Home\n## One\n- [Checks](checks/index.md)\n")[1].items()
    first, *stages = section[0]["Checks"]
    assert first == "checks/index.md"
    assert {"double-softmax": "checks/double-softmax.md"} in stages[1]["A training and evaluation loop you can trust"]


def test_links_to_what_lies_beside_docs_lead_to_its_page():
    assert (
        outward("[a](../README.md#measured) [b](../../CONTRIBUTING.md)")
        == "[a](start.md#measured) [b](../contributing.md)"
    )
    assert outward("[a](../signals.md) `../README`") == "[a](../signals.md) `../README`"


def test_links_of_what_lies_beside_docs_lead_into_the_site():
    text = "[a](docs/fix.md#how) ![b](docs/pictures/x.png) [c](CONTRIBUTING.md) see [LICENSE](LICENSE) [d](#here) [e](https://x.y/z)"
    told = "[a](fix.md#how) ![b](pictures/x.png) [c](contributing.md) see LICENSE [d](#here) [e](https://x.y/z)"
    assert inward(text) == told


def test_what_lies_beside_docs_has_a_title():
    assert {pages()[page].partition("\n")[0] for page in BESIDE.values()} == {
        "# Start",
        "# Contributing",
        "# Changelog",
    }
