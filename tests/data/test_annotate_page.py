"""The page on which people label samples, over HTTP."""

import io
import json
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection

import numpy as np
import pytest
from PIL import Image

from netvet.core import NetvetError
from netvet.data.annotation import Asked, Store
from netvet.data.asking import Asking, keys_for
from netvet.data.fetch import Samples
from netvet.data.readers import Wanted, open_source
from netvet.ui.annotate import application, bound
from tests.page.serving import TOKEN, Server

EVIL = "<img src=x onerror=alert(1)>"
CLASSES = ("0", "1", EVIL)


class Page(Server):
    """The page of an `Asking`, and what a browser asks of it."""

    def __init__(self, asking):
        super().__init__(application(asking, TOKEN))
        self.asking = asking

    def say(self, choice):
        position = self.told("state")["position"]
        return self.told("answer", {"position": position, "choice": choice, "seconds": 1.5})


@pytest.fixture
def asking(tmp_path):
    x = np.random.default_rng(0).random((6, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_val=x)
    source = open_source(Wanted({"": tmp_path / "data.npz"}))
    plan = [Asked(i, "val", i, f"the-name-of-{i}", CLASSES[i % 3]) for i in range(4)]
    plan.append(Asked(4, "val", 0, "the-name-of-0", "0", 0))
    store = Store.create(tmp_path / "a.db", "digits", CLASSES, plan)
    return Asking(store, Samples(source, None), "tensor", "ann")


@pytest.fixture
def page(asking):
    made = Page(asking)
    yield made
    made.close()


def test_samples_are_labelled_one_after_the_other(page):
    state = page.told("state")
    assert (state["position"], state["total"], state["form"]) == (0, 5, "picture")
    assert state["keys"] == ["0", "1", "2"]
    for number, choice in enumerate([0, 2, None, 0], 1):
        assert page.say(choice)["position"] == number
    end = page.say(0)
    assert end["finished"]
    assert (end["baseline"]["right"], end["baseline"]["samples"], end["baseline"]["skipped"]) == (2, 3, 1)
    assert (end["baseline"]["repeated"], end["baseline"]["same"]) == (1, 1)
    assert end["baseline"]["confusion"] == [[2, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_sample_is_a_picture(page):
    status, headers, body = page.call("sample/1")
    assert (status, headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(body)).size == (8, 8)


def test_nothing_tells_the_label_before_the_end(page):
    page.say(0)
    seen = json.dumps(page.told("state"))
    assert "the-name-of" not in seen
    assert not {"label", "key", "split", "sample", "baseline"} & page.told("state").keys()
    assert page.told("answer", {"position": 1, "choice": 0, "seconds": 1}).keys() == page.told("state").keys()


def test_answers_are_saved_at_once_and_taken_back(page):
    page.say(1)
    page.say(2)
    assert [a.label for a in page.asking.store.answers("ann")] == ["1", EVIL]
    assert page.told("undo", {})["position"] == 1
    assert [a.label for a in page.asking.store.answers("ann")] == ["1"]


def test_key_that_is_pressed_twice_answers_once(page):
    said = {"position": 0, "choice": 1, "seconds": 1.0}
    assert page.call("answer", said)[0] == 200
    status, _, body = page.call("answer", said)
    assert (status, json.loads(body)["position"]) == (409, 1)
    assert len(page.asking.store.answers()) == 1


def test_another_start_goes_on_where_it_was(page, asking):
    page.say(1)
    again = Asking(Store(asking.store.file), Samples(asking._samples._source, None), "tensor", "ann")
    assert again.at == 1
    assert Asking(asking.store, asking._samples, "tensor", "bob").at == 0


@pytest.mark.parametrize(
    "said",
    [
        {}, [], None, {"position": "0", "choice": 1, "seconds": 1}, {"position": 0, "choice": 7, "seconds": 1},
        {"position": 0, "choice": -1, "seconds": 1}, {"position": 0, "choice": 1, "seconds": -1},
        {"position": 0, "choice": 1, "seconds": float("nan")}, {"position": 0, "choice": True, "seconds": 1},
        {"position": 0, "choice": 1}, b"not json", b"x" * 5000,
    ],
)  # fmt: skip
def test_answers_that_are_none_are_refused(page, said):
    status, _, body = page.call("answer", json.dumps(said).encode() if said is None else said)
    assert status == 400
    assert json.loads(body)["error"]
    assert page.asking.store.answers() == []


def test_other_forms_than_json_are_refused(page):
    said = {"position": 0, "choice": 1, "seconds": 1}
    assert page.call("answer", said, Content_Type="text/plain")[0] == 400
    assert page.call("answer", method="GET")[0] == 405


@pytest.mark.parametrize("path", ["", "state", "sample/0", "page.js", "page.css"])
def test_who_does_not_know_the_token_sees_nothing(page, path):
    assert page.call(path)[0] == 200
    for token in ("wrong", "secre", "%73ecret2"):
        status, _, body = page.call(path, token=token)
        assert (status, body) == (404, b"not found")


def test_other_names_of_this_machine_are_refused(page):
    assert page.call("state", Host="evil.example")[0] == 400
    assert page.call("state", Host=f"localhost:{page.port}")[0] == 200


@pytest.mark.parametrize(
    "path", ["sample/99", "sample/-1", "sample/x", "../../etc/passwd", "page.html", "annotate.html"]
)
def test_there_is_nothing_else(page, path):
    assert page.call(path)[0] in (400, 404)


@pytest.mark.parametrize("path", ["", "state", "sample/0", "page.js"])
def test_browsers_are_told_to_take_nothing_from_elsewhere(page, path):
    headers = page.call(path)[1]
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_page_has_nothing_inline_and_nothing_from_elsewhere(page):
    html, script, style = (page.call(p)[2].decode() for p in ("", "page.js", "page.css"))
    assert not re.search(r"https?:|//[a-z]|\son\w+=|style=|<style|<script>", html)
    assert "http" not in style
    assert "url(" not in style
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|https?:", script)


def test_socket_is_of_this_machine_alone():
    taken = bound(0)
    assert taken.getsockname()[0] == "127.0.0.1"
    with pytest.raises(NetvetError, match="another --port"):
        bound(taken.getsockname()[1])
    taken.close()


def test_sample_that_cannot_be_shown_can_be_skipped(page, asking, tmp_path):
    (tmp_path / "data.npz").unlink()
    state = page.told("state")
    assert "problem" in state
    assert page.call("sample/0")[0] == 400
    assert page.say(None)["position"] == 1


@pytest.mark.parametrize(
    ("classes", "keys"),
    [
        (["0", "1", "7"], ["0", "1", "7"]), (["cat", "dog"], ["1", "2"]), (["A", "B", "S"], ["a", "b", "1"]),
        (["a", "A"], ["a", "1"]), (["1", "cat"], ["1", "2"]), ([str(i) for i in range(40)], None),
    ],
)  # fmt: skip
def test_each_class_has_a_key(classes, keys):
    assert keys_for(classes) == keys


def test_command_serves_the_page_and_ends_with_the_statistics(tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x_val=random.random((30, 8, 8)), y_val=random.integers(0, 3, 30))
    command = [sys.executable, "-m", "netvet", "data", "d.npz", "--annotate", "--annotator", "ann", "--samples", "4"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = re.match(r"http://127\.0\.0\.1:(\d+)/([\w-]+)/\n", process.stderr.readline())
        assert address is not None
        connection = HTTPConnection("127.0.0.1", int(address[1]), timeout=60)
        body = json.dumps({"position": 0, "choice": 1, "seconds": 2.0})
        connection.request("POST", f"/{address[2]}/answer", body, {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read())["position"] == 1
        connection.close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0, err
    assert re.match(r"ann: [01] of 1 as the data say: .*, 2\.0 s a sample, 0 skipped\n", out)
    assert "Traceback" not in err
    (file,) = (tmp_path / ".netvet" / "data").glob("*.annotations.db")
    assert f"--human-baseline {file}" in out.replace("\n", " ")
