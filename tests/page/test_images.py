"""Samples with pictures and texts, and which are predicted wrong."""

import numpy as np
from drawn import HOSTILE, base, opened, table_of

from netvet.report.figures.spec import pixels

# From a copy, since a browser warns of canvases that are read several times.
READ = """(canvas, [x, y]) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [canvas.width, canvas.height];
    copy.getContext("2d").drawImage(canvas, 0, 0);
    return [...copy.getContext("2d").getImageData(x, y, 1, 1).data];
}"""


def item(number=0, *, picture=None, text="", wrong=False, label="3", prediction="5"):
    shown = None if picture is None else pixels(picture)
    said = {"label": label, "prediction": prediction, "note": f"loss {number}", "wrong": wrong}
    return {"pixels": shown, "text": text} | said


def images(*items):
    return base("samples", kind="images", items=list(items))


def colour(page, number, x, y):
    canvas = page.locator("#figure-samples canvas").nth(number)
    canvas.scroll_into_view_if_needed()
    while not any(found := canvas.evaluate(READ, [x, y])):
        page.wait_for_timeout(20)  # pictures are painted when they come near
    return found


def test_pixels_are_those_of_the_samples(tab, tmp_path):
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    coloured = np.zeros((2, 3, 3), np.uint8)
    coloured[1, 2] = (10, 20, 30)
    page = opened(tab, tmp_path, images(item(picture=grey), item(picture=coloured)))
    assert colour(page, 0, 2, 1) == [200, 200, 200, 255]
    assert colour(page, 0, 1, 0) == [40, 40, 40, 255]
    assert colour(page, 1, 2, 1) == [10, 20, 30, 255]


def test_wrong_ones_are_told_by_a_word_and_a_border_of_another_style(tab, tmp_path):
    page = opened(tab, tmp_path, images(item(wrong=True), item(prediction="3")))
    wrong, right = page.locator("#figure-samples li").all()
    assert "wrong label 3 \u2192 predicted 5" in wrong.inner_text()
    assert "wrong" not in right.inner_text()
    style = "one => getComputedStyle(one).borderTopStyle"
    assert (wrong.evaluate(style), right.evaluate(style)) == ("double", "solid")


def test_only_wrong_ones_can_be_shown_and_many_come_in_parts(tab, tmp_path):
    page = opened(tab, tmp_path, images(*(item(n, text=f"text {n}", wrong=n % 2 == 0) for n in range(120))))
    shown = page.locator("#figure-samples li")
    assert shown.count() == 48
    page.locator("#figure-samples").get_by_label("only wrong (60 of 120)").check()
    page.locator("#figure-samples").get_by_role("button", name="Show all 60").click()
    assert shown.count() == 60
    assert shown.locator("strong").count() == 60


def test_pictures_are_painted_when_they_come_near(tab, tmp_path):
    grey = np.full((28, 28), 200, np.uint8)
    page = opened(tab, tmp_path, images(*(item(picture=grey) for _ in range(48))))
    tab.page.set_viewport_size({"width": 390, "height": 600})
    assert colour(page, 47, 0, 0)[3] == 255
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(one.evaluate(READ, [0, 0])[3] == 255 for one in page.locator("#figure-samples canvas").all())


def test_texts_are_text_and_the_table_has_all(tab, tmp_path):
    page = opened(tab, tmp_path, images(item(text=HOSTILE, label=HOSTILE, prediction="", wrong=False)))
    assert page.locator("#figure-samples img").count() == 0
    assert page.locator("#figure-samples .text").inner_text() == HOSTILE
    head, row = table_of(page, "samples")
    assert head == ["sample", "text", "label", "prediction", "wrong", "note"]
    assert row[:4] == ["1", HOSTILE, HOSTILE, ""]


def test_without_samples_it_says_so(tab, tmp_path):
    page = opened(tab, tmp_path, images())
    assert page.locator("#figure-samples .nothing").inner_text() == "There is no sample to show yet."
