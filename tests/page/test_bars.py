"""Bars by category and of histograms."""

import pytest
from drawn import HOSTILE, base, opened, table_of

from netvet.report.figures.spec import axis


def bars(*series, categories=(), edges=(), name="counts", log=False, **more):
    made = [{"name": one, "values": values, "role": role} for one, values, role in series]
    both = {"x": axis("class", log=log), "y": axis("samples")}
    return base(name, kind="bars", categories=list(categories), edges=list(edges), series=made, **both, **more)


def heights(page, name="counts", side="height"):
    return [float(one.get_attribute(side)) for one in page.locator(f"#figure-{name} svg.chart rect.bar").all()]


def test_heights_are_as_the_values(tab, tmp_path):
    page = opened(tab, tmp_path, bars(("train", [10, 5, None, 2.5, 1, 1, 1], "train"), categories="abcdefg"))
    found = heights(page)
    assert [one / found[0] for one in found] == pytest.approx([1, 0.5, 0.25, 0.1, 0.1, 0.1], rel=1e-3)
    assert page.locator("#figure-counts svg.chart text", has_text="samples").count() == 1


def test_long_names_stand_beside_their_bars_with_the_number(tab, tmp_path):
    names = [f"a_rather_long_name_of_category_{number}" for number in range(12)]
    page = opened(tab, tmp_path, bars(("share", list(range(1, 13)), "other"), categories=names))
    found = heights(page, side="width")
    assert [one / found[0] for one in found] == pytest.approx(range(1, 13), rel=1e-3)
    assert page.locator("#figure-counts text.number").all_text_contents() == [str(n) for n in range(1, 13)]


def test_a_few_bars_of_one_series_lie_with_their_numbers(tab, tmp_path):
    page = opened(tab, tmp_path, bars(("value", [0.73, 0.01], "other"), categories=["measured", "limit"]))
    assert page.locator("#figure-counts text.number").all_text_contents() == ["0.73", "0.01"]


def test_bars_of_a_histogram_are_as_wide_as_their_edges(tab, tmp_path):
    figures = [
        bars(("now", [1, 2, 3], "train"), edges=[0, 1, 3, 7]),
        bars(("now", [1, 2, 3], "train"), edges=[1, 10, 1000, 10_000], log=True, name="log"),
    ]
    page = opened(tab, tmp_path, *figures)
    widths = [one + 1 for one in heights(page, side="width")]
    assert [one / widths[0] for one in widths] == pytest.approx([1, 2, 4], rel=1e-2)
    widths = [one + 1 for one in heights(page, "log", side="width")]
    assert [one / widths[0] for one in widths] == pytest.approx([1, 2, 1], rel=1e-2)


def test_series_of_one_role_are_told_apart_by_hatching(tab, tmp_path):
    page = opened(tab, tmp_path, bars(("a", [1], "other"), ("b", [2], "other"), categories=["x"]))
    assert page.locator("#figure-counts svg.chart rect[fill^='url(']").count() == 1
    assert page.locator("#figure-counts .bars-legend span").all_inner_texts() == [" a", " b"]


def test_names_are_text_and_the_table_has_the_numbers(tab, tmp_path):
    page = opened(tab, tmp_path, bars((HOSTILE, [1, None], "train"), ("b", [2, 3], "val"), categories=[HOSTILE, "y"]))
    assert table_of(page, "counts") == [["class", HOSTILE, "b"], [HOSTILE, "1", "2"], ["y", "\u2013", "3"]]
    assert page.locator("#figure-counts img").count() == 0


def test_negative_values_hang_down(tab, tmp_path):
    page = opened(tab, tmp_path, bars(("change", [4, -2, *[None] * 5], "other"), categories="abcdefg"))
    up, down = page.locator("#figure-counts svg.chart rect.bar").all()
    assert float(down.get_attribute("y")) == pytest.approx(
        float(up.get_attribute("y")) + float(up.get_attribute("height")), abs=0.6
    )


def test_without_numbers_it_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, bars(("train", [None], "train"), categories=["a"]))
    assert page.locator("#figure-counts .nothing").inner_text() == "There is no number to draw yet."
