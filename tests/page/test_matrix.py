"""Matrices: numbers in coloured cells, the diagonal framed, large ones cut to what matters."""

import numpy as np
from drawn import HOSTILE, base, opened, table_of


def matrix(values, names=None, **more):
    names = names or [f"class {number}" for number in range(len(values))]
    parts = {"row_axis": "label", "column_axis": "prediction", "unit": "samples", "diagonal": True} | more
    return base("confusion", kind="matrix", rows=names, columns=names, values=values, **parts)


def cells(page):
    return page.locator("#figure-confusion table.matrix tbody td")


def contrast(one):
    script = """one => {
        const light = text => text.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
        const style = getComputedStyle(one);
        const [a, b] = [light(style.color), light(style.backgroundColor)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }"""
    return one.evaluate(script)


def test_cells_have_numbers_the_diagonal_a_frame_and_axes_names(tab, tmp_path):
    page = opened(tab, tmp_path, matrix([[90, 10], [None, 40_000]]))
    assert cells(page).all_inner_texts() == ["90", "10", "\u2013", "40k"]
    assert page.locator("#figure-confusion td.right").all_inner_texts() == ["90", "40k"]
    head = page.locator("#figure-confusion table.matrix thead").inner_text()
    assert "label \u2193" in head
    assert "prediction \u2192" in head
    assert "of 40,100 on the diagonal" in page.locator("#figure-confusion .drawing").get_attribute("aria-label")


def test_numbers_are_read_on_every_colour_in_both_themes(tab, tmp_path):
    values = [[float(row * 10 + column - 50) for column in range(10)] for row in range(10)]
    page = opened(tab, tmp_path, matrix(values, diagonal=False))
    light = cells(page).first.evaluate("one => one.style.background")
    assert min(contrast(one) for one in cells(page).all()) >= 4.5
    page.emulate_media(color_scheme="dark")
    while cells(page).first.evaluate("one => one.style.background") == light:
        page.wait_for_timeout(20)
    assert min(contrast(one) for one in cells(page).all()) >= 4.5


def test_of_a_large_one_the_classes_with_most_mistakes_are_shown_and_it_scrolls(tab, tmp_path):
    values = np.eye(150) * 50
    values[7, 140] = values[99, 3] = 9
    page = opened(tab, tmp_path, matrix(values.tolist()))
    rows = page.locator("#figure-confusion tbody th").all_inner_texts()
    assert len(rows) == 40
    assert {"class 7", "class 140", "class 99", "class 3"} <= set(rows)
    assert "Shown: the 40 of 150 rows" in page.locator("#figure-confusion .drawing").inner_text()
    box = page.locator("#figure-confusion .matrix-box")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth && box.scrollHeight > box.clientHeight")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_are_text_and_the_table_has_the_numbers(tab, tmp_path):
    page = opened(tab, tmp_path, matrix([[1.5, 2], [3, None]], [HOSTILE, "b"]))
    assert page.locator("#figure-confusion img").count() == 0
    table = table_of(page, "confusion")
    assert table == [["label \\ prediction", HOSTILE, "b"], [HOSTILE, "1.5", "2"], ["b", "3", "\u2013"]]


def test_without_classes_it_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, matrix([]))
    assert page.locator("#figure-confusion .nothing").inner_text() == "There is no number to draw yet."
