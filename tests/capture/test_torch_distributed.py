"""Runs that torchrun starts: one folder, one report, no word between the ranks, and training as without netvet."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from netvet.store import Run

PROGRAMS = Path(__file__).parent / "programs"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="needs torch.distributed")


def torchrun(ranks, cwd, *command):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
    return subprocess.run(
        [sys.executable, *launcher, *map(str, command)],
        cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def told(done):
    """What each rank printed about its training, in order."""
    return sorted(
        "rank " + part.split("\n")[0].strip() for part in done.stdout.split("rank ")[1:] if " of step " in part[:12]
    )


def test_two_replicas_are_trained_as_without_netvet(tmp_path):
    program = PROGRAMS / "data_parallel.py"
    plain = torchrun(2, tmp_path, program)
    watched = torchrun(2, tmp_path, "-m", "netvet", "run", "--json", "report.json", program)
    assert len(told(plain)) == 2, plain.stderr
    assert told(watched) == told(plain)
    assert watched.returncode == 0, watched.stderr
    assert watched.stdout.count("checks looked") == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["problems"] == []
    assert [f for f in report["findings"] if f["severity"] != "note"] == []
    (folder,) = (f for f in (tmp_path / ".netvet" / "runs").iterdir() if not f.name.startswith("."))
    assert sorted(file.name for file in folder.iterdir()) == ["rank0.db", "rank1.db"]
    assert not list((tmp_path / ".netvet" / "runs" / ".jobs").iterdir())
    run = Run.open(folder)
    assert [(r["rank"], r["ended"], r["problems"]) for r in run.get("ranks")] == [(0, "ok", []), (1, "ok", [])]
    assert run.get("replicas")[0]["differing"] == []
    assert run.get("replicas")[0]["same_inputs"] == []
    losses = [next(iter(Run.open(folder / f"rank{k}.db").get("loss").values())).values for k in range(2)]
    assert next(iter(run.get("loss").values())).values == pytest.approx(sum(losses) / 2, rel=1e-12)


def test_the_slow_the_diverging_and_the_killed_rank_are_named(tmp_path):
    program = PROGRAMS / "data_parallel.py"
    done = torchrun(3, tmp_path, "-m", "netvet", "run", "--json", "report.json", program, "trouble")
    assert done.returncode != 0
    assert "Training is wrong" in done.stdout, done.stderr
    assert done.stdout.count("Not assessed") == 1
    report = json.loads((tmp_path / "report.json").read_text())
    messages = {f["check"]: f["message"] for f in report["findings"]}
    assert "the others wait for rank 1 at every step" in messages["straggling-rank"]
    assert "rank 2 differs from the other 2 processes from step 1" in messages["unsynchronised-replicas"]
    lost = next(f for f in report["findings"] if f["check"] == "lost-rank" and f["severity"] == "error")
    assert (lost["where"], lost["step"]) == ("rank 2", 39)
    (folder,) = (f for f in (tmp_path / ".netvet" / "runs").iterdir() if not f.name.startswith("."))
    stored = next(iter(Run.open(folder / "rank2.db").get("loss").values()))
    assert stored.steps.tolist() == list(range(40))


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """What a sharded program says of itself, and the recorded run."""
    place = tmp_path_factory.mktemp("sharded")
    done = torchrun(4, place, "-m", "netvet", "run", "--every", "1", PROGRAMS / "sharded.py", "out.json")
    assert done.returncode == 0, done.stderr
    (folder,) = (f for f in (place / ".netvet" / "runs").iterdir() if not f.name.startswith("."))
    return json.loads((place / "out.json").read_text()), Run.open(folder)


@pytest.mark.parametrize("signal", ["param_norm", "param_std", "param_grad_norm", "update_ratio", "grad_cosine"])
def test_a_statistic_of_a_sharded_parameter_is_that_of_the_whole(sharded, signal):
    reference, run = sharded
    names = [*reference["names"], *(["(all)"] if signal == "grad_cosine" else [])]
    found = run.get(signal)
    for position, name in enumerate(names):
        known = dict(zip(found[name].steps.tolist(), found[name].values.tolist(), strict=True))
        wanted = {k: one[signal][position] for k, one in enumerate(reference["steps"]) if signal in one}
        wanted = {step: value for step, value in wanted.items() if value is not None}
        assert known == pytest.approx(wanted, rel=2e-6, abs=2e-6), name


@pytest.mark.parametrize(
    ("signal", "field"), [("grad_norm", None), ("grad_norm_before_clip", "before"), ("loss", None)]
)
def test_a_number_of_the_whole_training_is_that_of_all_ranks(sharded, signal, field):
    reference, run = sharded
    (found,) = run.get(signal).values()
    assert found.values == pytest.approx([one[field or signal] for one in reference["steps"]], rel=1e-6)


def test_netvet_sends_no_word_to_other_ranks(sharded):
    reference, run = sharded
    assert reference["exchanges"] > 0
    assert reference["by_netvet"] == []
    assert [record["problems"] for record in run.get("ranks")] == [[]] * 4
