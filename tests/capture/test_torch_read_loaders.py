"""What of a loader's batches enters the model and the loss, told from the tensors alone."""

import numpy as np
import torch

from netvet.capture.torch_entered import Piece, Stretch
from netvet.capture.torch_fields import compared, entered, fields


def batch():
    return {"pixels": torch.rand(8, 3, 4), "mask": torch.ones(8), "label": torch.arange(8) % 3}


def test_parts_of_nested_batches_have_names():
    found = fields(({"ids": torch.zeros(2, 3), "text": ["a", "b"]}, np.zeros((2, 1)), [0, 1]))
    assert sorted(found) == ["0.ids", "1", "2"]
    assert sorted(fields(torch.zeros(3))) == ["0"]


def test_what_enters_is_known_as_it_is_and_changed():
    given = batch()
    assert entered(given, [given["pixels"].double()]) == (["pixels"], True)
    assert entered(given, [(given["pixels"] - 0.5) / 0.2]) == (["pixels"], False)
    assert entered(given, [given["pixels"].flatten(1), given["mask"]]) == (["pixels", "mask"], True)
    assert entered(given, [torch.rand(5, 3, 4)]) == ([], True)


def test_the_target_is_the_part_that_the_loss_compares_with():
    given = batch()
    assert compared(given, given["label"].float()[:, None]) == "label"
    assert compared(given, torch.nn.functional.one_hot(given["label"], 3)) == "label"
    assert compared(given, torch.rand(8)) is None


def pieces(order, x, y, size=10):
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        yield Piece({"0": x[rows]}, y[rows])


def test_pieces_that_come_again_are_one_pass_and_equal_samples_stay():
    x, y = torch.randn(50, 3), torch.arange(50) % 2
    x[7], y[7] = x[3], y[3]
    stretch = Stretch()
    for epoch in range(4):
        for piece in pieces(torch.randperm(50, generator=torch.Generator().manual_seed(epoch)), x, y):
            if not stretch.done:
                stretch.add(piece)
                stretch.look()
    inputs, targets = stretch.samples()
    assert stretch.done
    assert inputs["0"].shape == (50, 3)
    assert sorted(map(tuple, inputs["0"].tolist())) == sorted(map(tuple, x.tolist()))
    assert len(targets) == 50


def test_samples_drawn_at_random_count_once_whatever_their_targets():
    x, y = torch.randn(30, 3), torch.randn(30)
    stretch = Stretch()
    for seed in range(5):
        rows = torch.randint(0, 30, (20,), generator=torch.Generator().manual_seed(seed))
        stretch.add(Piece({"0": x[rows]}, y[rows] + seed))
    inputs, targets = stretch.samples()
    assert len(inputs["0"].unique(dim=0)) == len(inputs["0"]) == len(targets)
