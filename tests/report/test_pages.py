from __future__ import annotations

import io

import pytest

from netvet.report import pages
from tests.report.samples import CHECKS, double_softmax, loss_plateau, lr_too_high


def test_a_page_holds_the_docstring_and_what_the_declaration_says() -> None:
    page = pages.page(lr_too_high)
    assert page.startswith("# lr-too-high\n\nA learning rate at which the loss jumps.")
    assert "- Reads: `lr`." in page
    assert "- Settings in `[tool.netvet.checks.lr-too-high]`: `limit = 0.1`." in page
    assert "- Change to try (lower-lr): Divide the learning rate by ten." in page
    assert "Explained by: double-softmax, lr-too-high" in pages.page(loss_plateau)


def test_the_index_lists_every_check_under_its_stage() -> None:
    lines = pages.index(CHECKS).splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [
        "small-batches",
        "double-softmax",
        "lr-too-high",
        "loss-plateau",
        "small-gradients",
        "dead-relu",
    ]
    assert [line.partition(":")[0] for line in lines if line and line[0] != " "] == ["data", "skeleton", "fit"]


def test_an_empty_table_says_so() -> None:
    assert pages.index(()) == "no checks\n"


def test_a_page_is_rendered_only_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    pipe = io.StringIO()
    pages.show_page(double_softmax, pipe)
    assert pipe.getvalue() == pages.page(double_softmax)
    monkeypatch.setenv("FORCE_COLOR", "1")
    forced = io.StringIO()
    pages.show_page(double_softmax, forced)
    assert "\x1b[" in forced.getvalue()
    assert "## " not in forced.getvalue()


def test_doctests_are_blocks_of_code_in_a_terminal() -> None:
    page = "## Example\n>>> x = f(\n...     1)\n>>> x\n2\n\nText."
    assert pages._fenced(page) == "## Example\n```python\n>>> x = f(\n...     1)\n>>> x\n2\n```\n\nText."
