import io
import json
from contextlib import redirect_stdout

import jsonschema
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from netvet import Setup, cli
from netvet.experiments import tune as experiments_tune
from netvet.experiments.lab import Lab, OutOfTime
from netvet.experiments.setup import problem_of
from netvet.experiments.tune import search, trial_of
from netvet.report.schemas import schema

pytest.importorskip("optuna")

SETUP = """
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
import netvet

def make():
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x[:300] / 16, dtype=torch.float32), torch.tensor(y[:300])
    return netvet.Setup(lambda: nn.Linear(64, 10), (x, y), loss=F.cross_entropy)
"""


def lab(lr=1e-5):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x[:400] / 16, dtype=torch.float32), torch.tensor(y[:400])

    def make():
        return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 10))

    setup = Setup(make, (x, y), loss=F.cross_entropy, optimizer=lambda m: torch.optim.SGD(m.parameters(), lr=lr))
    return Lab(problem_of(setup))


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(experiments_tune, "STEPS", 60)


@pytest.mark.usefixtures("short")
def test_a_search_finds_better_settings_than_a_bad_program_and_what_matters(tmp_path):
    found = search(lab(), 14, tmp_path / "study.log")
    assert len(found.attempts) == 14
    assert found.verdict == "better", found
    losses = [a.loss for a in found.attempts if a.loss is not None]
    assert losses == sorted(losses)
    assert 3 <= len(losses) < 14  # the pruner has given some up
    assert set(found.attempts[0].params) == {"optimizer", "lr", "weight_decay", "warmup", "batch_size", "dropout"}
    assert not found.importance or sum(found.importance.values()) == pytest.approx(1)


@pytest.mark.usefixtures("short")
def test_a_search_goes_on_where_it_was_with_other_settings(tmp_path):
    first = search(lab(), 3, tmp_path / "study.log")
    second = search(lab(), 6, tmp_path / "study.log")
    tried = {a.number: a.params for a in second.attempts}
    assert all(tried[a.number] == a.params for a in first.attempts)
    assert len({params["lr"] for params in tried.values()}) == 6
    assert second.steps == first.steps


@pytest.mark.usefixtures("short")
def test_trials_at_a_time_are_those_that_come_one_by_one(tmp_path):
    one_by_one = search(lab(), 4, tmp_path / "one.log")
    rounds = search(lab(), 4, tmp_path / "rounds.log", jobs=3)
    drawn = [{a.number: a.params for a in found.attempts} for found in (one_by_one, rounds)]
    assert drawn[0] == drawn[1]
    assert {a.number: a.loss for a in rounds.attempts}.items() >= {
        (a.number, a.loss) for a in one_by_one.attempts if a.loss is not None
    }


@pytest.mark.usefixtures("short")
def test_what_was_tried_before_the_time_ran_out_is_shown(tmp_path, monkeypatch):
    given, rounds = lab(), []
    run = given.run

    def late(trials):
        rounds.append(len(trials))
        if len(rounds) > 4:
            raise OutOfTime("no time")
        return run(trials)

    monkeypatch.setattr(given, "run", late)
    found = search(given, 6, tmp_path / "study.log")
    assert len(found.attempts) == 2
    assert found.verdict is None


def test_other_batches_see_as_many_samples_and_warm_up_in_proportion():
    params = {"optimizer": "SGD", "lr": 0.1, "weight_decay": 1e-4, "batch_size": 64, "dropout": 0.2, "warmup": 0.2}
    trial = trial_of(params, 100, 3, 32)
    assert (trial.steps, trial.changes["warmup"], trial.changes["batch-size"]) == (50, 10, 64)
    assert trial.changes["optimizer"] == {"name": "SGD", "lr": 0.1, "weight_decay": 1e-4, "momentum": 0.9}
    assert trial_of(params, 100, 3, 32, 0.25).steps == 12


@pytest.mark.usefixtures("short")
def test_the_command_prints_the_table_and_writes_json(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(SETUP)
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as ended:
        cli.main(["tune", "--trials", "3", "--seeds", "2", "--jobs", "2", "--json", "found.json", "mine.py:make"])
    assert ended.value.code == 0
    assert "3 trials of" in out.getvalue()
    assert "program's own settings" in out.getvalue()
    written = json.loads((tmp_path / "found.json").read_text())
    jsonschema.validate(written, schema("tune"))
    assert len(written["attempts"]) == 3


def test_a_target_that_is_not_there_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["tune", "nowhere.py:make"])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
