"""Kinds, counts and order of targets, and the series of predictions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn

GENERATOR = torch.Generator().manual_seed(1)
X = torch.randn(240, 6, generator=GENERATOR)
Y = X[:, :3].argmax(1)


def epochs(model, x, y, loss_of, *, count=2, size=24):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(count):
        for start in range(0, len(x), size):
            optimizer.zero_grad()
            chosen = getattr(functional, loss_of) if isinstance(loss_of, str) else loss_of  # the one under watch
            chosen(model(x[start : start + size]), y[start : start + size]).backward()
            optimizer.step()


def target_of(watch, y, loss_of, outputs=3):
    run = watch(lambda: epochs(nn.Linear(6, outputs), X, y, loss_of), probes=False)
    return run, run.get("targets")[0]


@pytest.mark.parametrize(
    ("y", "loss_of", "outputs", "kind"),
    [
        (Y, "cross_entropy", 3, "classes"),
        (torch.nn.functional.one_hot(Y).float(), "cross_entropy", 3, "probabilities"),
        ((X[:, :1] > 0).float(), "binary_cross_entropy_with_logits", 1, "binary"),
        ((X[:, :3] > 0).float(), "binary_cross_entropy_with_logits", 3, "multilabel"),
        (X[:, :1].sigmoid(), "binary_cross_entropy_with_logits", 1, "probabilities"),
        (X[:, :3], "mse_loss", 3, "regression"),
    ],
)
def test_names_the_kind(watch, y, loss_of, outputs, kind):
    assert target_of(watch, y, loss_of, outputs)[1]["kind"] == kind


def test_one_class_for_each_position_is_a_sequence(watch):
    def loss_of(scores, y):
        return functional.cross_entropy(scores.reshape(-1, 3), y.reshape(-1))

    y = (X > 0).long()
    run = watch(lambda: epochs(nn.Linear(6, 18), X, y, loss_of), probes=False)
    assert run.get("targets")[0]["kind"] == "sequence"


def test_counts_and_moments_agree_with_a_reference(watch):
    record = target_of(watch, Y, "cross_entropy")[1]
    counts = np.bincount(Y.numpy(), minlength=3)
    shares = counts / counts.sum()
    assert record["counts"] == (2 * counts).tolist()
    assert record["samples"] == 480
    assert record["classes_seen"] == 3
    assert record["entropy"] == pytest.approx(-(shares * np.log(shares)).sum())
    assert record["mean"] == pytest.approx(float(Y.double().mean()))
    assert record["std"] == pytest.approx(float(Y.double().std(correction=0)))


def test_sorted_classes_show_in_neighbours_and_in_batches(watch):
    order = torch.argsort(Y)

    def sorted_epochs():
        epochs(nn.Linear(6, 3), X[order], Y[order], "cross_entropy")

    record = watch(sorted_epochs, probes=False).get("targets")[0]
    assert record["lag1"] > 10 * record["expected_lag1_sd"]
    assert record["purity_z"] > 10
    shuffled = target_of(watch, Y, "cross_entropy")[1]
    assert abs(shuffled["lag1"]) < 4 * shuffled["expected_lag1_sd"]
    assert abs(shuffled["purity_z"]) < 4
    by_hand = [np.bincount(Y[i : i + 24].numpy()).max() / 24 for i in range(0, 240, 24)]
    assert shuffled["batch_purity"] == pytest.approx(np.mean(by_hand))


def test_accuracy_and_top_shares_agree_with_a_reference(watch):
    wanted = []

    def loss_of(scores, y):
        given = scores.detach().argmax(1)
        shares = np.bincount(given.numpy(), minlength=3) / 24, np.bincount(y.numpy(), minlength=3) / 24
        wanted.append((float((given == y).double().mean()), shares[0].max(), shares[1].max()))
        return functional.cross_entropy(scores, y)

    run, _ = target_of(watch, Y, loss_of)
    for i, signal in enumerate(("train_accuracy", "prediction_top_share", "target_top_share")):
        (series,) = run.get(signal).values()
        assert series.steps.tolist() == list(range(20))
        assert series.values == pytest.approx([w[i] for w in wanted])


def test_stds_of_a_regression_agree_with_a_reference(watch):
    wanted = []

    def loss_of(output, y):
        wanted.append((output.detach().double().std(0, correction=0), y.double().std(0, correction=0)))
        return functional.mse_loss(output, y)

    run, _ = target_of(watch, X[:, :1], loss_of, outputs=1)
    for i, signal in enumerate(("prediction_std", "target_std")):
        (series,) = run.get(signal).values()
        assert series.values == pytest.approx([float(w[i]) for w in wanted])


def test_micro_batches_of_one_step_are_averaged(watch):
    wanted = []

    def train():
        model = nn.Linear(6, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for part in range(4):
            scores = model(X[part * 24 : part * 24 + 24])
            wanted.append(float((scores.argmax(1) == Y[part * 24 : part * 24 + 24]).double().mean()))
            functional.cross_entropy(scores, Y[part * 24 : part * 24 + 24]).backward()
        optimizer.step()

    (series,) = watch(train, probes=False).get("train_accuracy").values()
    assert series.values.tolist() == [pytest.approx(sum(wanted) / 4)]


def test_the_log_of_a_rate_is_no_prediction_in_the_units_of_the_counts(watch):
    counts = torch.poisson(torch.full((40, 1), 50.0), generator=torch.Generator().manual_seed(0))

    def train():
        torch.manual_seed(0)
        model = nn.Linear(2, 1)
        nn.init.constant_(model.bias, 4.0)
        nn.init.constant_(model.weight, 0.0)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
        for _ in range(3):
            optimizer.zero_grad()
            functional.poisson_nll_loss(model(torch.eye(40, 2)), counts).backward()
            optimizer.step()
        with torch.no_grad():
            functional.poisson_nll_loss(model(torch.eye(40, 2)), counts)

    run = watch(train, probes=False)
    assert max(one.values.max() for one in run.get("prediction_std").values()) < 1
    assert run.get("baselines") is None or run.get("baselines")[0]["model"] > -1


def test_tells_how_ordered_the_numbers_of_regression_come(watch):
    number = torch.linspace(-1, 1, 240)[:, None]
    _, ordered = target_of(watch, number, "mse_loss", outputs=1)
    assert ordered["batch_share"] > 0.9
    assert ordered["lag1"] > 0.8
    mixed = number[torch.randperm(240, generator=torch.Generator().manual_seed(2))]
    _, random = target_of(watch, mixed, "mse_loss", outputs=1)
    assert random["batch_share"] < 0.15
    assert abs(random["batch_share_z"]) < 4


def test_targets_that_become_one_class_are_told_from_those_before(watch):
    y = torch.cat([Y[:168], torch.full((72,), 2)])
    record = watch(lambda: epochs(nn.Linear(6, 3), X, y, "cross_entropy", count=1), probes=False).get("targets")[0]
    last = [record[f] for f in ("constant_value", "varied_until", "constant_since", "constant_batches")]
    assert last == [2.0, 6, 7, 3]
    assert (record["constant_samples"], record["batches_before"], record["constant_before"]) == (72, 7, 0)
    assert record["counts_before"] == np.bincount(Y[:168].numpy(), minlength=3).tolist()


def test_targets_that_vary_to_the_end_have_no_streak(watch):
    y = torch.cat([torch.full((120,), 2), Y[120:]])
    record = watch(lambda: epochs(nn.Linear(6, 3), X, y, "cross_entropy"), probes=False).get("targets")[0]
    assert record.get("constant_since") is None


def test_late_steps_that_are_looked_at_count_however_little_time_is_left(watch, monkeypatch):
    monkeypatch.setattr("netvet.capture.torch_targets.GRACE", 0.0)
    monkeypatch.setattr("netvet.capture.torch_targets.SHARE", 0.0)
    y = torch.cat([Y[:120], torch.full((120,), 2)])
    record = watch(lambda: epochs(nn.Linear(6, 3), X, y, "cross_entropy", count=1), probes=False).get("targets")[0]
    assert record["constant_value"] == 2.0
    assert record["samples"] == 240


def test_targets_are_told_batch_by_batch(watch):
    counts = target_of(watch, Y.sort().values, "cross_entropy")[1]["batch_counts"]
    ordered = Y.sort().values.numpy()
    assert counts == [np.bincount(ordered[at : at + 24], minlength=3).tolist() for at in range(0, 240, 24)] * 2
    means = target_of(watch, X[:, :3], "mse_loss")[1]["batch_means"]
    assert means[:10] == pytest.approx([float(X[at : at + 24, :3].double().mean()) for at in range(0, 240, 24)])


def test_labels_that_a_loss_refuses_are_counted(watch):
    def train():
        with pytest.raises(IndexError):
            epochs(nn.Linear(6, 2), X, Y, "cross_entropy", count=1)

    record = watch(train, probes=False).get("targets")[0]
    first = next(at for at in range(0, 240, 24) if int(Y[at : at + 24].max()) == 2)
    assert (record["outputs"], record["max"]) == (2, 2)
    assert record["counts"] == np.bincount(Y[: first + 24].numpy(), minlength=3).tolist()
