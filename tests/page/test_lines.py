"""Curves: smoothed and raw, logarithmic, zoomed, hidden; what is no number is marked."""

from itertools import pairwise

import numpy as np
import pytest
from drawn import HOSTILE, base, opened, table_of

from netvet.report.figures.spec import axis, numbers, steps_axis

PIXELS = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, Math.round(canvas.height * 0.12));
    let found = 0;
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] > 200 && data[at] > 150 && data[at + 1] < 90 && data[at + 2] < 90) found++;
    }
    return found;
}"""


def curve(name, values, role="train", **more):
    return {"name": name, "x": list(range(len(values))), "y": numbers(values), "role": role, "style": "line"} | more


def lines(*curves, name="loss", unit="loss", **more):
    return base(name, kind="lines", x=steps_axis(), y=axis("loss", unit), curves=list(curves), marks=[]) | more


def noisy(count=200):
    return np.exp(-np.arange(count) / 50) + np.random.default_rng(0).random(count) * 0.2 + 0.01


def values_shown(page):
    return page.locator("#figure-loss .curves-legend .value").all_inner_texts()


def test_smoothing_and_the_logarithm_are_states_that_can_be_read(tab, tmp_path):
    page = opened(tab, tmp_path, lines(curve("train", noisy())))
    for name in ("Smooth", "Log y"):
        button = page.locator("#figure-loss").get_by_role("button", name=name)
        assert button.get_attribute("aria-pressed") == "false"
        before = page.locator("#figure-loss canvas").evaluate("canvas => canvas.toDataURL()")
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert page.locator("#figure-loss canvas").evaluate("canvas => canvas.toDataURL()") != before
        assert page.evaluate("document.activeElement.textContent") == name


@pytest.mark.parametrize("span", [1, 5, 12])
def test_the_mean_around_each_value_is_that_of_numpy(tab, tmp_path, span):
    page = opened(tab, tmp_path, lines(curve("train", noisy())))
    values = noisy(50)
    values[7] = np.nan
    found = page.evaluate("([values, span]) => netvet.smoothed(values, span)", [numbers(values), span])
    assert found[7] is None
    for at in (0, 1, 6, 20, 49):
        half = min(span // 2, at, 49 - at)
        assert found[at] == pytest.approx(np.nanmean(values[at - half : at + half + 1]), rel=1e-5)


def test_a_value_that_is_no_number_is_marked_at_the_top_edge_and_in_words(tab, tmp_path):
    values = noisy()
    values[100] = np.nan
    page = opened(tab, tmp_path, lines(curve("train", noisy()), name="clean"), lines(curve("train", values)))
    assert page.locator("#figure-clean canvas").evaluate(PIXELS) == 0
    assert page.locator("#figure-loss canvas").evaluate(PIXELS) > 5
    assert "no finite number (1 place)" in page.locator("#figure-loss .plot-note").inner_text()
    assert page.locator("#figure-clean .plot-note").inner_text() == ""
    assert "1 times no finite number" in page.locator("#figure-loss .drawing").get_attribute("aria-label")


def test_values_that_have_no_logarithm_are_told(tab, tmp_path):
    page = opened(tab, tmp_path, lines(curve("train", [1.0, 0.0, -1.0, 2.0])))
    page.locator("#figure-loss").get_by_role("button", name="Log y").click()
    assert "at or below 0, which has no logarithm (2 places)" in page.locator("#figure-loss .plot-note").inner_text()
    page.locator("#figure-loss .plot").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert values_shown(page) == ["0"]


def test_values_far_below_what_a_float_tells_from_1_are_drawn(tab, tmp_path):
    values = [10.0**-power for power in range(40)]
    page = opened(tab, tmp_path, lines(curve("train", values), y=axis("learning rate", log=True)))
    assert page.locator("#figure-loss canvas").evaluate("canvas => canvas.clientHeight") > 200


def test_a_curve_without_a_logarithm_is_drawn_on_a_linear_axis(tab, tmp_path):
    figure = lines(curve("train", [0.0, 0.0, -1.0]), y=axis("norm", log=True))
    page = opened(tab, tmp_path, figure)
    assert page.locator("#figure-loss").get_by_role("button", name="Log y").count() == 0
    assert page.locator("#figure-loss .plot-note").inner_text() == ""


def test_dragging_looks_closer_and_a_double_click_shows_all(tab, tmp_path):
    page = opened(tab, tmp_path, lines(curve("train", noisy())))
    box = page.locator("#figure-loss .u-over").bounding_box()
    reset = page.locator("#figure-loss").get_by_role("button", name="Show all steps")
    for back in ("double click", "button"):
        assert reset.is_hidden()
        page.mouse.move(box["x"] + 200, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 400, box["y"] + 60, steps=4)
        page.mouse.up()
        reset.wait_for()
        if back == "button":
            reset.click()
        else:
            page.mouse.dblclick(box["x"] + 300, box["y"] + 50)
        reset.wait_for(state="hidden")


def test_arrow_keys_tell_the_values_and_an_evaluation_holds_until_the_next(tab, tmp_path):
    val = curve("val", [9.0, 8.0], "val") | {"x": [0, 3]}
    page = opened(tab, tmp_path, lines(curve("train", [5.0, 4.0, 3.0, 2.0]), val))
    assert values_shown(page) == ["2", "8"]
    page.locator("#figure-loss .plot").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert page.locator("#figure-loss .place").inner_text() == "optimizer steps 2"
    assert values_shown(page) == ["3", "9"]


def test_many_curves_can_be_filtered_and_hidden(tab, tmp_path):
    page = opened(tab, tmp_path, lines(*(curve(f"layer{n}.weight", noisy(), "other") for n in range(40))))
    legend = page.locator("#figure-loss .curves-legend")
    assert legend.bounding_box()["height"] < 260
    legend.get_by_role("searchbox").fill("LAYER3")
    assert legend.locator("li:visible").count() == 11
    legend.get_by_role("button", name="Hide these").click()
    assert legend.locator("button[aria-pressed=false]").count() == 11
    legend.locator("button[aria-pressed=false]").first.click()
    assert legend.locator("button[aria-pressed=false]").count() == 10


def test_labels_of_the_axes_do_not_touch_on_a_phone(tab, tmp_path):
    tab.page.set_viewport_size({"width": 390, "height": 800})
    figure = lines(curve("train", noisy(100)) | {"x": [123_456 + 1000 * n for n in range(100)]})
    page = opened(tab, tmp_path, figure)
    texts, width = page.evaluate(
        """figure => {
            const told = [];
            const original = CanvasRenderingContext2D.prototype.fillText;
            CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
                const size = this.measureText(text).width;
                const shift = {center: 0.5, right: 1, end: 1}[this.textAlign] || 0;
                told.push([text, x - shift * size, x + (1 - shift) * size]);
                return original.apply(this, arguments);
            };
            const box = document.querySelector("#figure-loss .drawing");
            netvet.kinds.lines.draw(box, figure, {marks: []});
            return new Promise(done => requestAnimationFrame(() => done([told, box.clientWidth])));
        }""",
        figure,
    )
    assert max(end for *_, end in texts) <= width
    below = sorted((start, end) for text, start, end in texts if text.endswith("k"))
    assert len(below) >= 2
    assert all(end < start for (_, end), (start, _) in pairwise(below))


def test_names_are_text_and_the_table_has_the_numbers(tab, tmp_path):
    page = opened(tab, tmp_path, lines(curve(HOSTILE, [3.0, 2.0, float("nan")])))
    assert page.locator("#figure-loss .curves-legend .name").inner_text() == HOSTILE
    assert page.locator("#figure-loss img").count() == 0
    assert table_of(page, "loss") == [["optimizer steps", HOSTILE], ["0", "3"], ["1", "2"], ["2", "\u2013"]]


def test_without_curves_it_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, lines())
    assert page.locator("#figure-loss .nothing").inner_text() == "Nothing has been recorded yet."


def test_colours_are_those_of_the_theme(tab, tmp_path):
    page = opened(tab, tmp_path, lines(curve("train", noisy())))
    stroke = page.locator("#figure-loss .curves-legend line").first
    light = stroke.get_attribute("stroke")
    page.emulate_media(color_scheme="dark")
    page.locator(f"#figure-loss .curves-legend line:not([stroke='{light}'])").first.wait_for(state="attached")
    assert page.locator("#figure-loss .curves-legend line").first.get_attribute("stroke") != light


def test_what_was_chosen_stays_while_a_curve_grows(tab, tmp_path):
    page = opened(tab, tmp_path, lines(curve("train", noisy())))
    page.evaluate(
        """([first, next]) => {
            const box = document.body.appendChild(document.createElement("div"));
            box.id = "own";
            const drawing = netvet.kinds.lines.draw(box, first, {marks: []});
            [...box.querySelectorAll("button")].find(one => one.textContent === "Smooth").click();
            [...box.querySelectorAll(".curves-legend button")][1].click();
            drawing.update(next);
        }""",
        [lines(curve("a", noisy()), curve("b", noisy())), lines(*(curve(name, noisy(300)) for name in "abc"))],
    )
    own = page.locator("#own")
    assert own.get_by_role("button", name="Smooth").get_attribute("aria-pressed") == "true"
    pressed = [one.get_attribute("aria-pressed") for one in own.locator(".curves-legend button").all()]
    assert pressed == ["true", "false", "true"]


def marks_at(*places):
    return [{"x": x, "label": label, "severity": "warning"} for x, label in places]


@pytest.mark.parametrize("width", [300, 900])
def test_words_of_marks_touch_neither_each_other_nor_the_line_of_another(tab, tmp_path, width):
    page = opened(tab, tmp_path, lines(curve("train", noisy())))
    early, late = ((0, "dead-relu"), (2, "collapsed-prediction"), (3, "a")), ((99, "loss-spikes"), (100, "best"))
    marks = marks_at(*early, (60, "growing-weights"), *late)
    stacked = f"marks => netvet.stacked(marks, (x) => x * {width} / 100, [0, {width}])"
    placed = page.evaluate(stacked, marks)
    told = [one for one in placed if one["row"] is not None]
    assert len(told) == len(marks)
    for one in told:
        assert one["start"] >= 0
        assert one["end"] <= width + 12
        for other in told:
            if one is other:
                continue
            if one["row"] == other["row"]:
                assert one["end"] < other["start"] or other["end"] < one["start"]
            if other["row"] >= one["row"]:  # its line goes up past the row of the words
                assert not one["start"] < other["x"] < one["end"]


def test_equal_marks_are_told_once_and_words_beyond_the_last_row_are_left_out(tab, tmp_path):
    page = opened(tab, tmp_path, lines(curve("train", noisy())))
    marks = [*marks_at((5, "one"), (5, "one")), *marks_at(*((10, f"mark {n}") for n in range(9)))]
    placed = page.evaluate("marks => netvet.stacked(marks, (x) => x, [0, 900])", marks)
    assert sum(one["mark"]["label"] == "one" for one in placed) == 1
    assert max(one["row"] for one in placed if one["row"] is not None) == 4


def test_words_of_marks_have_rows_above_the_plot(tab, tmp_path):
    bare, marked = lines(curve("train", noisy())), lines(curve("train", noisy()), name="marked")
    marked["marks"] = marks_at((1, "dead-relu"), (2, "collapsed-prediction"))
    page = opened(tab, tmp_path, bare, marked)
    plots = [page.locator(f"#figure-{name} .u-over") for name in ("loss", "marked")]
    (top, height), (lower, same) = (one.evaluate("one => [one.offsetTop, one.offsetHeight]") for one in plots)
    assert (lower - top, same) == (28, height)


def test_a_bucket_that_also_holds_what_is_not_finite_is_marked_and_told(tab, tmp_path):
    page = opened(tab, tmp_path, lines(curve("train", noisy(), broken=[40.0])))
    assert "no finite number (1 place)" in page.locator("#figure-loss .plot-note").inner_text()
    assert page.locator("#figure-loss canvas").evaluate(PIXELS) > 0
