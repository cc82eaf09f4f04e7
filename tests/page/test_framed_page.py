"""The page in the frame of a notebook: it works there without an address, a store or a word to what is around it."""

from netvet.report.notebook import framed
from tests.page.conftest import until
from tests.page.made import figure, page_of, with_figures
from tests.report.samples import softmax_signals


def test_panels_work_inside_a_sandboxed_frame(tab, tmp_path):
    page = with_figures(page_of(softmax_signals()), figure("loss", "training", "train"), figure("norm", "layers", "a"))
    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><title>x</title><p>cell</p>{framed(page, 'the text')}", encoding="utf-8")
    tab.page.goto(file.as_uri())
    until(tab.page, "document.querySelector('iframe') !== null")
    inside = tab.page.frames[1]
    until(inside, "window.netvetReady === true")
    assert "double softmax" in inside.locator("h2.headline").inner_text()
    inside.get_by_role("tab", name="Layers").click()
    until(inside, "document.querySelector('#panel-layers canvas') !== null")
    assert inside.locator("[role=tabpanel]:visible").get_attribute("id") == "panel-layers"
    inside.get_by_label("Colours").select_option("dark")
    assert inside.evaluate("document.documentElement.dataset.theme") == "dark"
    assert tab.page.url == file.as_uri()
    assert [request for request in tab.requests if not request.startswith(("file:", "about:"))] == []
