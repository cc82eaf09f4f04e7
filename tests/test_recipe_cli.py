"""`netvet recipe` as a user types it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import jsonschema
import pytest

from netvet import cli
from netvet.report.recipe import schema

ROOT = Path(__file__).resolve().parent.parent
SETUP = """
    import time

    import torch
    from torch import nn

    import netvet


    def net():
        return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))


    def data(count, seed):
        generator = torch.Generator().manual_seed(seed)
        y = torch.arange(count) % 3
        centres = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])
        return centres[y] + 0.3 * torch.randn(count, 2, generator=generator), y


    def make_setup():
        return netvet.Setup(model=net, loss=nn.CrossEntropyLoss(), train=data(96, 0), val=data(48, 1))


    def as_dict():
        return {"model": net, "loss": nn.CrossEntropyLoss(), "train": data(96, 0)}


    def misspelt():
        return {"model": net, "los": nn.CrossEntropyLoss(), "train": data(96, 0)}


    def blind():
        return netvet.Setup(model=net, loss=lambda output, target: 0.0 * output.sum(), train=data(96, 0))


    def slow():
        def step(model, batch):
            time.sleep(0.05)
            return nn.functional.cross_entropy(model(batch[0]), batch[1])

        return netvet.Setup(model=net, step=step, train=data(96, 0))


    def raises():
        return open("no such file.csv")


    def stops():
        raise SystemExit("no data")


    def nothing():
        pass


    def empty():
        return netvet.Setup(model=net, loss=nn.CrossEntropyLoss(), train=[])


    number = 3
    """
SCRIPT = """
    import sys

    import torch
    from torch import nn

    torch.manual_seed(0)
    y = torch.arange(240) % 3
    x = torch.randn(240, 2) * 0.3 + torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])[y]
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(40):
        rows = torch.randperm(240)[:24]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    print("done", sys.argv[1:])
    """


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    for name in ("NO_COLOR", "FORCE_COLOR", "RANK", "NETVET_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("given.py").write_text(textwrap.dedent(SETUP))
    Path("train.py").write_text(textwrap.dedent(SCRIPT))
    yield tmp_path
    for name in ("given", "given_with_setup"):
        sys.modules.pop(name, None)


def called(capsys, *arguments):
    """Exit code, output and errors, in this process."""
    with pytest.raises(SystemExit) as left:
        cli.main(["recipe", *arguments])
    told = capsys.readouterr()
    return left.value.code, told.out, told.err


def refused(capsys, *arguments):
    code, out, err = called(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("netvet: error: ")
    assert err.count("\n") == 1
    return err


ONE = ("--only", "overfit-batch")


@pytest.mark.parametrize("target", ["given:make_setup", "given.py:make_setup", "given.py:as_dict"])
def test_a_setup_is_taken_from_a_module_or_a_file(capsys, target):
    code, out, err = called(capsys, *ONE, target)
    assert (code, err) == (0, "")
    assert "learned by heart" in out
    assert out.startswith("1 Become one with the data")


def test_without_a_target_the_last_recipe_is_shown_again(capsys):
    first = called(capsys, *ONE, "given:make_setup")
    assert called(capsys) == first


def test_there_may_be_none_yet(capsys):
    assert "no recipe in" in refused(capsys)


def test_a_failed_gate_gives_exit_code_1(capsys):
    code, out, _ = called(capsys, *ONE, "given:blind")
    assert code == 1
    assert "failed" in out
    assert "not yet" in out
    assert "Next: " in out


def test_the_json_keeps_its_schema(capsys, tmp_path):
    called(capsys, *ONE, "--json", "found.json", "given:make_setup")
    found = json.loads((tmp_path / "found.json").read_text())
    jsonschema.validate(found, schema())
    assert [e["experiment"] for e in found["experiments"]] == ["overfit-batch"]
    code, out, _ = called(capsys, *ONE, "--json", "-", "given:blind")
    jsonschema.validate(json.loads(out), schema())
    assert code == 1


def test_what_is_no_number_is_null_in_json():
    from netvet.report.recipe import as_json

    record = {"evidence": {"loss": float("nan"), "losses": [float("inf"), 1.0]}}
    told = json.loads(as_json([], [record], {"diagnosis": [], "findings": []}))
    assert told["experiments"] == [{"evidence": {"loss": None, "losses": [None, 1.0]}}]


def test_experiments_can_be_left_out(capsys):
    _, out, _ = called(capsys, "--skip", "skeleton,overfit,regularise,tune,squeeze", "given:make_setup")
    assert "overfit-batch" not in out


def test_a_used_up_budget_is_told(capsys):
    code, out, _ = called(capsys, *ONE, "--budget", "0.5s", "--verbose", "given:slow")
    assert code == 0
    assert "--budget" in out


def test_resuming_does_nothing_twice_and_tells_the_same(capsys, monkeypatch):
    from netvet.experiments import lab

    first = called(capsys, *ONE, "given:make_setup")
    done = []
    monkeypatch.setattr(lab, "do_trial", lambda *arguments: done.append(arguments))
    journal = next(Path(".netvet/studies").glob("*.jsonl"))
    before = journal.read_text()
    monkeypatch.setattr(lab.Lab, "steps", lambda *_, **__: json.loads(json.loads(before.splitlines()[0])[0])["steps"])
    again = called(capsys, *ONE, "--resume", "given:make_setup")
    assert again == first
    assert done == []
    assert journal.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["given:none_such"], "given has no function 'none_such'"),
        (["given:number"], "given has no function 'number'"),
        (["given:nothing"], "gave a NoneType; expected a netvet.Setup"),
        (["given:misspelt"], "gave a dict that is no setup"),
        (["given:raises"], "given:raises failed: FileNotFoundError"),
        (["given:stops"], "given:stops failed: SystemExit: no data"),
        (["given:empty"], "the train loader is empty"),
        (["no_such_module:make"], "no such module: 'no_such_module'"),
        (["nowhere.py:make"], "no such file: 'nowhere.py'"),
        (["given:"], "expected module:function or file.py:function"),
        ([":make"], "expected module:function or file.py:function"),
        (["nowhere.py"], "no such script: 'nowhere.py'"),
        (["--only", "overfit-bach", "train.py"], "no experiment or stage is called 'overfit-bach'"),
        (["--skip", "tuning", "train.py"], "no experiment or stage is called 'tuning'"),
        (["--budget", "soon", "train.py"], "expected a time such as 90s, 10m or 1h, got 'soon'"),
        (["--budget", "-3s", "train.py"], "expected a time such as 90s, 10m or 1h"),
        (["--seeds", "1", "train.py"], "--seeds"),
        (["--jobs", "0", "train.py"], "--jobs"),
        (["--on", "moon", "train.py"], "--on moon: expected ray"),
        (["--json", "no/such/folder.json", "train.py"], "cannot be written"),
    ],
)
def test_bad_input_is_refused_in_one_line(capsys, arguments, told):
    assert told in refused(capsys, *arguments)
    assert not Path(".netvet").exists()  # the script has not run


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def make(:\n", "broken.py cannot be imported: SyntaxError"),
        (
            "import no_such_package\n",
            "broken.py cannot be imported: ModuleNotFoundError: No module named 'no_such_package'",
        ),
        ("1 / 0\n", "broken.py cannot be imported: ZeroDivisionError: division by zero (broken.py, line 1)"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_with_its_line(capsys, source, told):
    Path("broken.py").write_text(source)
    assert told in refused(capsys, "broken.py:make")


def netvet(*arguments, **options):
    command = [sys.executable, "-m", "netvet", "recipe", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, **options)


def test_a_script_is_run_and_then_experimented_with():
    done = netvet(*ONE, "--json", "found.json", "train.py", "--lr", "3")
    assert done.returncode == 0, done.stderr
    assert "done ['--lr', '3']" in done.stdout
    assert "learned by heart" in done.stdout
    jsonschema.validate(json.loads(Path("found.json").read_text()), schema())


def test_a_script_that_fails_keeps_its_exit_code():
    Path("fails.py").write_text("raise SystemExit(7)\n")
    done = netvet(*ONE, "fails.py")
    assert done.returncode == 7
    assert "no training step was seen" in " ".join(done.stdout.split())
