"""What loss functions are given, whether they feed backward, and what they compare with."""

import math

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

X = torch.randn(48, 6, generator=torch.Generator().manual_seed(1))
Y = X[:, :3].argmax(1)


def train(model, loss_of, *, steps=6, lr=0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()


def seeded(make):
    torch.manual_seed(0)
    return make()


def loss_record(watch, loss_of, make=lambda: nn.Linear(6, 3), phase="train", index=0):
    run = watch(lambda: train(seeded(make), loss_of), probes=False)
    return run.get("losses").where(phase=phase)[index]


def test_summaries_and_values_agree_with_a_reference(watch):
    values = []

    def loss_of(model):
        loss = functional.cross_entropy(model(X), Y)
        values.append(float(loss.detach()))
        return loss

    record = loss_record(watch, loss_of)
    torch.manual_seed(0)
    scores = nn.Linear(6, 3)(X).detach().double()
    assert record["input"]["mean"] == pytest.approx(float(scores.mean()), rel=1e-6)
    assert record["input"]["std"] == pytest.approx(float(scores.std(correction=0)), rel=1e-6)
    assert record["target"] == {
        "shape": [48], "dtype": "int64", "nonfinite": 0, "min": 0.0, "max": 2.0, "integral": True, "distinct": 3,
        "mean": pytest.approx(float(Y.double().mean())), "std": pytest.approx(float(Y.double().std(correction=0))),
    }  # fmt: skip
    assert record["calls"] == 6
    assert (record["value_min"], record["value_max"]) == (min(values), max(values))
    assert record["first_value"] == values[0]
    assert record["classes"] == 3
    assert record["batch"] == 48
    assert record["counts"] == [6 * int((c == Y).sum()) for c in range(3)]
    assert record["input_op"] == "linear"
    assert record["file"].endswith("test_torch_losses.py")


@pytest.mark.parametrize(
    ("loss_of", "op", "sums", "logs"),
    [
        (lambda m: functional.cross_entropy(m(X).softmax(1), Y), "softmax", 1.0, 0.0),
        (lambda m: functional.nll_loss(m(X).log_softmax(-1), Y), "log_softmax", 0.0, 1.0),
        (lambda m: functional.cross_entropy(m(X).relu(), Y), "relu", 0.0, 0.0),
    ],
)
def test_names_what_made_the_input(watch, loss_of, op, sums, logs):
    record = loss_record(watch, loss_of)
    assert record["input_op"] == op
    assert record["rows_sum_to_one"] == sums
    assert record["rows_are_log_probabilities"] == logs


@pytest.mark.parametrize(("dim", "shown"), [(0, 0), (1, 1), (-1, 1)])
def test_the_axis_of_a_softmax_is_counted_from_the_front(watch, dim, shown):
    record = loss_record(watch, lambda m: functional.nll_loss(torch.log_softmax(m(X), dim), Y))
    assert record["input_dim"] == shown


def test_tells_what_broadcasts(watch):
    record = loss_record(watch, broadcasting_loss)
    assert record["broadcast"] is True
    assert record["reduction"] == "mean"


def broadcasting_loss(model):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return functional.mse_loss(model(X)[:, :1], X[:, 0])


def test_shares_of_a_sum_are_the_shares_of_its_value(watch):
    wanted = []

    def loss_of(model):
        scores = model(X)
        first, second = functional.cross_entropy(scores, Y), functional.mse_loss(scores, X[:, :3])
        total = (first + 0.25 * second) / 2
        wanted.append(float((0.125 * second / total).detach()))
        return total

    record = loss_record(watch, loss_of, index=1)
    assert record["function"] == "mse_loss"
    assert record["share"] == pytest.approx(sorted(wanted)[len(wanted) // 2], rel=0.2)
    assert min(wanted) <= record["share"] <= max(wanted)


def test_a_loss_that_is_only_shown_does_not_feed_backward(watch):
    def loss_of(model):
        scores = model(X)
        functional.mse_loss(scores, X[:, :3])
        return functional.cross_entropy(scores, Y)

    run = watch(lambda: train(nn.Linear(6, 3), loss_of), probes=False)
    assert {r["function"]: r["feeds_backward"] for r in run.get("losses")} == {"mse_loss": False, "cross_entropy": True}


def test_a_detached_loss_is_a_training_loss_that_requires_no_gradient(watch):
    def loss_of(model):
        loss = functional.cross_entropy(model(X).detach(), Y)
        return loss.requires_grad_()

    record = loss_record(watch, loss_of)
    assert record["phase"] == "train"
    assert record["feeds_backward"] is False
    assert record["input_requires_grad"] is False


def test_gradients_that_are_exactly_zero_are_counted(watch):
    def loss_of(model):
        each = functional.cross_entropy(model(X), Y, reduction="none")
        return torch.where(torch.arange(48) < 12, each.detach(), each).mean()

    assert loss_record(watch, loss_of)["zero_gradient_share"] == 0.25


def test_ignored_targets_are_counted(watch):
    target = Y.clone()
    target[:12] = -100
    record = loss_record(watch, lambda m: functional.cross_entropy(m(X), target, weight=torch.tensor([1.0, 2.0, 3.0])))
    assert record["ignored_share"] == 0.25
    assert record["weight"] == [1.0, 2.0, 3.0]
    assert sum(record["counts"]) == 6 * 36


def test_losses_in_eval_mode_with_gradients_are_training_only_if_they_feed_backward(watch):
    model = nn.Linear(6, 3)

    def loss_of(net):
        net.eval()
        functional.cross_entropy(net(X[:5]), Y[:5])
        return functional.cross_entropy(net(X), Y)

    run = watch(lambda: train(model, loss_of), probes=False)
    assert sorted(r["phase"] for r in run.get("losses")) == ["eval", "train"]


def test_says_why_there_is_nothing(watch):
    run = watch(lambda: train(nn.Linear(6, 3), lambda m: (m(X) ** 2).mean()), probes=False)
    assert run.get("losses") is None
    assert "torch.nn.functional" in run.reason("losses")
    assert "by hand" in run.reason("targets")
    assert run.get("inputs")[0]["model"] == "Linear"


@pytest.mark.parametrize(
    "loss_of",
    [
        lambda m: functional.mse_loss(m(X).to(torch.bfloat16), X[:, :3].to(torch.bfloat16)).float(),
        lambda m: functional.mse_loss(m(X)[:0], X[:0, :3], reduction="sum") + m(X).mean(),
        lambda m: functional.mse_loss(m(X).mean(), X.mean()),
        lambda m: functional.cross_entropy(m(X)[0], Y[0]),
        lambda m: functional.cross_entropy(m(X), m(X).softmax(1).detach()),
        lambda m: functional.cross_entropy(m(X).reshape(6, 3, 8), torch.zeros(6, 8, dtype=torch.long)),
        lambda m: functional.kl_div(m(X).log_softmax(1), torch.full((48, 3), 1 / 3), reduction="batchmean"),
        lambda m: functional.binary_cross_entropy_with_logits(m(X), (X[:, :3] > 0).float()),
        lambda m: functional.gaussian_nll_loss(m(X), X[:, :3], torch.ones(48, 3)),
        lambda m: functional.mse_loss(m(X * math.nan), X[:, :3]),
    ],
)
def test_odd_arguments_do_no_harm(watch, loss_of):
    run = watch(lambda: train(nn.Linear(6, 3), loss_of, steps=3), probes=False)
    assert len(run.get("losses")) == 1
    assert len(run.get("targets")) <= 1
