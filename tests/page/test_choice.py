"""Figures of one kind of which one is shown at a time: a choice of the tensor, and the way there from a heat map."""

import numpy as np
import pytest

from netvet.core import Facts
from netvet.report.figures.distributions import distributions
from netvet.report.figures.spec import axis, heat
from netvet.testing import PlainSignals
from tests.page.conftest import until
from tests.page.made import opened, page_of, with_figures
from tests.report.figures.test_figures_samples import histogram
from tests.report.samples import softmax_signals

NAMES = ("fc.weight", "out.weight")


@pytest.fixture
def page(tab, tmp_path):
    source = PlainSignals({"histograms": Facts([histogram(name=name) for name in NAMES])})
    (choice,) = distributions(source, "weights")
    base = {"id": "norms", "title": "Norms", "about": "", "signals": [], "panel": "layers"}
    scale = {"label": "norm", "unit": "1", "scale": "linear", "low": 0.0, "high": 1.0}
    rows = [*NAMES, "no.weight"]
    norms = heat(base, rows, [0, 1, 2], np.full((3, 3), 0.5), scale, family="norms", x=axis("steps", "steps"))
    figures = norms, dict(choice) | {"panel": "layers"}
    return opened(tab, tmp_path, with_figures(page_of(softmax_signals()), *figures), "#layers/distribution-weights")


def test_one_tensor_is_shown_and_another_can_be_chosen(page):
    select = page.locator("#figure-distribution-weights select")
    assert select.locator("option").all_text_contents() == list(NAMES)
    assert page.locator("#figure-distribution-weights canvas.cells").count() == 1
    select.select_option("out.weight")
    assert page.locator("#figure-distribution-weights canvas.cells").count() == 1
    drawing = page.locator("#figure-distribution-weights .drawing").first
    assert "shown: out.weight" in drawing.get_attribute("aria-label")


def test_a_row_of_a_heat_map_leads_to_its_distribution(page):
    plot = page.locator("#figure-norms .heat-plot")
    plot.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    link = page.locator("#figure-norms .row-detail a")
    assert link.text_content() == "Distribution of the weights"
    link.click()
    until(page, "document.activeElement.id === 'figure-distribution-weights'")
    assert page.locator("#figure-distribution-weights select").input_value() == "out.weight"


def test_a_row_without_distribution_has_no_link(page):
    page.locator("#figure-norms .heat-plot").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert page.locator("#figure-norms .row-detail h4").text_content() == "no.weight"
    assert page.locator("#figure-norms .row-detail a").count() == 0
