"""What cells of notebooks show: pages in frames, text where no page can be, and the loss while a cell trains."""

import sys
import threading
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest

from netvet.config import selected
from netvet.core import NetvetError
from netvet.diagnose import Settings
from netvet.report import live_figure, notebook
from netvet.report.live_figure import LiveFigure, drawing
from netvet.report.notebook import asked_publisher
from netvet.report.page_view import page_of
from netvet.store import RunWriter
from tests.report.samples import CHECKS, softmax_signals, view_of


def page():
    source = softmax_signals()
    return page_of(view_of(source), source, CHECKS, selected(CHECKS, Settings()))


def curve(y, role="train", name="train"):
    return {"name": name, "x": list(range(len(y))), "y": y, "role": role, "style": "line"}


def test_page_is_in_a_frame_that_reaches_nothing_of_the_notebook():
    shown = notebook.bundle(page, "<b>the text</b>")
    assert shown["text/plain"] == "<b>the text</b>"
    html = shown["text/html"]
    assert 'sandbox="allow-scripts"' in html
    assert "allow-same-origin" not in html
    source = html.split('srcdoc="')[1].split('"')[0]
    assert unescape(source).startswith("<!doctype html>")
    assert "&lt;b&gt;the text" in html.split("</iframe>")[1]


def test_page_that_cannot_be_made_leaves_the_text_and_the_reason():
    def fails():
        raise NetvetError("the store <was> deleted")

    html = notebook.bundle(fails, "what was seen")["text/html"]
    assert "what was seen" in html
    assert "the store &lt;was&gt; deleted" in html
    assert "iframe" not in html


def test_page_too_large_for_a_notebook_is_named_instead(monkeypatch):
    monkeypatch.setattr(notebook, "MAX_BYTES", 1000)
    html = notebook.bundle(page, "what was seen")["text/html"]
    assert "netvet report 20260101-train -o report.html" in html
    assert "iframe" not in html


def test_text_with_lone_surrogates_can_be_sent():
    assert notebook.text_bundle("a\ud800b")["text/html"].encode("utf-8")


class Shell:
    """A kernel's shell, and what was published in it."""

    def __init__(self):
        self.kernel = object()
        self.published = []
        self.display_pub = SimpleNamespace(publish=lambda **one: self.published.append(one))


@pytest.fixture
def shell(monkeypatch):
    made = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: made))
    return made


def test_figure_is_published_once_and_then_updated_in_place(shell):
    publish = notebook.publisher()
    publish({"text/plain": "one"})
    publish({"text/plain": "two"})
    assert [one["update"] for one in shell.published] == [False, True]
    assert len({one["transient"]["display_id"] for one in shell.published}) == 1


@pytest.mark.parametrize("kernel", [None, "no IPython"])
def test_outside_notebooks_nothing_is_published(monkeypatch, shell, kernel):
    shell.kernel = None
    if kernel:
        monkeypatch.delitem(sys.modules, "IPython")
    assert notebook.publisher() is None
    assert asked_publisher(None) is None
    with pytest.raises(NetvetError, match="expected a notebook"):
        asked_publisher(True)


def test_no_figure_where_none_is_wanted(shell):
    assert asked_publisher(False) is None


def run_with_losses(tmp_path, losses):
    writer = RunWriter.create(tmp_path, "train")
    for step, loss in enumerate(losses):
        writer.append(step, "loss", loss, "train.py:9")
    writer.close()
    return SimpleNamespace(path=writer.path, step=len(losses), ended=False, loss=0.5, seconds=2.0, cost=0.1)


def test_loss_is_drawn_from_another_thread_and_the_last_word_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(live_figure, "SECONDS", 0.01)
    published, drawn, threads = [], threading.Event(), set()

    def publish(one):
        published.append(one)
        threads.add(threading.current_thread().name)
        if "<svg" in one.get("text/html", ""):
            drawn.set()

    figure = LiveFigure(run_with_losses(tmp_path, [2.0, 1.0, 0.5]), publish)
    figure.start()
    assert drawn.wait(60)
    figure.end(lambda: {"text/plain": "the end"})
    assert published[-1] == {"text/plain": "the end"}
    assert "netvet-figure" in threads
    assert "step 3" in published[0]["text/plain"]


def test_figure_that_fails_ends_and_harms_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(live_figure, "SECONDS", 0.01)

    def publish(one):
        raise OSError("the browser is gone")

    figure = LiveFigure(run_with_losses(tmp_path, [1.0]), publish)
    figure.start()
    with pytest.raises(OSError, match="gone"):
        figure.end()  # `watch` says so in one line


def test_drawing_has_every_point_and_breaks_where_there_is_no_number():
    picture = drawing([curve([4.0, None, 2.0, 1.0]), curve([3.0, 3.0], "val", "<val>")])
    first = picture.split('<path d="')[1].split('"')[0]
    assert first.count("M") == 2
    assert first.count("L") == 3
    assert "&lt;val&gt;" in picture
    assert "optimizer steps" in picture


def test_drawing_puts_values_where_they_belong():
    path = drawing([curve([0.0, 10.0, 5.0])]).split('<path d="')[1].split('"')[0]
    heights = [float(point.split(" ")[1].split("L")[0]) for point in path.split("L")[1:]]
    low, high, middle = heights
    np.testing.assert_allclose(middle, (low + high) / 2, atol=0.1)
    assert low > high  # down the page


@pytest.mark.parametrize("curves", [[], [curve([])], [curve([None, None])], [curve([1.0])]])
def test_nothing_to_draw_is_no_picture(curves):
    assert drawing(curves) == ""
