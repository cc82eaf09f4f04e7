"""The score of a run: by the targets of the batches that an evaluation draws, and none where there is none."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from netvet.fixes.aims import Aims
from netvet.fixes.measured import _of_passes
from netvet.fixes.rerun import Rerun, rerun_apart
from netvet.fixes.scoring import Scored, Series
from netvet.fixes.tally import Tally

COMMON = """
import hashlib
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
generator = torch.Generator().manual_seed(1)
x = torch.randn(600, 8, generator=generator)
scores = x @ torch.randn(8, 4, generator=generator)
y = TARGET
train = DataLoader(TensorDataset(x[:400], y[:400]), 32, shuffle=True)
val = DataLoader(TensorDataset(x[400:], y[400:]), 64)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, OUTPUTS))

    def forward(self, x):
        return self.layers(x)

    def predict(self, x):
        self.eval()
        with torch.no_grad():
            return self(x).argmax(1)


def collect(model, of=lambda out: out.numpy()):
    model.eval()
    found, wanted = [], []
    with torch.no_grad():
        for a, b in val:
            found.append(of(model(a)))
            wanted.append(b.numpy())
    return np.concatenate(found), np.concatenate(wanted)


def fit(model):
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(2):
        model.train()
        for a, b in train:
            optimizer.zero_grad()
            LOSS.backward()
            optimizer.step()
        result = evaluate(model)
    return result
"""
CLASSES = ("scores.argmax(1)", "4", "nn.functional.cross_entropy(model(a), b)")
NUMBERS = ("scores[:, 0]", "1", "nn.functional.mse_loss(model(a), b.unsqueeze(1))")
BY_HAND = ("scores[:, 0]", "1", "((model(a)[:, 0] - b) ** 2).mean()")
MANY = ("(scores > 1).float()", "4", "nn.functional.binary_cross_entropy_with_logits(model(a), b)")
SHIFTED = ("scores.argmax(1) + 1", "4", "nn.functional.cross_entropy(model(a), b - 1)")
ONE_HOT = ("scores.argmax(1)", "4", "nn.functional.mse_loss(model(a), nn.functional.one_hot(b, 4).float())")

IN_NUMPY = """
    p, t = collect(model)
    return (p.argmax(1) == t).mean()"""
LABELS = """
    from sklearn.metrics import accuracy_score
    p, t = collect(model, lambda out: out.argmax(1).numpy())
    return accuracy_score(t, p)"""
PREDICT = """
    return np.mean([label == t for a, b in val for label, t in zip(model.predict(a).tolist(), b.tolist())])"""
R2 = """
    p, t = collect(model)
    return 1 - ((p[:, 0] - t) ** 2).sum() / ((t - t.mean()) ** 2).sum()"""
R2_AT_ONCE = """
    model.eval()
    with torch.no_grad():
        error = (model(x[400:])[:, 0] - y[400:]).square().sum()
    return 1 - float(error / (y[400:] - y[400:].mean()).square().sum())"""
PLUS_ONE = IN_NUMPY.replace("p.argmax(1)", "p.argmax(1) + 1")
MANY_LABELS = """
    p, t = collect(model)
    return ((p > 0) == (t > 0.5)).mean()"""


def program(folder, setting, evaluation, end="print(repr(float(result)))"):
    """A script, written to a folder."""
    text = COMMON.replace("TARGET", setting[0]).replace("OUTPUTS", setting[1]).replace("LOSS", setting[2])
    text += f"\n\ndef evaluate(model):{evaluation}\n\n\nmodel = Net()\nresult = fit(model)\n{end}\n"
    (folder / "train.py").write_text(text)
    return Rerun("train.py", folder=str(folder), seconds=120)


def printed(folder):
    """What it prints when it is run plainly."""
    done = subprocess.run([sys.executable, "train.py"], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("setting", "evaluation", "metric"),
    [
        (CLASSES, IN_NUMPY, "accuracy"),
        (CLASSES, LABELS, "accuracy"),
        (CLASSES, PREDICT, "accuracy"),
        (SHIFTED, PLUS_ONE, "accuracy"),
        (ONE_HOT, IN_NUMPY, "accuracy"),
        (MANY, MANY_LABELS, "accuracy"),
        (NUMBERS, R2, "r2"),
        (BY_HAND, R2, "r2"),
        (BY_HAND, R2_AT_ONCE, "r2"),
    ],
)
def test_the_score_is_that_of_the_programs_own_evaluation(tmp_path, setting, evaluation, metric):
    found = rerun_apart(program(tmp_path, setting, evaluation))
    assert (found.metric, found.split, found.samples, found.error) == (metric, "val", 200, "")
    assert found.value == pytest.approx(float(printed(tmp_path)), abs=1e-5)
    assert len(found.curve) == 2


def test_scoring_changes_nothing_in_the_training(tmp_path):
    digest = "hashlib.sha256(nn.utils.parameters_to_vector(model.parameters()).detach().numpy().tobytes()).hexdigest()"
    plain = program(tmp_path, CLASSES, IN_NUMPY, f"print({digest})")
    wanted = printed(tmp_path)
    text = (tmp_path / "train.py").read_text() + f"\nassert {digest} == {wanted!r}\n"
    (tmp_path / "train.py").write_text(
        text.replace("torch.manual_seed(0)", "torch.set_num_threads(1)\ntorch.manual_seed(0)")
    )
    found = rerun_apart(plain)
    assert (found.ended, found.error) == ("ok", "")


def test_a_batch_that_was_drawn_long_ago_is_not_taken_for_the_present_one(tmp_path):
    asked = program(tmp_path, CLASSES, IN_NUMPY)
    text = (tmp_path / "train.py").read_text().replace("in val:", "in list(val):")
    (tmp_path / "train.py").write_text(text)
    assert rerun_apart(asked).split == "train"


def test_folds_count_alike(tmp_path):
    end = """
results = [float(result)]
for _ in range(2):
    results.append(float(fit(Net())))
print(repr(sum(results) / 3))"""
    asked = program(tmp_path, CLASSES, IN_NUMPY, end)
    text = (tmp_path / "train.py").read_text().replace("result = fit(model)\n", "").replace("[float(result)]", "[]")
    (tmp_path / "train.py").write_text(text.replace("range(2):\n    results", "range(3):\n    results"))
    found = rerun_apart(asked)
    assert found.value == pytest.approx(float(printed(tmp_path)), abs=1e-6)
    assert (found.samples, found.how) == (600, "the last evaluation passes of 3 models")


def test_adversarial_nets_are_not_assessed(tmp_path):
    (tmp_path / "train.py").write_text("""
import torch
from torch import nn
G, D = nn.Linear(2, 2), nn.Linear(2, 1)
g, d = torch.optim.Adam(G.parameters()), torch.optim.Adam(D.parameters())
loss, ones, zeros = nn.BCEWithLogitsLoss(), torch.ones(32, 1), torch.zeros(32, 1)
for _ in range(20):
    d.zero_grad()
    (loss(D(torch.randn(32, 2) + 2), ones) + loss(D(G(torch.randn(32, 2)).detach()), zeros)).backward()
    d.step()
    g.zero_grad()
    loss(D(G(torch.randn(32, 2))), ones).backward()
    g.step()
""")
    found = rerun_apart(Rerun("train.py", folder=str(tmp_path), seconds=120))
    assert found.metric is None
    assert found.unmeasured.startswith("2 optimizers follow losses of their own")


def test_samples_that_the_model_has_met_by_itself_show_nothing():
    aims = Aims()
    prints = torch.arange(10).numpy()
    aims.met(prints)
    aims.trained(prints)
    assert "what it has met by itself" in aims.against(loss_alone=False)
    aims = Aims()
    aims.trained(prints)
    aims.met(prints)
    assert aims.against(loss_alone=False) == ""


def test_padding_is_left_out_of_the_accuracy():
    tally = Tally()
    given = torch.eye(4)
    tally.add("cross_entropy", given, torch.tensor([0, 1, -1, -1]), 0.1, {"ignore_index": -1})
    tally.add("cross_entropy", given, torch.tensor([0, 2, -100, -100]), 0.1, {})
    assert tally.scores()["accuracy"] == 0.75


def test_weights_that_are_kept_are_scored_by_the_evaluation_behind_the_loop():
    def evaluated(place, steps, first=0, model="Net"):
        passes = [Scored(step, {"loss": 1.0 / (first + i)}, "cross_entropy", 50) for i, step in enumerate(steps, 1)]
        return Series(place, model, None, np.arange(9), passes)

    loop, behind = evaluated("loop", [10, 20, 30]), evaluated("behind", [30], first=9)
    found = _of_passes([loop, behind], "val")
    assert found["scores"]["loss"].value == 0.1
    assert found["scores"]["loss"].curve[-1] == [30.0, 0.1]
    for other in (evaluated("before", [5], 9), evaluated("behind", [30], 9, "Other")):
        assert _of_passes([loop, other], "val")["scores"]["loss"].value == 1 / 3
    behind.prints = np.arange(9) + 1  # of a test set
    assert _of_passes([loop, behind], "val")["scores"]["loss"].value == 1 / 3
