"""Figures of one family on the panels of a page."""

import numpy as np
from drawn import heated, opened


def test_an_address_chooses_the_quantity_and_the_filter_finds_hidden_ones(tab, tmp_path):
    maps = [heated(name, np.ones((2, 9)), [f"{name}.a", f"{name}.b"], family="layers") for name in ("norm", "ratio")]
    page = opened(tab, tmp_path, maps[0], hidden=maps[1:])
    page.evaluate("netvet.page.go('#training/ratio')")
    page.locator("#figure-ratio .heat-plot").wait_for()
    assert page.locator("#figure-norm").is_hidden()
    assert page.get_by_label("Quantity").input_value() == "ratio"
    words = page.get_by_label("Filter figures by title and layer")
    words.fill("nothing")
    assert page.locator("#figure-ratio").is_hidden()
    words.fill("norm.b")
    assert page.locator("#figure-ratio").is_visible()
