"""What the server of the live page gives, and what it refuses."""

import shutil
from time import monotonic

import pytest

from netvet.core import NetvetError
from netvet.diagnose import diagnose
from netvet.report import view
from netvet.report.home import home
from netvet.report.html import LIVE_SCRIPTS, LIVE_STYLES
from netvet.store import RunWriter
from netvet.ui import serving
from netvet.ui.live import Live
from tests.page.serving import TOKEN, Server, stored


def report(run):
    made = view.build(diagnose(run, []), run, selected=[], name=run.path.name)
    return made, home(made, [], None)


@pytest.fixture
def server(tmp_path):
    stored(tmp_path / "runs", "first")
    asked = []

    def act(name, said):
        if name != "allow":
            raise NetvetError(f"no action {name!r}")
        asked.append(said)
        return {"allowed": True}

    made = Server(Live(tmp_path / "runs", report, act).application(TOKEN, ("proxy.example",)))
    made.asked, made.runs = asked, tmp_path / "runs"
    yield made
    made.close()


def name_of(server):
    return server.told("runs")[0]["name"]


def test_lists_the_runs(server):
    found = server.told("runs")
    assert [one["script"] for one in found] == ["train.py"]
    assert (found[0]["ended"], found[0]["steps"]) == ("ok", 20)


def test_says_in_the_list_what_the_report_of_an_ended_run_says_first(server):
    RunWriter.create(server.runs, "growing").close()
    server.told("runs")
    end = monotonic() + 60
    while not (found := {one["script"]: one["verdict"] for one in server.told("runs")})["train.py"]:
        assert monotonic() < end
    assert found["train.py"].startswith("Not judged")
    assert not found[None]


def test_gives_the_page_of_a_run(server):
    page = server.told(f"run/{name_of(server)}")
    assert page["schema"] == "netvet.page/1"
    assert [figure["id"] for figure in page["figures"]] == ["loss"]


def test_tells_all_first_then_only_what_has_grown(server):
    writer = RunWriter.create(server.runs, "growing")
    for step in range(40):
        writer.append(step, "loss", 1.0, "train.py:3")
    writer.flush()
    wait_for(writer)
    told = server.events(f"follow/{writer.path.name}?show=loss")
    first = next(told)
    assert first["figures"][0]["whole"]["curves"][0]["x"] == list(range(40))
    writer.append(40, "loss", 0.5, "train.py:3")
    writer.flush()
    later = next(told)
    assert later["figures"] == [{"id": "loss", "curves": [{"keep": 40, "x": [40], "y": [0.5]}]}]
    writer.close()
    told.close()


def wait_for(writer):
    from time import sleep

    from netvet.store import Run

    while True:
        try:
            if Run.open(writer.path).get("loss") is not None:
                return
        except NetvetError:
            pass
        sleep(0.05)


def test_says_when_a_run_is_gone(server):
    name = name_of(server)
    told = server.events(f"follow/{name}?show=loss")
    assert "figures" in next(told)
    shutil.rmtree(server.runs / name)
    assert "gone" in list(told)[-1]


def test_serves_its_scripts_and_no_other_file(server):
    for name in (*LIVE_SCRIPTS, *LIVE_STYLES):
        status, headers, body = server.call(f"assets/{name}")
        assert (status, bool(body)) == (200, True)
        assert headers["content-type"].startswith(("text/javascript", "text/css"))
    for path in ("assets/../html.py", "assets/js/../../view.py", "assets/%2e%2e/html.py", "assets//etc/passwd"):
        assert server.call(path)[0] == 404


@pytest.mark.parametrize("name", ["..", ".", "%2e%2e", "..%2f..", "nothing", "a%00b", "%2fetc"])
def test_gives_no_run_beyond_the_store(server, name):
    for route in ("run", "follow"):
        assert server.call(f"{route}/{name}")[0] in (400, 404)


def test_needs_the_token(server):
    for path in ("", "runs", f"run/{name_of(server)}", "assets/page.css"):
        assert server.call(path, token="guess")[0] == 404
    assert server.call("act/allow", {}, token="guess")[0] == 404
    assert not server.asked


def test_refuses_names_of_other_hosts(server):
    assert server.call("runs", Host="evil.example")[0] == 400
    assert server.call("runs", Host="proxy.example")[0] == 200
    assert server.call("runs", Host="localhost:8888")[0] == 200  # through a tunnel


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}]
)
def test_refuses_other_origins(server, headers):
    assert server.call("act/allow", {"run": "x"}, **headers)[0] == 400
    assert server.call("runs", **headers)[0] == 400
    assert not server.asked


def test_takes_actions_as_json_of_its_own_page_alone(server):
    origin = f"http://127.0.0.1:{server.port}"
    assert server.call("act/allow", {"run": "x"}, Origin=origin)[0] == 200
    assert server.asked == [{"run": "x"}]
    assert server.call("act/allow", b"run=x", Content_Type="text/plain")[0] == 400
    assert server.call("act/allow", [1])[0] == 400
    assert server.call("act/allow", b"{")[0] == 400
    assert server.call("act/allow", {"run": "x" * serving.MAX_BODY})[0] == 400
    assert server.call("act/other", {"run": "x"})[0] == 400
    assert server.call("act/allow")[0] == 405
    assert len(server.asked) == 1


def test_a_server_that_only_reads_takes_no_action(tmp_path):
    stored(tmp_path / "runs")
    server = Server(Live(tmp_path / "runs", report, None).application(TOKEN))
    try:
        assert server.call("act/allow", {"run": "x"})[0] == 404
        assert server.call("runs")[0] == 200
    finally:
        server.close()


def test_forbids_what_a_page_does_not_need(server):
    headers = server.call("")[1]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_two_servers_of_one_store_do_not_disturb_each_other(server):
    other = Server(Live(server.runs, report, None).application(TOKEN))
    try:
        told = [[one["name"] for one in each.told("runs")] for each in (other, server)]
        assert told[0] == told[1]
    finally:
        other.close()


def test_a_taken_port_is_one_clear_error(server):
    with pytest.raises(NetvetError, match="cannot be used"):
        serving.bound(server.port)


def test_a_damaged_run_is_told_and_the_others_are_shown(server):
    name = name_of(server)
    (server.runs / name / "rank0.db").write_bytes(b"no database" * 100)
    found = server.told("runs")
    assert found[0]["error"]
    assert server.call(f"run/{found[0]['name']}")[0] == 400
