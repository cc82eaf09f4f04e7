"""Where things were made: lines of the user's code for modules, parameters, loaders, losses and data."""

import copy
import pickle
from pathlib import Path

import pytest
import torch

from netvet.capture.runner import RunOptions
from netvet.capture.runner import run as watch
from netvet.core import Facts
from netvet.store import Run

PROGRAM = """
import torch
from torch import nn
from torch.nn.init import xavier_uniform_
from torch.utils.data import DataLoader, Dataset

class Points(Dataset):
    def __init__(self):
        self.x, self.y = torch.randn(32, 4), torch.randint(3, (32,))  # draws
    def __len__(self):
        return 32
    def __getitem__(self, i):  # reads
        x = self.x[i]
        x *= 0.9  # changes
        return x, self.y[i]

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 8)  # fc
        self.body = nn.Sequential(
            nn.ReLU(),  # relu
        )
        self.gain = nn.Parameter(torch.ones(8))  # gain
        self.out = nn.Linear(8, 3)
        self.spare = nn.Linear(8, 3)
        for p in self.spare.parameters():
            p.requires_grad = False  # freezes
    def forward(self, x):
        h = self.body(self.fc(x)) * self.gain
        rest = h.detach()  # cuts
        return self.out(h)  # calls out

net = Net()  # net
xavier_uniform_(net.fc.weight)  # xavier
net.out.bias.data.fill_(1.0)  # fills
net.fc.bias.requires_grad_(False)  # freezes one
net = net.to(torch.float64).to(torch.float32)
points = Points()  # points
loader = DataLoader(points, batch_size=8)  # loader
criterion = nn.CrossEntropyLoss(  # criterion
    reduction="sum",
)
optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.01)

def train(batches):
    for x, y in batches:
        loss = criterion(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

for epoch in range(3):
    train(loader)
"""


def line(mark: str) -> int:
    return next(i for i, text in enumerate(PROGRAM.splitlines(), 1) if text.endswith(f"# {mark}"))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder: Path = tmp_path_factory.mktemp("origins")
    (folder / "program.py").write_text(PROGRAM)
    outcome = watch(RunOptions(str(folder / "program.py"), False, (), folder / "store", probes=False, every=1))
    assert outcome.script_status == 0
    assert not outcome.problems
    assert outcome.run_path is not None
    return Run.open(outcome.run_path)


def record(seen: Run, signal: str, **wanted: object) -> dict[str, object]:
    facts = seen.get(signal)
    assert isinstance(facts, Facts)
    return dict(facts.where(**wanted)[0])


@pytest.mark.parametrize(("module", "mark"), [("Net", "net"), ("fc", "fc"), ("body.0", "relu")])
def test_modules_point_at_the_line_that_makes_them(seen: Run, module: str, mark: str) -> None:
    assert record(seen, "modules", name=module)["created_line"] == line(mark)


def test_a_module_in_a_container_has_no_calling_line_of_its_own(seen: Run) -> None:
    assert record(seen, "modules", name="body.0")["called_line"] is None
    assert record(seen, "modules", name="out")["called_line"] == line("calls out")


@pytest.mark.parametrize(
    ("parameter", "created", "init", "frozen"),
    [
        ("fc.weight", "fc", "xavier", None),
        ("fc.bias", "fc", None, "freezes one"),
        ("gain", "gain", None, None),
        ("out.bias", None, "fills", None),  # found although `.data` is another tensor and the model was moved
        ("spare.weight", None, None, "freezes"),
    ],
)
def test_parameters(seen: Run, parameter: str, created: str | None, init: str | None, frozen: str | None) -> None:
    found = record(seen, "parameters", name=parameter)
    assert created is None or found["created_line"] == line(created)
    assert found["init_line"] == (line(init) if init else None)
    assert found["frozen_line"] == (line(frozen) if frozen else None)


def test_loaders_know_their_line_and_that_of_their_data_set(seen: Run) -> None:
    found = record(seen, "loaders")
    assert (found["created_line"], found["dataset_line"]) == (line("loader"), line("reads"))
    assert record(seen, "stored_data")["change_line"] == line("changes")


def test_losses_and_inputs_are_followed_to_what_made_them(seen: Run) -> None:
    loss = record(seen, "losses")
    assert (loss["created_line"], loss["target_line"]) == (line("criterion"), line("draws"))
    assert record(seen, "inputs")["data_line"] == line("changes")


def test_nothing_stays_on_tensors_or_models(seen: Run) -> None:
    """The taps are gone, and no attribute was left behind that pickling or copying would meet."""
    assert "normal_" not in vars(torch.Tensor)
    assert "requires_grad_" not in vars(torch.Tensor)
    assert torch.nn.init.normal_.__module__ == "torch.nn.init"
    assert not hasattr(torch.nn.init.normal_, "__wrapped__")
    model = torch.nn.Linear(2, 2)
    assert set(vars(copy.deepcopy(model))) == set(vars(pickle.loads(pickle.dumps(model)))) == set(vars(model))


def test_meta_lazy_scripted_and_compiled_models_are_made_as_ever(tmp_path: Path) -> None:
    program = tmp_path / "odd.py"
    program.write_text(
        "import copy, pickle, warnings, torch\n"
        "warnings.simplefilter('ignore')\n"
        "from torch import nn\n"
        "meta = nn.Linear(3, 3, device='meta')\n"
        "nn.init.normal_(meta.weight)\n"
        "lazy = nn.LazyLinear(2)\n"
        "scripted = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))\n"
        "double = torch.compile(lambda x: x.clone().mul_(2), backend='eager', fullgraph=True)\n"
        "assert double(torch.ones(2)).tolist() == [2, 2]\n"
        "net = pickle.loads(pickle.dumps(copy.deepcopy(nn.Sequential(lazy, nn.Linear(2, 2)))))\n"
        "net(torch.randn(4, 5)); scripted(torch.randn(4, 2))\n"
        "frozen = copy.deepcopy(net).requires_grad_(False)\n"
        "assert not any(p.requires_grad for p in frozen.parameters())\n"
        "optimizer = torch.optim.SGD(net.parameters(), 0.1)\n"
        "for _ in range(3):\n"
        "    net(torch.randn(4, 5)).square().mean().backward()\n"
        "    optimizer.step()\n"
    )
    outcome = watch(RunOptions(str(program), False, (), tmp_path / "store", probes=False))
    assert (outcome.script_status, outcome.problems) == (0, ()), outcome.exception_text
