"""`netvet fix` from the command line, on a real program with a real fault."""

import json

import jsonschema
import pytest
import torch

import netvet
from netvet.report.fix import schema
from netvet.store import Run
from tests.program import call, page_in

SCRIPT = """
import pathlib
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16 - 0.3, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=50, shuffle=True)
net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=5.0)
for epoch in range(5):
    for a, b in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(a), b).backward()
        optimizer.step()
    with torch.no_grad():
        right = (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    pathlib.Path("log.txt").write_text(f"{epoch} {right}")
print(f"accuracy {right:.6f}")
"""


@pytest.fixture(scope="module")
def fixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fix")
    (folder / "train.py").write_text(SCRIPT)
    (folder / "log.txt").write_text("mine")
    files = ["--json", "fix.json", "--figure", "fix.png", "--html", "fix.html"]
    out, err = call(["-m", "netvet", "fix", *files, "--apply", "train.py"], folder)
    assert (folder / "fix.json").exists(), err
    return folder, out, json.loads((folder / "fix.json").read_text())


def test_right_fix_is_proven_and_its_finding_gone(fixed):
    _, out, found = fixed
    one = found["rounds"][0]
    assert one["diagnosis"][0]["check"] == "lr-too-high"
    assert one["diagnosis"][0]["standing"] == "proven"
    assert one["best"][0] == "lower-lr"
    assert "lr-too-high" in one["gone"]
    assert "lr-too-high (train.py:13): proven" in " ".join(out.split())


def test_written_program_gives_what_the_trial_promised(fixed):
    folder, _, found = fixed
    best = next(arm for arm in found["rounds"][0]["fixes"] if arm["verdict"] == "helped")
    out, _ = call(["train.py"], folder)
    assert float(out.split()[-1]) == pytest.approx(best["runs"]["0"]["value"], abs=1e-6)
    assert (folder / "train.py.before-netvet").read_text() == SCRIPT


def test_trials_leave_the_files_of_the_user_alone(fixed):
    folder, _, found = fixed
    names = {path.name for path in folder.iterdir()}
    assert names >= {"train.py", "log.txt", "fix.json", "fix.png", ".netvet"}
    assert found["trials"] >= 6
    assert (folder / "fix.png").stat().st_size > 5_000


def test_page_and_run_keep_the_twins_of_each_change(fixed):
    folder, _, found = fixed
    one = found["rounds"][0]
    (kept,) = Run.open(folder / ".netvet" / "runs" / one["run"]).get("fixes")
    assert {name: kept[name] for name in one} == one
    assert kept["patch"] == found["patch"]
    page = page_in(folder / "fix.html")
    assert {"Fixes"} <= {panel["title"] for panel in page["panels"]}
    assert page["pictures"]["lr-too-high"][0].startswith("fix-0-")


def test_json_is_as_its_schema_says(fixed):
    jsonschema.validate(fixed[2], schema())


def test_fixes_are_listed(tmp_path):
    out, _ = call(["-m", "netvet", "fix", "--list"], tmp_path)
    assert "lower-lr" in out


def test_unknown_fix_is_one_line(tmp_path):
    (tmp_path / "train.py").write_text("print(1)\n")
    _, err = call(["-m", "netvet", "fix", "--try", "wish", "train.py"], tmp_path)
    assert err == "netvet: error: there is no fix 'wish'; `netvet fix --list` shows all of them\n"


def test_setup_is_tried_without_source_text(tmp_path):
    (tmp_path / "made.py").write_text(
        SCRIPT.partition("optimizer =")[0]
        + "import netvet\n"
        + "def make():\n"
        + "    return netvet.Setup(model=net, loss=nn.functional.cross_entropy, train=(x[:1400], y[:1400]),\n"
        + "        val=(x[1400:], y[1400:]), optimizer=lambda m: torch.optim.SGD(m.parameters(), lr=20.0))\n"
    )
    _, err = call(
        ["-m", "netvet", "fix", "--try", "lower-lr", "--budget", "20s", "--json", "f.json", "made.py:make"], tmp_path
    )
    assert (tmp_path / "f.json").exists(), err
    one = json.loads((tmp_path / "f.json").read_text())["rounds"][0]
    assert one["best"] == ["lower-lr"]
    (run,) = Run.list(tmp_path / ".netvet" / "runs")
    assert Run.open(run.path).get("fixes")[0]["best"] == ["lower-lr"]


def test_notebook_gets_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    x, y = torch.randn(400, 8), torch.randint(0, 2, (400,))
    x[:, 0] += 3.0 * y
    found = netvet.fix(
        torch.nn.Linear(8, 2), loss=torch.nn.functional.cross_entropy, train=(x[:300], y[:300]), val=(x[300:], y[300:]),
        optimizer=lambda m: torch.optim.SGD(m.parameters(), lr=1e-4), names="raise-lr, lower-lr", budget="20s",
    )  # fmt: skip
    assert found.best == ("raise-lr",)
    assert found.verdicts["lower-lr"] != "helped"
    shown = found._repr_mimebundle_()
    assert shown["text/html"].startswith("<iframe srcdoc=")
    assert "raise-lr" in shown["text/plain"]
    assert Run.open(found.path).get("fixes")[0]["best"] == ["raise-lr"]
