"""The loss of each sample beside a naive computation, and what it says about suspected samples."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from netvet.capture.torch_reservoir import Sink, Slot
from netvet.capture.torch_snapshots import Snapshots
from netvet.data.faults import NotAssessable
from netvet.data.readers.torch_data import Part, TorchData
from netvet.data.sample_losses import Losses, Way, explains, measured, never_fell, record, told


def setting(function="cross_entropy", outputs=3, moments=(10, 20, 30)):
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(300, 4, generator=generator), torch.randint(0, 3, (300,), generator=generator))
    model = nn.Sequential(nn.Linear(4, outputs), nn.Dropout(0.5)).eval()
    states = {step: {n: torch.randn(t.shape) for n, t in model.state_dict().items()} for step in moments}
    sink = Sink(((Slot("0"),), {}), "x", function, {"reduction": "mean"}, 0, (outputs,))
    way = Way({"0": ("0", torch.float32)}, "1", torch.int64, ())
    return data, TorchData([Part("train", data, ("0",), "1")], "x", 60), way, Snapshots(model, sink, states)


def test_losses_and_probabilities_are_those_of_a_naive_computation():
    data, source, way, snapshots = setting()
    found = measured(source, "train", way, snapshots, 60)
    assert found.keys == tuple(str(i) for i in range(300))
    x, y = data.tensors[0].double(), data.tensors[1]
    for place, step in enumerate((10, 20, 30)):
        state = snapshots.moments[step]
        logits = x @ state["0.weight"].double().T + state["0.bias"].double()
        given = torch.stack([row.softmax(0)[label] for row, label in zip(logits, y, strict=True)]).numpy()
        np.testing.assert_allclose(found.probability[place], given, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.loss[place], -np.log(given), rtol=1e-4, atol=1e-5)


def test_asking_changes_neither_the_copy_nor_the_generators():
    _, source, way, snapshots = setting()
    before = {n: t.clone() for n, t in snapshots.model.state_dict().items()}
    state = torch.get_rng_state()
    measured(source, "train", way, snapshots, 60)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(t, before[n]) for n, t in snapshots.model.state_dict().items())


def test_an_argument_that_is_no_part_of_a_batch_is_not_guessed():
    _, source, way, snapshots = setting()
    other = Way({}, way.target, way.target_type, way.target_shape)
    with pytest.raises(NotAssessable, match="no parts of a batch"):
        measured(source, "train", other, snapshots, 60)
    with pytest.raises(NotAssessable, match="too short"):
        measured(source, "train", way, Snapshots(), 60)


def losses(loss, probability=None):
    values = np.array(loss, dtype=float)
    count = values.shape[1]
    given = np.exp(-values) if probability is None else probability
    return Losses(tuple(str(i) for i in range(count)), np.arange(count) % 2, tuple(range(len(values))), values, given)


def test_samples_whose_loss_never_falls_are_told_where_the_others_learn():
    one = losses([[2.0, 2, 2, 2], [1, 1, 1, 2.2], [0.2, 0.1, 0.1, 2.4]])
    assert never_fell(one.loss).tolist() == [False, False, False, True]
    made = record(one, "train")
    assert made["never_fell"] == 1
    assert made["never_fell_loss"] == pytest.approx(2.4 / 2.8)
    assert next(w["key"] for w in made["worst"]) == "3"
    assert made["classes"][0]["label"] == 1
    assert made["confidence"][0] == pytest.approx(np.exp([-2, -1, -0.2]).mean(), abs=1e-4)
    assert record(losses([[2.0, 2], [1.9, 2], [1.9, 2]]), "train")["never_fell"] is None
    assert record(losses([[2.0, 2]]), "train")["variability"] is None


def test_a_fault_explains_the_loss_if_its_samples_have_far_more_than_their_number():
    made = record(losses(np.r_[np.full((1, 100), 2.0), np.r_[np.full(3, 4.0), np.full(97, 0.1)][None]]), "train")
    assert explains(made, ["0", "1", "2"]) == pytest.approx((0.03, 12 / 21.7))
    assert explains(made, ["not there"]) is None
    suspects = {"label_suspects": [{"split": "train", "examples": [{"key": k} for k in "012"]}]}
    assert told(made, suspects) == [
        "suspected labels (3 shown) are 3.0% of the train samples asked about and 55% of the final loss"
    ]
    innocent = {"label_suspects": [{"split": "train", "examples": [{"key": str(k)} for k in range(50, 60)]}]}
    assert told(made, innocent) == []
