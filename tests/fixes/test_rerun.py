"""One run of a program in a process of its own: what is measured, and that nothing is left behind."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from netvet.fixes.measured import Measured, Score, common_metric, thinned
from netvet.fixes.rerun import Rerun, rerun_apart
from netvet.fixes.tally import Tally

DIGITS = """
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
for epoch in range(3):
    for batch in torch.randperm(1400).split(100):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
    EVALUATION
AT_THE_END
"""
EVALUATION = """with torch.no_grad():
        accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()"""


def digits(folder, *, lr="0.01", evaluation=EVALUATION, end="", name="train.py"):
    """A script on digits, written to a folder."""
    text = DIGITS.replace("LR", lr).replace("EVALUATION", evaluation).replace("AT_THE_END", end)
    (folder / name).write_text(text)
    return Rerun(name, folder=str(folder), seconds=120)


def contents(folder):
    """Every file below a folder with its bytes."""
    return {str(p): p.read_bytes() if p.is_file() else None for p in sorted(Path(folder).rglob("*"))}


def test_the_metric_is_that_of_running_the_program_plainly(tmp_path):
    asked = digits(tmp_path, end="print(repr(accuracy))")
    plain = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    found = rerun_apart(asked)
    assert (found.metric, found.split, found.ended, found.error, found.samples) == ("accuracy", "val", "ok", "", 397)
    assert found.value == pytest.approx(float(plain.stdout), abs=1e-6)
    assert [step for step, _ in found.curve] == [14.0, 28.0, 42.0]
    assert found.best == max(v for _, v in found.curve)
    assert (found.steps, len(found.train_curve)) == (42, 42)
    json.dumps(found.record(), allow_nan=False)


def test_the_same_seed_gives_the_same_value_and_another_seed_another(tmp_path):
    asked = digits(tmp_path)
    again = Rerun(**(asked.__dict__ | {"seed": 1}))
    first, second, third = rerun_apart(again), rerun_apart(again), rerun_apart(asked)
    assert (first.value, first.curve, first.train_curve) == (second.value, second.curve, second.train_curve)
    assert first.train_curve != third.train_curve


def test_the_patched_script_is_what_runs(tmp_path):
    asked = digits(tmp_path, lr="0.0")
    text = (tmp_path / "train.py").read_text().replace("lr=0.0", "lr=0.01")
    patched = Rerun(**(asked.__dict__ | {"sources": {str(tmp_path / "train.py"): text}}))
    assert rerun_apart(asked).value < 0.3
    assert rerun_apart(patched).value > 0.7


def test_a_module_of_a_package_is_run_with_patches(tmp_path):
    package = tmp_path / "trained"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "settings.py").write_text("LR = 0.0\n")
    digits(package, lr="settings.LR")
    text = "from . import settings\n" + (package / "train.py").read_text()
    (package / "train.py").write_text(text)
    asked = Rerun("trained.train", is_module=True, folder=str(tmp_path), seconds=120)
    patched = Rerun(**(asked.__dict__ | {"sources": {str(package / "settings.py"): "LR = 0.01\n"}}))
    before = contents(tmp_path)
    assert rerun_apart(asked).value < 0.3
    assert rerun_apart(patched).value > 0.7
    assert contents(tmp_path) == before


WRITES = """
import os, time
from pathlib import Path
here = Path(__file__).resolve().parent
torch.save(model.state_dict(), "model.pt")
torch.save(model.state_dict(), here / "best.pt")
os.makedirs(here / "runs" / "a", exist_ok=True)
(here / "runs" / "a" / "x").write_text("x")
with open("log.txt", "a") as log:
    log.write("more")
with open(here / "log.txt", "a") as log:
    log.write("more")
assert (here / "log.txt").read_text() == "beginmoremore"
assert torch.load(here / "best.pt").keys() == model.state_dict().keys()
"""


def test_the_users_files_stay_as_they_are_whatever_the_program_writes(tmp_path):
    (tmp_path / "log.txt").write_text("begin")
    asked = digits(tmp_path, end=WRITES)
    before = contents(tmp_path)
    found = rerun_apart(asked)
    assert (found.ended, found.error) == ("ok", "")
    assert contents(tmp_path) == before


def test_a_run_that_takes_too_long_is_killed_and_leaves_nothing(tmp_path):
    (tmp_path / "log.txt").write_text("begin")
    text = "import torch, time\nmodel = torch.nn.Linear(1, 1)\n" + WRITES
    (tmp_path / "train.py").write_text(text + "print('waits', flush=True)\ntime.sleep(600)\n")
    before = contents(tmp_path)
    found = rerun_apart(Rerun("train.py", folder=str(tmp_path), seconds=12))
    assert (found.ended, found.metric) == ("killed", None)
    assert found.error.splitlines() == ["stopped after 12 s", "waits"]
    assert contents(tmp_path) == before


def test_a_crash_is_a_result(tmp_path):
    asked = digits(tmp_path, end="import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    found = rerun_apart(asked)
    assert found.ended == "killed"
    assert "its process ended with status" in found.error


def test_an_exception_shows_the_patched_line(tmp_path):
    asked = digits(tmp_path)
    text = (tmp_path / "train.py").read_text() + "\nraise RuntimeError('of the patch')  # here\n"
    found = rerun_apart(Rerun(**(asked.__dict__ | {"sources": {str(tmp_path / "train.py"): text}})))
    assert found.ended == "exception"
    assert "RuntimeError: of the patch" in found.error
    assert "raise RuntimeError('of the patch')  # here" in found.error
    assert found.metric == "accuracy"  # what was measured until then


def test_a_program_that_is_not_there_is_a_result(tmp_path):
    found = rerun_apart(Rerun("none.py", folder=str(tmp_path)))
    assert "no such script" in found.error


def test_it_ends_after_so_many_steps(tmp_path):
    asked = digits(tmp_path)
    found = rerun_apart(Rerun(**(asked.__dict__ | {"steps": 20})))
    assert (found.steps, found.ended) == (20, "stopped")
    assert [step for step, _ in found.curve] == [14.0]


def test_without_held_out_samples_the_trained_model_is_scored_on_training_samples(tmp_path):
    found = rerun_apart(digits(tmp_path, evaluation="pass"))
    assert (found.metric, found.split, found.samples) == ("accuracy", "train", 1100)
    assert found.value > 0.8
    assert "trained model" in found.how


def test_an_evaluation_on_training_samples_is_not_taken_for_held_out(tmp_path):
    evaluation = """with torch.no_grad():
        on_train = nn.functional.cross_entropy(model(x[:1400]), y[:1400])"""
    assert rerun_apart(digits(tmp_path, evaluation=evaluation)).split == "train"


def test_a_request_can_be_sent_to_another_process(tmp_path):
    asked = digits(tmp_path)
    assert pickle.loads(pickle.dumps(asked)) == asked


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_r2_does_not_depend_on_the_scale_of_the_targets(scale):
    target = torch.tensor([[1.0], [2.0], [4.0], [7.0]])
    tally = Tally()
    for part in (slice(0, 3), slice(3, 4)):
        tally.add("mse_loss", (target + 0.5)[part] * scale, target[part] * scale, 0.25, {})
    assert tally.scores()["r2"] == pytest.approx(1 - 0.25 / float(target.var(correction=0)))


def test_probabilities_handed_to_a_loss_of_logits_are_read_as_probabilities():
    target = torch.tensor([1.0, 0.0, 1.0, 0.0])
    tally = Tally()
    tally.add("binary_cross_entropy_with_logits", torch.tensor([0.9, 0.1, 0.6, 0.4]), target, 0.6, {})
    assert tally.scores()["accuracy"] == 1.0
    tally = Tally()
    tally.add("binary_cross_entropy_with_logits", torch.tensor([0.3, -0.1, 2.6, -0.4]), target, 0.6, {})
    assert tally.scores()["accuracy"] == 1.0


def test_classes_fitted_as_numbers_have_an_accuracy_too():
    given, classes = torch.randn(20, 4), torch.randint(4, (20,))
    one_hot, entropy = Tally(), Tally()
    one_hot.add("mse_loss", given, F.one_hot(classes, 4).float(), 0.1, {})
    entropy.add("cross_entropy", given, classes, 1.0, {"ignore_index": -100})
    assert one_hot.scores()["accuracy"] == entropy.scores()["accuracy"]


def test_predictions_are_not_broadcast_against_targets():
    target = torch.arange(6.0)
    tally = Tally()
    tally.add("mse_loss", target.reshape(6, 1), target, 5.0, {})
    assert tally.scores()["r2"] == 1.0


def test_runs_are_compared_by_what_both_have():
    accuracy = Measured(metric="accuracy", scores={"accuracy": Score(0.5, 0.5), "loss": Score(1.0, 1.0)})
    loss = Measured(metric="loss", scores={"loss": Score(1.0, 1.0)})
    other = Measured(metric="loss", scores={"loss": Score(1.0, 1.0)}, loss_function="mse_loss")
    assert common_metric(accuracy, accuracy) == "accuracy"
    assert common_metric(accuracy, loss) == "loss"
    assert common_metric(loss, other) is None
    assert common_metric(loss, Measured(metric="loss", split="train", scores=loss.scores)) is None


def test_a_long_curve_is_thinned():
    points = thinned([(i, float(i)) for i in range(1, 1_001)])
    assert len(points) <= 200
    assert points[-1][0] == 1_000
