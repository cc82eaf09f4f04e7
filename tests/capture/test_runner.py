"""Whole scripts under `netvet run`, in processes of their own: they behave as under Python."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.Adam(model.parameters())

def train(steps=5):
    for _ in range(steps):
        x = torch.randn(16, 4)
        loss = nn.functional.cross_entropy(model(x), x.argmax(1) % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def python(folder, *arguments):
    """Run Python in a folder; returns (exit code, standard output, standard error)."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


def netvet(folder, *arguments):
    return python(folder, "-m", "netvet", "run", *arguments)


def written(folder, text, name="train.py"):
    (folder / name).write_text(text)
    return folder


def frames(text):
    """Files, lines and code of a traceback's frames that are not PyTorch's own."""
    found = re.findall(r'File "([^"]+)", line (\d+), in (\S+)\n +(.*)', text)
    return [one for one in found if "site-packages" not in one[0]]


def test_a_script_that_raises_shows_its_own_traceback_and_the_diagnosis_so_far(tmp_path):
    text = TRAIN + (
        "train()\ntry:\n    model(torch.zeros(2, 5))\nexcept RuntimeError as error:\n"
        "    raise ValueError('bad batch') from error\n"
    )
    code, _, plain = python(written(tmp_path, text), "train.py")
    watched_code, out, err = netvet(tmp_path, "train.py")
    assert (code, watched_code) == (1, 1)
    assert frames(err) == frames(plain)
    assert err.splitlines()[-1] == plain.splitlines()[-1] == "ValueError: bad batch"
    assert "The script stopped after 5 steps: ValueError: bad batch (train.py:20)" in out


@pytest.mark.parametrize(("ending", "status"), [("sys.exit(3)", 3), ("sys.exit('no data')", 1), ("sys.exit()", 0)])
def test_the_scripts_own_exit_code_and_message_are_passed_on(tmp_path, ending, status):
    written(tmp_path, TRAIN + f"import sys\ntrain()\n{ending}\n")
    code, _, err = netvet(tmp_path, "--quiet", "--no-probes", "--fail-on", "never", "train.py")
    assert code == status
    assert err.strip() == ("no data" if "no data" in ending else "")


def test_main_guards_pickling_and_forked_workers_work(tmp_path):
    text = (
        TRAIN
        + """
import pickle
from torch.utils.data import DataLoader, Dataset

class Numbers(Dataset):
    def __len__(self):
        return 32
    def __getitem__(self, i):
        return torch.full((4,), float(i)), i % 3

class Kept:
    pass

if __name__ == "__main__":
    pickle.loads(pickle.dumps(Kept()))
    for x, y in DataLoader(Numbers(), batch_size=8, num_workers=2, multiprocessing_context="fork"):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    print("seen", __file__)
"""
    )
    code, out, err = netvet(
        written(tmp_path, text), "--no-probes", "--fail-on", "never", "--json", "report.json", "train.py"
    )
    assert code == 0, err
    assert out.startswith(f"seen {tmp_path / 'train.py'}\n")
    assert json.loads((tmp_path / "report.json").read_text())["run"]["steps"] == 4


def test_a_module_runs_as_with_python_m(tmp_path):
    (tmp_path / "package").mkdir()
    written(tmp_path / "package", "")
    written(tmp_path / "package", "", "__init__.py")
    written(tmp_path / "package", TRAIN + "import sys\ntrain()\nprint(__name__, sys.argv[1:])\n", "fit.py")
    code, out, err = netvet(tmp_path, "--no-probes", "--fail-on", "never", "-m", "package.fit", "--lr", "1")
    assert code == 0, err
    assert out.startswith("__main__ ['--lr', '1']\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.py"], "no such script: 'nowhere.py'"),
        (["-m", "no.such.module"], "no such module: 'no.such.module'"),
        (["--only", "no-such-check", "train.py"], "there is no check 'no-such-check'"),
        (["--store", "train.py/runs", "train.py"], "train.py/runs"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments, told):
    code, out, err = netvet(written(tmp_path, TRAIN), *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("netvet: error: ")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("text", ["print('hello')\n", TRAIN + "print('hello')\n"])
def test_a_script_that_does_not_train_is_told_so(tmp_path, text):
    code, out, _ = netvet(written(tmp_path, text), "train.py")
    assert code == 0
    assert out.startswith("hello\n")
    assert "no training step was seen" in out


OFF_THE_ROAD = """
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)

class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8, sparse=True)
        self.cell = nn.GRUCell(8, 8)
    def forward(self, tokens, state):
        state = self.cell(self.embed(tokens), state)
        return state @ self.embed.weight.T, state

tagger, critic = Tagger(), nn.Linear(8, 1)
sparse = torch.optim.SparseAdam(tagger.embed.parameters())
# the embedding is tied to the output, so that its gradient is dense there: only the input side is kept sparse
cell = torch.optim.SGD(tagger.cell.parameters(), lr=0.1)
other = torch.optim.RMSprop(critic.parameters())
for step in range(4):
    cell.zero_grad(set_to_none=True), other.zero_grad(set_to_none=False), sparse.zero_grad()
    for micro in range(2):
        tokens = torch.randint(0, 20, (6, 5))
        state, loss = torch.zeros(6, 8), 0.0
        for t in range(4):
            with torch.no_grad():
                tied = tagger.embed.weight.T.clone()
            state = tagger.cell(tagger.embed(tokens[:, t]), state)
            loss = loss + F.cross_entropy(state @ tied, tokens[:, t + 1])
        (loss / 8).backward()
    critic(state.detach()).pow(2).mean().backward()
    cell.step(), sparse.step(), other.step()
print(round(float(loss), 6))
"""


def test_what_is_off_the_road_is_no_error_of_ours(tmp_path):
    """Several models and optimizers, cells called many times a step, tied and sparse weights, accumulation."""
    _, plain, _ = python(written(tmp_path, OFF_THE_ROAD), "train.py")
    code, out, err = netvet(tmp_path, "--fail-on", "never", "train.py")
    assert code == 0, err
    assert out.splitlines()[0] == plain.strip()
    assert "switched off" not in out


def test_nothing_is_written_beside_the_store(tmp_path):
    netvet(written(tmp_path, TRAIN + "train()\n"), "--quiet", "--no-probes", "--store", "kept", "train.py")
    assert {p.name for p in Path(tmp_path).iterdir()} == {"train.py", "kept"}
