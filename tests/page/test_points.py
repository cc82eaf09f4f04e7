"""Points: where they are, what they are called, by pointer and by keys."""

import pytest
from drawn import HOSTILE, base, opened, table_of

from netvet.report.figures.spec import axis


def points(*clouds, diagonal=False, log=False):
    made = [{"name": name, "x": x, "y": y, "names": names, "role": role} for name, x, y, names, role in clouds]
    return base("cloud", kind="points", x=axis("rate", log=log), y=axis("loss"), clouds=made, diagonal=diagonal)


def four(**more):
    return points(("trials", [1, 2, 3, 100], [1, 2, 3, 4], ["a", HOSTILE, "c", "d"], "other"), **more)


def test_arrow_keys_walk_over_the_points_and_name_them(tab, tmp_path):
    page = opened(tab, tmp_path, four())
    page.locator("#figure-cloud .points-plot").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#figure-cloud .readout").inner_text() == "a (trials): rate 1, loss 1"
    page.keyboard.press("ArrowRight")
    assert page.locator("#figure-cloud .readout").inner_text() == f"{HOSTILE} (trials): rate 2, loss 2"
    page.keyboard.press("End")
    assert page.locator("#figure-cloud .readout").inner_text() == "d (trials): rate 100, loss 4"
    assert page.locator("#figure-cloud img").count() == 0


def test_the_pointer_finds_the_nearest_point(tab, tmp_path):
    page = opened(tab, tmp_path, four())
    plot = page.locator("#figure-cloud .points-plot")
    plot.focus()
    page.keyboard.press("End")
    ring = page.locator("#figure-cloud .ring")
    place = [float(ring.get_attribute(name)) for name in ("cx", "cy")]
    page.keyboard.press("Home")
    plot.hover(position={"x": place[0] - 5, "y": place[1] + 5})
    assert page.locator("#figure-cloud .readout").inner_text().startswith("d (trials)")


@pytest.mark.parametrize("log", [False, True])
def test_points_are_at_their_values(tab, tmp_path, log):
    page = opened(tab, tmp_path, points(("t", [1, 10, 100], [1, 2, 3], ["", "", ""], "train"), log=log))
    page.locator("#figure-cloud .points-plot").focus()
    found = []
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        found.append(float(page.locator("#figure-cloud .ring").get_attribute("cx")))
    share = (found[1] - found[0]) / (found[2] - found[0])
    assert share == pytest.approx(0.5 if log else 9 / 99, abs=1e-3)


def test_groups_have_shapes_of_their_own(tab, tmp_path):
    page = opened(tab, tmp_path, points(("a", [1], [1], ["x"], "train"), ("b", [1], [1], ["x"], "train")))
    one, two = [path.get_attribute("d") for path in page.locator("#figure-cloud svg.chart .cloud").all()]
    assert one != two


def test_with_a_diagonal_both_axes_are_the_same(tab, tmp_path):
    page = opened(tab, tmp_path, points(("a", [0, 10], [2, 5], ["x", "y"], "train"), diagonal=True))
    line = page.locator("#figure-cloud .diagonal")
    x1, x2, y1, y2 = (float(line.get_attribute(name)) for name in ("x1", "x2", "y1", "y2"))
    assert x2 - x1 == pytest.approx(y1 - y2)


def test_the_table_has_the_points(tab, tmp_path):
    page = opened(tab, tmp_path, four())
    assert table_of(page, "cloud")[:3] == [
        ["group", "name", "rate", "loss"], ["trials", "a", "1", "1"], ["trials", HOSTILE, "2", "2"],
    ]  # fmt: skip


def test_without_points_it_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, points(("a", [], [], [], "train")))
    assert page.locator("#figure-cloud .nothing").inner_text() == "There is no point to draw yet."
