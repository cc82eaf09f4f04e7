"""The line that gave the values of an argument their present form."""

import sys
import textwrap
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from netvet.capture.contents import Aim, content_line


def line_of(folder: Path, program: str, aim: Aim = "values") -> int | None:
    """Run a program whose function `model` is asked where its argument got its values."""
    file = folder / "program.py"
    file.write_text(textwrap.dedent(program))
    found: list[int | None] = []

    def model(*_args: object) -> None:
        frame: FrameType | None = sys._getframe(1)
        if not found and frame is not None:
            place = content_line(frame, 0, aim)
            found.append(place[1] if place else None)

    two = {"train_test_split": lambda table: (table, table), "array": np.array, "tensor": np.array}
    names = {
        **two,
        "model": model,
        "DataLoader": iter,
        "load_table": lambda: [[1.0]],
        "random_split": lambda d, _: (d, d),
    }
    exec(compile(file.read_text(), str(file), "exec"), names)
    return found[0]


FUNCTION = """
def make(scale):
    values = [v * scale for v in range(3)]
    scaled = values * 2
    return scaled, list(values)

x, y = make(2)
"""
SAMPLES = """
class Samples:
    def __init__(self, table):
        self.rows = table
        self.scaled = [v / 255 for v in table]
    def __getitem__(self, i):
        row = self.rows[i] * 3
        return row, self.scaled[i]
    def __len__(self):
        return 2

data, _ = random_split(Samples([1.0, 2.0]), [1, 1])
for x, y in DataLoader(data):
"""


COMPREHENSION = """
class Samples:
    def __init__(self, table):
        self.rows = [v / 255 for v in table]
    def __getitem__(self, i):
        return self.rows[i]
    def __len__(self):
        return 1

def check(loader):
    return [model(rows) for rows in loader]

check(DataLoader(Samples([1.0])))
"""
DECORATED = """
import torch

class Net(torch.nn.Module):
    def forward(self, values):
        return model(values)

@torch.no_grad()
def check(net, values):
    return net(values)

x = torch.zeros(3) + 1
check(Net(), x)
"""
TABLE = """
table = load_table()
train, test = train_test_split(table)
x = array(train)
y = array(table) + 1
u, v = train_test_split(y)
v = array(v)
"""


LOADERS = """
def windows(table):
    xs, ys = [], []
    for v in table:
        xs.append(v * 2)
        ys.append(
            v * 3
        )
    return xs, ys

loaders = []
for part in ([1.0], [2.0]):
    x, y = windows(part)
    loaders.append(DataLoader(zip(y, x)))
first, second = loaders
for a, b in first:
    model(b)
"""


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (COMPREHENSION, 4),
        (DECORATED, 12),
        (TABLE + "model(x)", None),
        (TABLE + "model(v)", 5),
        (FUNCTION + "model(x)", 4),
        (LOADERS, 5),
        (FUNCTION + "model(y)", 3),
        (FUNCTION + "for i, (a, b) in enumerate(zip(x, y)):\n    model(b)", 3),
        (SAMPLES + "    model(x)", 7),
        (SAMPLES + "    model(y)", 5),
        ("x = []\nfor i in range(3):\n    x.append(i)\nmodel(x)", 3),
        ("x = load_table()\nmodel(x)", None),  # from outside
        ("x = [1, 2]\ny = x * 2\nfor i in range(2):\n    model(y[i : i + 1])", 2),
    ],
)
def test_it_is_read_through_functions_and_data_sets(tmp_path: Path, program: str, line: int | None) -> None:
    assert line_of(tmp_path, program) == line


def test_the_choice_of_samples_is_what_they_were_indexed_with(tmp_path: Path) -> None:
    program = """
    class Table(list):
        def __getitem__(self, rows):
            return self
    x = Table()
    held_out = sorted([3, 1])
    x_val = x[held_out]
    model(x_val)
    """
    assert line_of(tmp_path, program, "choice") == 6


def test_the_pairing_is_where_rows_were_drawn_anew(tmp_path: Path) -> None:
    program = "x = [0.1] * 3\norder = [1]\nx = x[order.pop():]\nz = x[:2]\nmodel(z)"
    assert line_of(tmp_path, program, "pairing") == 3
    assert line_of(tmp_path, program) == 1


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("x = [1] * 9\nfor i in range(0, 9, 3):\n    rows = slice(i, i + 3)\n    model(x[rows])", 3),
        ("x = [1] * 9\nfor i in range(0, 9, 3):\n    batch = x[i : i + 3]\n    model(batch)", 3),
        ("x = [1] * 9\nfor rows in (slice(3), slice(3, 6)):\n    model(x[rows])", 2),
    ],
)
def test_a_batch_is_drawn_within_the_loop(tmp_path: Path, program: str, line: int) -> None:
    assert line_of(tmp_path, program, "batch") == line


@pytest.mark.parametrize(("name", "line"), [("x", 4), ("u", 5), ("v", 7)])
def test_the_scale_was_to_be_set_where_numbers_became_tensors(tmp_path, name, line):
    program = TABLE.replace("array", "tensor") + f"model({name})"
    assert line_of(tmp_path, program, "scale") == line


@pytest.mark.parametrize(("program", "line"), [("model(y)", 5), ("model(v)", 5), (FUNCTION + "model(x)", None)])
def test_an_origin_is_a_line_that_ran_once(tmp_path, program, line):
    assert line_of(tmp_path, program if "def" in program else TABLE + program, "origin") == line
