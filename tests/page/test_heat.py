"""Heat maps: what stands out is seen, a cell shows its row, quantities can be switched."""

import numpy as np
import pytest
from drawn import HOSTILE, heated, opened, table_of

# The colours of a canvas: how many pixels are yellow (highest), purple (lowest), pink (not finite).
COUNTS = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const found = {yellow: 0, purple: 0, pink: 0, other: 0};
    for (let at = 0; at < data.length; at += 4) {
        const [r, g, b] = [data[at], data[at + 1], data[at + 2]];
        if (r > 240 && g > 220 && b < 60) found.yellow++;
        else if (r > 240 && g < 60 && b > 100) found.pink++;
        else if (r < 80 && g < 20 && b > 60) found.purple++;
        else found.other++;
    }
    return found;
}"""


def cells(page, name="norm"):
    return page.locator(f"#figure-{name} canvas.cells")


def settled(page, name="norm"):
    """Waits until the drawing is as wide as its frame."""
    width = page.locator(f"#figure-{name} .drawing").evaluate("box => box.clientWidth")
    page.locator(f"#figure-{name} svg.overlay[width='{width}']").wait_for()


def steady(rows=200, columns=10_000):
    """Values in the middle of the scale, with some noise."""
    return 10 ** np.random.default_rng(0).normal(0, 0.05, (rows, columns))


@pytest.mark.parametrize(("value", "colour"), [(1e3, "yellow"), (1e-3, "purple"), (np.inf, "pink")])
def test_a_spike_of_one_step_in_one_of_200_rows_is_seen(tab, tmp_path, value, colour):
    values = steady()
    values[137, 6543] = value
    page = opened(tab, tmp_path, heated("norm", values))
    for width in (1280, 1000, 390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        settled(page)
        counts = cells(page).evaluate(COUNTS)
        others = {"yellow", "purple", "pink"} - {colour}
        assert counts[colour] >= 2
        assert [counts[other] for other in others] == [0, 0]
        assert cells(page).evaluate("canvas => canvas.getContext('2d').imageSmoothingEnabled") is False


def test_the_picture_of_few_cells_has_their_colours(tab, tmp_path):
    page = opened(tab, tmp_path, heated("norm", np.array([[1e-3, 1e3], [1e3, np.nan]])))
    counts = cells(page).evaluate(COUNTS)
    total = sum(counts.values())
    assert counts["yellow"] == pytest.approx(total / 2, rel=0.02)
    assert counts["purple"] == pytest.approx(total / 4, rel=0.02)


def test_columns_are_as_wide_as_their_steps(tab, tmp_path):
    page = opened(tab, tmp_path, heated("norm", np.array([[1e-3, 1e3, 1e-3]]), columns=[0, 10, 90]))
    counts = cells(page).evaluate(COUNTS)
    assert counts["yellow"] / (counts["yellow"] + counts["purple"]) == pytest.approx(80 / 100, abs=0.01)


def test_a_click_on_a_cell_shows_its_series_and_histogram(tab, tmp_path):
    page = opened(tab, tmp_path, heated("norm", steady(5, 400)))
    box = cells(page).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.5)
    detail = page.locator("#figure-norm .row-detail")
    assert detail.locator("h4").inner_text() == "layer2"
    assert "layer2, optimizer steps 200: norm" in page.locator("#figure-norm .readout").inner_text()
    assert detail.locator(".uplot canvas").count() == 1
    assert detail.locator("rect.bar").count() > 3
    detail.get_by_role("button", name="Close").click()
    assert detail.is_hidden()


def test_the_keyboard_walks_over_the_cells_and_shows_a_row(tab, tmp_path):
    page = opened(tab, tmp_path, heated("norm", np.array([[1.0, 2.0], [4.0, 8.0]])))
    page.locator("#figure-norm .heat-plot").focus()
    for key in ("ArrowDown", "End"):
        page.keyboard.press(key)
    assert page.locator("#figure-norm .readout").inner_text().startswith("layer1, optimizer steps 1: norm \u2248 8")
    page.keyboard.press("Enter")
    assert page.locator("#figure-norm .row-detail h4").inner_text() == "layer1"
    page.keyboard.press("Escape")
    assert page.locator("#figure-norm .row-detail").is_hidden()


def test_quantities_of_one_family_are_switched_and_keep_the_row(tab, tmp_path):
    one, two = heated("norm", steady(4, 50), family="layers"), heated("ratio", steady(4, 50), family="layers")
    alone = heated("other", steady(4, 50))
    page = opened(tab, tmp_path, one, alone, hidden=[two])
    assert page.locator("#figure-ratio").is_hidden()
    page.locator("#figure-norm .heat-plot").focus()
    for key in ("ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.get_by_label("Quantity").select_option("ratio")
    assert page.locator("#figure-norm").is_hidden()
    assert page.locator("#figure-ratio .row-detail h4").inner_text() == "layer1"
    assert page.locator("#figure-other .row-detail").is_hidden()


def test_the_table_tells_the_extremes_of_each_row_and_where_they_are(tab, tmp_path):
    values = np.full((2, 100), 1.0)
    values[0, 40], values[0, 41], values[1, 7] = 1e3, np.inf, 1e-3
    page = opened(tab, tmp_path, heated("norm", values))
    head, first, second = table_of(page, "norm")
    assert head[0] == "row"
    assert first[0] == "layer0"
    assert first[4:6] == ["\u2265 1,000", "40"]
    assert first[-1] == "1"
    assert second[1:3] == ["\u2264 0.001", "7"]


def test_names_of_rows_are_text(tab, tmp_path):
    page = opened(tab, tmp_path, heated("norm", steady(2, 9), [HOSTILE, f"b{HOSTILE}"]))
    page.locator("#figure-norm .heat-plot").click()
    assert page.locator("#figure-norm img").count() == 0
    assert HOSTILE in page.locator("#figure-norm .row-detail h4").inner_text()
    assert HOSTILE in table_of(page, "norm")[1][0]


def test_without_columns_it_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, heated("norm", np.zeros((2, 0))))
    assert page.locator("#figure-norm .nothing").inner_text() == "No column has been recorded yet."


def test_a_map_that_grows_keeps_the_cursor_and_the_focus(tab, tmp_path):
    page = opened(tab, tmp_path, heated("norm", steady(3, 50)))
    grown = heated("norm", steady(3, 60))
    page.evaluate(
        """([first, next]) => {
            const box = document.body.appendChild(document.createElement("div"));
            box.id = "own";
            window.drawing = netvet.kinds.heat.draw(box, first, {marks: []});
            box.querySelector(".heat-plot").focus();
            window.grow = () => window.drawing.update(next);
        }""",
        [heated("norm", steady(3, 50)), grown],
    )
    page.keyboard.press("ArrowDown")
    page.evaluate("grow()")
    assert page.evaluate("document.activeElement.className") == "heat-plot"
    assert page.locator("#own .readout").inner_text().startswith("layer1, optimizer steps 0")
    page.keyboard.press("End")
    assert page.locator("#own .readout").inner_text().startswith("layer1, optimizer steps 59")
