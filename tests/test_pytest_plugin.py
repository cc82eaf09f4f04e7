"""The pytest plugin, in runs of pytest of its own."""

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import torch
import torch._dynamo  # a run of pytest inside this one forgets what it has imported, and PyTorch bears that but once

from netvet.checks import all_checks

all_checks()
pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parent.parent
PLUGIN = "netvet.pytest_plugin"
# An installed netvet brings it; naming it again would register it twice.
INSTALLED = any(point.value == PLUGIN for point in entry_points(group="pytest11"))

TRAINING = """
import torch
from torch import nn
from torch.nn.functional import cross_entropy

def train(last, steps=60):
    torch.manual_seed(0)
    x = torch.randn(256, 4)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3), last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(steps):
        rows = torch.arange(256).roll(32 * step)[:32]
        loss = cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())
"""
HEAD = "import pytest\nfrom torch import nn\nfrom training import train\n"
SICK, HEALTHY = "nn.Softmax(dim=1)", "nn.Identity()"


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest on a file of tests; gives its result."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    pytester.makepyfile(training=TRAINING)
    pytester.syspathinsert()
    pytester.makepyprojecttoml("[tool.netvet]\nfail-on = 'error'\n")

    def go(tests, *arguments, apart=False):
        pytester.makepyfile(test_it=HEAD + tests)
        given = ["-p", "no:cacheprovider", "--strict-markers", *arguments]
        given += [] if INSTALLED else ["-p", PLUGIN]
        return pytester.runpytest_subprocess(*given) if apart else pytester.runpytest_inprocess(*given)

    return go


def seams():
    module, functional = torch.nn.Module, torch.nn.functional
    return (
        module.__call__,
        functional.cross_entropy,
        torch.autograd.backward,
        torch.optim.Optimizer.__init__,
        sys.meta_path[:],
    )


def test_a_marked_test_fails_with_cause_proof_and_place(run):
    before = seams()
    result = run(f"@pytest.mark.netvet\ndef test_train():\n    train({SICK})\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*double-softmax*", "*softmax outputs enter cross_entropy*", "*training.py:*"])
    assert "Traceback" not in result.stdout.str()
    assert seams() == before


def test_healthy_and_unmarked_tests_pass_and_acknowledged_findings_do_not_count(run):
    result = run(f"""
@pytest.mark.netvet
def test_healthy():
    train({HEALTHY})

def test_unmarked():
    train({SICK})

@pytest.mark.netvet(allow=["double-softmax=a lesson"])
def test_acknowledged():
    train({SICK})

@pytest.mark.netvet(fail_on="never")
def test_only_told():
    train({SICK})

@pytest.mark.netvet(skip=["double-softmax"])
class TestAll:
    def test_in_a_class(self):
        train({SICK})
""")
    result.assert_outcomes(passed=5)


def test_the_configuration_of_the_project_holds(run, pytester):
    pytester.makepyprojecttoml('[tool.netvet]\nstore = "kept"\n[tool.netvet.allow]\n"double-softmax" = "a lesson"\n')
    run(f"@pytest.mark.netvet\ndef test_train():\n    train({SICK})\n").assert_outcomes(passed=1)
    assert len(list((pytester.path / "kept").iterdir())) == 1


def test_a_test_that_fails_by_itself_shows_its_own_error_and_taps_are_out(run):
    before = seams()
    result = run(f"""
@pytest.mark.netvet
def test_train():
    train({SICK})
    raise ValueError("of the test itself")

def test_after():
    train({HEALTHY})
""")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*ValueError: of the test itself", "*Captured netvet call*", "*double-softmax*"])
    assert seams() == before


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ('fail_on="sometimes"', "fail_on: expected one of error, warning, note, never, got 'sometimes'"),
        ('allow=["double-softmax"]', "expected check=reason"),
        ('skip=["no-such-check"]', "there is no check 'no-such-check'"),
        ("limit=3", "got 'limit'; expected fail_on, allow"),
        ('"error"', "got 'error' without a name"),
    ],
)
def test_a_mark_that_cannot_be_used_is_one_line(run, mark, told):
    result = run(f"@pytest.mark.netvet({mark})\ndef test_train():\n    pass\n")
    result.assert_outcomes(failed=1)
    assert told in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_a_function_is_called_and_its_report_given(run):
    result = run(f"""
def test_healthy(assert_trains):
    report = assert_trains(train, arguments=[{HEALTHY}])
    assert report["schema"] == "netvet.report/1"
    assert report["run"]["steps"] == 60

def test_for_some_steps(assert_trains):
    assert assert_trains(lambda: train({HEALTHY}), steps=20)["run"]["steps"] == 20

def test_sick(assert_trains):
    assert_trains(lambda: train({SICK}), steps=20)

def test_that_raises(assert_trains):
    with pytest.raises(ZeroDivisionError):
        assert_trains(lambda: 1 / 0)

def test_of_nothing(assert_trains):
    assert_trains(3)
""")
    result.assert_outcomes(passed=3, failed=2)
    text = result.stdout.str()
    assert "netvet: double-softmax" in text
    assert "expected the path of a program, a function or a netvet.Setup, got a int" in text


def test_a_program_is_run_in_a_process_of_its_own(run, pytester):
    pytester.makepyfile(
        program=f"{TRAINING}\nimport sys\nif 'crash' in sys.argv:\n    raise ValueError('so')\ntrain({SICK})"
    )
    result = run("""
def test_program(assert_trains):
    assert_trains("program.py", steps=15)

def test_tolerated(assert_trains):
    report = assert_trains("program.py", fail_on="never", probes=False)
    assert report["run"]["steps"] == 60
    assert report["diagnosis"][0]["check"] == "double-softmax"

def test_crash(assert_trains):
    assert_trains("program.py", arguments=["crash"])

def test_missing(assert_trains):
    assert_trains("nothing.py")
""")
    result.assert_outcomes(passed=1, failed=3)
    text = result.stdout.str()
    assert "netvet: double-softmax" in text
    assert "program.py failed with exit code 1" in text
    assert "no such script: 'nothing.py'" in text


def test_a_setup_is_trained(run):
    result = run(f"""
import torch, netvet
from torch.nn import functional as F

def setup(last):
    torch.manual_seed(0)
    x = torch.randn(200, 4)
    make = lambda: nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2), last)
    return netvet.Setup(make, (x, (x[:, 0] > 0).long()), loss=F.cross_entropy)

def test_healthy(assert_trains):
    assert assert_trains(setup({HEALTHY}), steps=40)["run"]["steps"] == 40

def test_sick(assert_trains):
    assert_trains(setup({SICK}), steps=40)
""")
    result.assert_outcomes(passed=1, failed=1)
    assert "netvet: double-softmax" in result.stdout.str()


def test_works_in_the_workers_of_xdist(run):
    head = "@pytest.mark.netvet\n@pytest.mark.parametrize('n', [0, 1])\n"
    tests = f"def test_train(n):\n    train([{SICK}, {HEALTHY}][n])\n"
    run(head + tests, "-n", "2", "-p", "xdist", apart=True).assert_outcomes(passed=1, failed=1)


def test_nothing_of_netvet_is_imported_until_a_test_asks_for_it(run, pytester):
    pytester.makeconftest("""
import sys

def pytest_sessionfinish(session):
    assert {"torch", "numpy", "netvet.core", "netvet.vetting"}.isdisjoint(sys.modules)
""")
    pytester.makepyfile(test_other="def test_other():\n    pass\n")
    given = [] if INSTALLED else ["-p", PLUGIN]
    pytester.runpytest_subprocess("-p", "no:cacheprovider", *given, "test_other.py").assert_outcomes(passed=1)


def test_says_that_torch_is_missing(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    pytester.makeconftest("""
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch" else find(name, *rest)
""")
    pytester.makepyfile("""
import pytest

@pytest.mark.netvet
def test_marked():
    pass

def test_fixture(assert_trains):
    assert_trains(lambda: None)
""")
    given = [] if INSTALLED else ["-p", PLUGIN]
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *given)
    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("PyTorch is not installed here") >= 2


def test_the_project_declares_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"netvet": PLUGIN}


def test_training_is_bitwise_the_same(tmp_path):
    code = f"""{TRAINING}
import contextlib
from netvet.vetting import Demand, Vetted
from pathlib import Path
plain = train({HEALTHY})
with Vetted("twice", Demand(store=Path("runs")).resolve(), names=globals()) as vetted:
    watched = train({HEALTHY})
print(plain.hex(), watched.hex(), vetted.verdict.report["run"]["steps"])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    plain, watched, steps = done.stdout.split()
    assert (plain, json.loads(steps)) == (watched, 60)
