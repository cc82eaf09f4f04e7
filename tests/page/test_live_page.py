"""The live page in a browser: it follows a run, and survives what happens to it."""

import os
import shutil
import subprocess
import sys
import time
from urllib.request import urlopen

import pytest

from netvet import checks
from netvet.diagnose import Settings, diagnose
from netvet.report import view
from netvet.report.page_view import home_of
from netvet.store import RunWriter
from netvet.ui.actions import Actions
from netvet.ui.live import Live
from tests.page.conftest import until
from tests.page.serving import TOKEN, Server, stored

KNOWN = checks.all_checks()
NAMES = [check.name for check in KNOWN]


def report(run):
    from netvet.store.allowed import allowed_of

    settings = Settings(allow=allowed_of(run.path))
    made = view.build(diagnose(run, KNOWN, settings), run, selected=NAMES, name=run.path.name)
    return made, home_of(made, run, KNOWN, NAMES)


@pytest.fixture
def served(tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    actions = Actions(runs, report)
    made = Server(Live(runs, report, actions).application(TOKEN))
    made.runs = runs
    yield made
    actions.close()
    made.close()


def growing(folder, steps, name="growing"):
    writer = RunWriter.create(folder, name)
    about = {"script": "train.py", "started": "2026-01-01T00:00:00+00:00", "ended": None}
    writer.put_facts("run", [about])
    more(writer, 0, steps)
    return writer


def more(writer, first, end):
    for step in range(first, end):
        writer.append(step, "loss", 2.0 / (1 + step), "train.py:3")
    writer.flush()


def test_the_list_names_all_runs_and_leads_to_each(served, tab):
    for name in ("one", "two"):
        stored(served.runs, name)
    page = tab.open(served.address)
    page.get_by_role("searchbox").fill("two")
    assert page.locator("tbody tr").count() == 1
    page.locator("tbody a").click()
    until(page, "window.netvetReady === true")
    assert "two" in page.locator("h1").inner_text()


def test_a_run_is_followed_while_it_grows(served, tab):
    writer = growing(served.runs, 30)
    page = tab.open(f"{served.address}?run={writer.path.name}#training/loss")
    page.locator("#figure-loss summary").click()
    cells = page.locator("#figure-loss tbody tr")
    until(page, "document.querySelectorAll('#figure-loss tbody tr').length === 30")
    more(writer, 30, 45)
    until(page, "document.querySelectorAll('#figure-loss tbody tr').length === 45")
    assert cells.last.inner_text().split()[0] == "44"
    writer.close()


def test_the_newest_run_is_waited_for(served, tab):
    page = tab.page
    page.goto(f"{served.address}?run=newest")
    page.get_by_text("waiting").wait_for()
    writer = growing(served.runs, 5)
    page.locator("h1", has_text="growing").wait_for()
    writer.close()
    tab.wrong.clear()  # the browser notes the questions that had no answer yet


def test_what_was_seen_stays_when_the_run_is_deleted(served, tab):
    writer = growing(served.runs, 30)
    writer.close()
    page = tab.open(f"{served.address}?run={writer.path.name}#training/loss")
    shutil.rmtree(writer.path)
    page.get_by_text("cannot be read any more").wait_for()
    assert page.locator("#figure-loss canvas").count() == 1


def test_a_run_that_has_fallen_silent_is_said_to(served, tab):
    writer = growing(served.runs, 30)
    writer.close()
    for file in writer.path.iterdir():
        os.utime(file, (time.time() - 400, time.time() - 400))
    page = tab.open(f"{served.address}?run={writer.path.name}")
    page.get_by_text("nothing new for 6 min").wait_for()


def test_what_was_seen_stays_when_the_server_ends(served, tab):
    writer = growing(served.runs, 30)
    page = tab.open(f"{served.address}?run={writer.path.name}#training/loss")
    served.close()
    page.get_by_text("does not answer").wait_for()
    assert page.locator("#figure-loss canvas").count() == 1
    writer.close()
    tab.wrong.clear()


def test_runs_are_drawn_beside_each_other(served, tab):
    paths = [stored(served.runs, name) for name in ("one", "two")]
    page = tab.open(served.address)
    for box in page.locator("tbody input").all():
        box.check()
    page.get_by_role("button", name="Compare 2").click()
    until(page, "window.netvetReady === true")
    page.locator("[role=tab]", has_text="Training").click()
    page.locator("#figure-loss summary").click()
    until(page, "document.querySelectorAll('#figure-loss thead th').length > 2")
    head = page.locator("#figure-loss thead").inner_text()
    assert all(path.name in head for path in paths)


def broken(folder):
    """A run whose loss ends as NaN."""
    writer = RunWriter.create(folder, "flat")
    for step in range(400):
        writer.append(step, "loss", float("nan") if step > 300 else 2.3, "train.py:3")
    writer.put_facts("run", [{"script": "train.py", "ended": "ok", "steps": 400}])
    writer.close()
    return writer.path


def test_a_finding_is_acknowledged_with_a_reason(served, tab):
    path = broken(served.runs)
    page = tab.open(f"{served.address}?run={path.name}")
    page.get_by_role("button", name="Acknowledge…").first.click()
    page.get_by_role("textbox").fill("on purpose <b>")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    page.get_by_text("Acknowledged.").wait_for()
    assert (path / "allowed.json").read_text().count("on purpose <b>") >= 1


def test_nothing_is_started_without_a_yes(served, tab):
    path = broken(served.runs)
    page = tab.open(f"{served.address}?run={path.name}")
    page.get_by_role("button", name="Try the fixes…").first.click()
    page.get_by_role("button", name="Cancel").click()
    assert not any("act/" in address for address in tab.requests)
    page.get_by_role("button", name="Try the fixes…").first.click()
    page.get_by_role("button", name="Start").click()
    page.get_by_text("is not here").wait_for()  # the script of this run
    tab.wrong.clear()  # the browser notes the refusal


def test_a_person_is_asked_about_the_samples_of_an_audit(served, tab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{n % 7},{n * n % 31},{'ab'[n % 7 > 3]}" for n in range(80)]
    (tmp_path / "t.csv").write_text("\n".join(["size,age,kind", *rows]) + "\n")
    words = [sys.executable, "-m", "netvet", "data", "--store", str(served.runs), "t.csv", "--target", "kind"]
    subprocess.run(words, check=False, capture_output=True, timeout=300)
    (name,) = [path.parent.name for path in served.runs.glob("*/rank0.db")]
    page = tab.open(f"{served.address}?run={name}")
    page.get_by_role("button", name="Label samples blind").click()
    page.get_by_role("button", name="Start").click()
    address = page.get_by_role("link", name="Open the page for labels").get_attribute("href")
    assert urlopen(f"{address}state").status == 200
