"""Which number of a sample its target can be copied from."""

import pytest
import torch

from netvet.capture.torch_copied_target import copied_target
from netvet.capture.torch_reservoir import Kept

GENERATOR = torch.Generator().manual_seed(3)
WINDOWS = torch.randn(200, 24, 2, generator=GENERATOR)
TABLE = torch.randn(200, 5, generator=GENERATOR)


def place(targets, **inputs):
    return copied_target(Kept(2048, inputs, targets, count=len(targets)))


def found(targets, **inputs):
    return {name: one for name, one in place(targets, **inputs).items() if not name.startswith("shown_")}


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_a_window_that_ends_at_the_target(shape):
    expected = {"column": 1, "step": 23, "steps": 24, "scaled": False}
    assert found(WINDOWS[:, -1, 1].reshape(shape), x=WINDOWS) == expected
    assert found(WINDOWS[:, -1, 1].reshape(shape), x=WINDOWS.transpose(1, 2)) == expected
    assert found(WINDOWS[:, -1, 1] * 3.5 + 20, x=WINDOWS) == {**expected, "scaled": True}


def test_a_column_of_a_table():
    assert found(TABLE[:, 4], x=TABLE) == {"column": 4, "scaled": False}
    assert found(TABLE[:, 4], x=TABLE, z=TABLE[:, :1]) == {"column": 4, "scaled": False}
    labels = (TABLE[:, :1] > 0).long()
    assert found(labels.flatten(), x=torch.cat((TABLE, labels - 0.5), 1)) == {"column": 5, "scaled": True}


def test_a_column_at_every_step():
    assert found(WINDOWS[..., 1], x=WINDOWS) == {"column": 1, "scaled": False}
    assert found(WINDOWS[..., 1:], x=WINDOWS) == {"column": 1, "scaled": False}


@pytest.mark.parametrize(
    ("targets", "inputs"),
    [
        (WINDOWS[:, 0, 0], {"x": WINDOWS}),  # a net with a memory is to recall the beginning
        (WINDOWS[..., 0], {"x": WINDOWS[..., :1]}),  # an autoencoder
        (TABLE[:, 0] * 2 + 1, {"x": TABLE[:, :1]}),  # a line is fitted
        (TABLE.sum(1), {"x": TABLE}),  # an exact linear map of all columns
        (TABLE[:, 0] + 0.01 * TABLE[:, 1], {"x": TABLE}),
        (TABLE[:, 0], {"x": TABLE[:, 1:], "labels": TABLE[:, :1]}),  # the model computes its loss
        (torch.ones(200), {"x": torch.ones(200, 3)}),
        ((TABLE[:20, 0] > 0).float(), {"x": (TABLE[:20] > 0).float()}),  # too few samples
        (WINDOWS[:, -1, 0], {"x": WINDOWS[:, :-1]}),
    ],
)
def test_look_alikes(targets, inputs):
    assert found(targets, **inputs) == {}


def test_the_numbers_themselves_are_shown():
    one = place(TABLE[:, 4], x=TABLE)
    assert one["shown_input"] == one["shown_target"] == TABLE[:48, 4].double().tolist()
    at_each_step = place(WINDOWS[..., 1], x=WINDOWS)
    assert at_each_step["shown_input"] == at_each_step["shown_target"] == WINDOWS[0, :, 1].tolist()
