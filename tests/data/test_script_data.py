"""`netvet data train.py`: what is read of ordinary scripts, and how it ends where there is nothing to read."""

import json

import jsonschema
import pytest

from netvet.report.schemas import schema
from netvet.store import Run
from tests.program import call

HEAD = """
import torch, sys
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
g = torch.Generator().manual_seed(0)
x = torch.randn(400, 6, generator=g)
y = (x[:, 0] + 0.3 * torch.randn(400, generator=g) > 0).long()
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.Adam(net.parameters(), 1e-2)
def step(a, b):
    loss = nn.functional.cross_entropy(net(a), b)
    opt.zero_grad(); loss.backward(); opt.step()
"""
LOADERS = """
def main():
    train = DataLoader(TensorDataset(x[:300], y[:300]), batch_size=20, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[START:350], y[START:350]), batch_size=25)
    test_loader = DataLoader(TensorDataset(x[350:], y[350:]), batch_size=25)
    for epoch in range(3000):
        for a, b in train:
            step(a, b)
        with torch.no_grad():
            hits = sum((net(a).argmax(1) == b).sum().item() for a, b in val_loader)
        print("epoch", epoch)
    sum(net(a).sum() for a, b in test_loader)
main()
"""
FULL = """
for i in range(40):
    step(x[:300], y[:300])
    if i % 5 == 4:
        with torch.no_grad():
            nn.functional.cross_entropy(net(x[300:]), y[300:])
"""
BY_HAND = """
for epoch in range(6):
    order = torch.randperm(300)
    for i in range(0, 300, 30):
        step(x[order[i : i + 30]], y[order[i : i + 30]])
    with torch.no_grad():
        net(x[300:])
"""


def audited(body, tmp_path, *options, arguments=()):
    (tmp_path / "train.py").write_text(HEAD + body)
    target = tmp_path / "report.json"
    command = ["-m", "netvet", "data", "--json", str(target), *options, "train.py", *arguments]
    out, err = call(command, tmp_path)
    report = json.loads(target.read_text()) if target.exists() else None
    runs = Run.list(tmp_path / ".netvet" / "runs")
    return out, err, report, Run.open(runs[0].path) if runs else None


def names(report):
    return [f["check"] for f in report["findings"] if f["severity"] == "error"]


def splits(run):
    return {s["split"]: (s["samples"], len(s["classes"])) for s in run.get("data_splits")}


@pytest.mark.parametrize(("start", "found"), [("300", []), ("250", ["split-overlap"])])
def test_loaders_are_read_until_they_were_seen_the_test_set_too(start, found, tmp_path):
    out, err, report, run = audited(LOADERS.replace("START", start), tmp_path)
    assert names(report) == found
    assert splits(run) == {"train": (300, 2), "val": (350 - int(start), 2), "test": (50, 2)}
    assert run.get("run")[0]["stopped_because"].startswith("its data having been seen")
    assert "epoch 0" in out
    assert (out + err).lower().count("stopped at step") == 1
    assert "epoch 3\n" not in out
    assert {r["split"] for r in run.get("net_inputs")} == {"train", "val"}
    losses = run.get("sample_losses")[0]
    assert len(losses["losses"]) == 300


@pytest.mark.parametrize("body", [FULL, BY_HAND])
def test_data_without_a_loader_are_those_that_entered_the_model(body, tmp_path):
    _, _, report, run = audited(body, tmp_path, "--whole")
    assert names(report) == []
    assert {name: count for name, (count, _) in splits(run).items()} == {"train": 300, "val": 100}
    assert run.get("run")[0]["ended"] == "ok"
    assert len(run.get("sample_losses")[0]["steps"]) >= 3


MIXED = """
torch.manual_seed(0)
for i in range(40):
    pick, share = torch.randperm(300), float(torch.rand(())) ** 4
    out = net((1 - share) * x[:300] + share * x[:300][pick])
    loss = (1 - share) * nn.functional.cross_entropy(out, y[:300]) + share * nn.functional.cross_entropy(out, y[pick])
    opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        nn.functional.cross_entropy(net(x[300:]), y[300:])
"""
GROWING = """
class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(1, 2)
    def forward(self, a):
        return self.one(a.mean(1, keepdim=True))
net = Mean()
opt = torch.optim.Adam(net.parameters(), 1e-2)
y, aims = (torch.randint(0, 2, (n,), generator=g) for n in (300, 100))
data = torch.randint(0, 4, (300, WIDTH), generator=g) + 2.0 * y[:, None]
wide = torch.randint(0, 4, (100, HELD), generator=g) + 2.0 * aims[:, None]
for i in range(40):
    step(data, y)
    with torch.no_grad():
        nn.functional.cross_entropy(net(wide), aims)
"""


def test_samples_that_are_mixed_have_no_target_of_their_own(tmp_path):
    _, _, report, run = audited(MIXED, tmp_path, "--whole")
    assert [f["check"] for f in report["findings"] if f["severity"] in ("error", "warning")] == []
    assert splits(run)["train"][1] == splits(run)["val"][1] == 2
    assert run.get("data_splits")[0]["counts"] is None


TWO_TARGETS = """
other = x[:, 1] ** 2
loaders = [DataLoader(TensorDataset(x[a:b], y[a:b], other[a:b]), batch_size=25) for a, b in ((0, 300), (300, 400))]
for epoch in range(3):
    for a, b, c in loaders[0]:
        out = net(a)
        loss = nn.functional.cross_entropy(out, b) + nn.functional.mse_loss(out[:, 0], c)
        opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        for a, b, c in loaders[1]:
            nn.functional.mse_loss(net(a)[:, 0], c)
"""


def test_all_splits_have_the_target_of_the_training_data(tmp_path):
    _, _, report, run = audited(TWO_TARGETS, tmp_path)
    assert splits(run) == {"train": (300, 2), "val": (100, 2)}
    assert [f["check"] for f in report["findings"] if f["severity"] in ("error", "warning")] == []


STILL = """
opt = torch.optim.SGD(net.parameters(), 1e-12)
for epoch in range(3000):
    for i in range(0, 300, 2):
        step(x[i : i + 2], y[i : i + 2])
    with torch.no_grad():
        nn.functional.cross_entropy(net(x[300:]), y[300:])
"""


def test_the_course_of_a_training_that_was_cut_short_is_not_judged(tmp_path):
    _, _, report, run = audited(STILL, tmp_path)
    assert run.get("run")[0]["stopped_step"] >= 150
    assert [f["check"] for f in report["findings"] if f["severity"] in ("error", "warning")] == []


@pytest.mark.parametrize(("width", "held"), [(6, 12), (300, 400)])
def test_held_out_samples_may_have_another_size_than_the_training_data(width, held, tmp_path):
    body = GROWING.replace("WIDTH", str(width)).replace("HELD", str(held))
    _, _, report, _ = audited(body, tmp_path, "--whole")
    assert [f["check"] for f in report["findings"] if f["severity"] in ("error", "warning")] == []
    assert not any("failed" in told["reason"] for told in report["not_assessed"])


def test_arguments_behind_the_script_are_its_own(tmp_path):
    out, *_ = audited("print(sys.argv[1:])\n" + FULL, tmp_path, arguments=["--epochs", "3", "--json", "x"])
    assert "['--epochs', '3', '--json', 'x']" in out


def test_a_script_without_data_is_one_clear_line(tmp_path):
    _, err, report, _ = audited("print('done')", tmp_path)
    assert report is None
    assert "train.py ended, and no single samples of its data entered a model" in err
    assert "Traceback" not in err


def test_a_script_that_fails_before_its_data_shows_its_own_error(tmp_path):
    _, err, _, _ = audited("raise ValueError('no such file')", tmp_path)
    assert "ValueError: no such file" in err
    assert "train.py ended before data entered a model" in err


FOLDS = """
for fold in range(3):
    held = torch.arange(400) % 3 == fold
    train = DataLoader(TensorDataset(x[~held], y[~held]), batch_size=20, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[held], y[held]), batch_size=25)
    for epoch in range(3):
        for a, b in train:
            step(a, b)
    with torch.no_grad():
        hits = sum((net(a).argmax(1) == b).sum().item() for a, b in val_loader)
"""
PEOPLE = """
class Visits(torch.utils.data.Dataset):
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, i):
        row = self.rows[i]
        return {"pixels": x[row], "label": y[row], "patient_id": row % 40}
train = DataLoader(Visits(range(300)), batch_size=20, shuffle=True)
val_loader = DataLoader(Visits(range(300, 400)), batch_size=25)
for epoch in range(3000):
    for one in train:
        step(one["pixels"], one["label"])
    with torch.no_grad():
        for one in val_loader:
            net(one["pixels"])
"""


def test_the_held_out_data_of_the_next_fold_are_not_those_of_this_one(tmp_path):
    _, _, report, run = audited(FOLDS, tmp_path)
    assert "split-overlap" not in [f["check"] for f in report["findings"]]
    assert {name: n for name, n in splits(run).items() if name.startswith("val")} == {"val": (134, 2)}


@pytest.mark.parametrize(("options", "severity"), [((), "note"), (("--group", "patient_id"), "error")])
def test_parts_of_a_batch_that_the_net_is_not_given_tell_whose_samples_are(options, severity, tmp_path):
    _, _, report, _ = audited(PEOPLE, tmp_path, *options)
    assert [f["severity"] for f in report["findings"] if f["check"] == "group-overlap"] == [severity]


@pytest.mark.parametrize("target", ["train.py", "train.py:both"])
def test_samples_of_a_script_can_be_searched(target, tmp_path):
    both = (
        'def both():\n    return {"train": TensorDataset(x[:300], y[:300]), "val": TensorDataset(x[300:], y[300:])}\n'
    )
    body = HEAD + both + LOADERS.replace("START", "300").replace("\nmain()", "\nif __name__ == '__main__':\n    main()")
    (tmp_path / "train.py").write_text(body)
    command = ["-m", "netvet", "data", "--find", "highest > 2.5 and split == 'train'", "--json", "found.json"]
    out, _ = call([*command, target], tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    jsonschema.validate(found, schema("samples"))
    assert 0 < found["count"] < found["total"] == 400
    assert "of 400 samples" in out
    assert "No fault" not in out


CONVOLVED = """
from sklearn.datasets import load_sample_images
photo = torch.tensor(load_sample_images().images[0] / 255.0, dtype=torch.float32)
at = torch.randint(0, 380, (300, 2), generator=g).tolist()
pictures = torch.stack([photo[a : a + 16, b : b + 16] for a, b in at])
labels = (pictures.mean((1, 2, 3)) > pictures.mean()).long()
net = nn.Sequential(nn.Conv2d(CHANNELS, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
opt = torch.optim.Adam(net.parameters(), 1e-3)
made = pictures.CHANGE
train = DataLoader(TensorDataset(made[:200], labels[:200]), batch_size=20, shuffle=True)
val_loader = DataLoader(TensorDataset(made[200:], labels[200:]), batch_size=25)
net(made[:2])
for epoch in range(9):
    for a, b in train:
        step(a, b)
    with torch.no_grad():
        [net(a) for a, b in val_loader]
"""


@pytest.mark.parametrize(
    ("channels", "change", "told"),
    [
        ("16", "clone()", "enter convolutions as 16 x 16 x 3, channels last"),
        ("3", "reshape(-1, 3, 16, 16)", "by a reshape of what has its channels last"),
        ("3", "permute(0, 3, 1, 2)", None),
    ],
)
def test_mixed_axes_of_what_enters_a_convolution_are_named(channels, change, told, tmp_path):
    body = CONVOLVED.replace("CHANNELS", channels).replace("CHANGE", change)
    _, _, report, _ = audited(body, tmp_path)
    found = [f for f in report["findings"] if f["check"] == "wrong-layout"]
    assert {f["where"] for f in found} == (set() if told is None else {"train", "val"})
    assert all(told in f["message"] and f["severity"] == "warning" for f in found)


def test_a_page_to_label_on_is_for_files(tmp_path):
    (tmp_path / "train.py").write_text(HEAD)
    _, err = call(["-m", "netvet", "data", "--annotate", "train.py"], tmp_path)
    (line,) = err.splitlines()
    assert line.startswith("netvet: error: --annotate reads files and folders: give these in place of a script")
