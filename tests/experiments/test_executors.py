"""Workers in other processes: the same results, and nothing lost with one that is killed."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from torch.nn.functional import cross_entropy

from netvet import executors
from netvet.core import NetvetError
from netvet.executors import Workers, require, workers
from netvet.experiments.lab import Lab
from netvet.experiments.trial import Trial
from tests.experiments.small_problems import problem

ROOT = Path(__file__).resolve().parents[2]
TRIALS = [Trial(4, seed, change) for seed in (0, 1) for change in ({}, {"lr-factor": 2.0})]


PLACES = [
    pytest.param(None, id="pool"),
    *(pytest.param(where, marks=pytest.mark.filterwarnings("ignore")) for where in ("ray", "dask", "slurm://local")),
]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))


def step(model, batch):
    output = model(batch[0])
    return cross_entropy(output, batch[1]), output


def numbers(results):
    return [(r.losses, r.ended, r.train, r.val, r.error) for r in results]


def killing(flag):
    """A step that kills the process it runs in, once."""

    def kill(model, batch):
        if Path(flag).exists():
            Path(flag).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return step(model, batch)

    return kill


def at_home(trials=TRIALS):
    return numbers(Lab(problem(loss=None, step=step)).run(trials))


@pytest.mark.parametrize("where", PLACES)
def test_gives_the_same_results_as_in_process_and_loses_nothing_with_a_killed_worker(where, tmp_path):
    flag = tmp_path / "kill once"
    found = problem(loss=None, step=killing(flag))
    with workers(where, 2) as made:
        lab = Lab(found, workers=made, journal=tmp_path / "studies" / "one.jsonl")
        flag.touch()
        results = lab.run(TRIALS)
        assert not flag.exists()
        lab.close()
    assert numbers(results) == at_home()
    # The problem that was sent is gone, and so is its folder.
    assert not list(tmp_path.rglob("*.pickle"))
    assert Lab(problem(loss=None, step=step), journal=tmp_path / "studies" / "one.jsonl").run(TRIALS) == results


def test_a_trial_that_kills_each_of_its_workers_is_given_up_and_the_others_are_done():
    def kill(model, batch):
        if len(batch[0]) == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(model, batch)

    found = problem(loss=None, step=kill)
    with workers(None, 2) as made:
        lab = Lab(found, workers=made)
        results = lab.run([TRIALS[0], Trial(4, 0, {"batch-size": 7}), *TRIALS[1:]])
        lab.close()
    assert results[1].ended == "failed"
    assert "its worker was lost" in results[1].error
    assert numbers([results[0], *results[2:]]) == at_home()


def test_an_error_of_the_users_is_a_result_and_no_lost_worker():
    def fails(model, batch):
        if model.training and len(batch[0]) == 7:
            raise ValueError("seven")
        return step(model, batch)

    with workers(None, 2) as made:
        lab = Lab(problem(loss=None, step=fails), workers=made)
        (result,) = lab.run([Trial(4, 0, {"batch-size": 7})])
        lab.close()
    assert result.error == "ValueError: seven"


def test_what_cannot_be_sent_is_told_in_one_line(tmp_path):
    with (tmp_path / "log").open("w") as log:

        def logs(model, batch):
            log.write("step")
            return step(model, batch)

        with workers(None, 2) as made:
            lab = Lab(problem(loss=None, step=logs), workers=made)
            with pytest.raises(NetvetError, match=r"cannot be sent to other processes .*leave out --jobs") as caught:
                lab.run(TRIALS)
    assert "\n" not in str(caught.value)


def test_in_process_results_come_one_by_one():
    made, order = Workers(None, 1), []
    for number, _ in made.run([(n,) for n in range(3)], order.append):
        assert order == list(range(number + 1))


@pytest.mark.parametrize(
    ("where", "match"), [("kubernetes", "expected ray"), ("rays://x", "expected ray"), ("", "expected ray")]
)
def test_unknown_places_are_refused(where, match):
    with pytest.raises(NetvetError, match=match):
        require(where, 2)


def test_a_missing_package_is_named_before_anything_runs(monkeypatch):
    monkeypatch.setitem(executors._ELSEWHERE, "ray", ("no_such_package", executors._ray))
    with pytest.raises(NetvetError, match=r"pip install 'netvet\[ray\]'"):
        require("ray", 2)


SCRIPT = """
    import sys
    import torch
    from layers import Layer

    print("the script runs")


    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(Layer(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))

        def forward(self, x):
            return self.layers(x)


    torch.manual_seed(0)
    y = torch.arange(240) % 3
    x = torch.randn(240, 2) * 0.3 + torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])[y]
    model, loss_function = Net(), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(60):
        rows = torch.randperm(240)[:24]
        optimizer.zero_grad()
        loss_function(model(x[rows]), y[rows]).backward()
        optimizer.step()
    """
LAYERS = """
    import torch


    class Layer(torch.nn.Linear):
        pass
    """


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_classes_of_the_script_and_of_files_beside_it_reach_the_workers(tmp_path, jobs):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(textwrap.dedent(SCRIPT))
    (tmp_path / "code" / "layers.py").write_text(textwrap.dedent(LAYERS))
    options = ["--only", "overfit-batch", "--budget", "40s", "--jobs", jobs]
    done = subprocess.run(
        [sys.executable, "-m", "netvet", "recipe", *options, "code/train.py"],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert "learned by heart" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("the script runs") == 1  # no worker runs it once more
    assert done.returncode == 0
