"""What the trained model says of single samples, against naive references."""

from base64 import b64decode

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import confusion_matrix, r2_score, recall_score
from torch import nn

from netvet.capture.torch_held_out_scores import BINS, MAX_POINTS, MAX_SHOWN, calibration, classification, regression
from netvet.capture.torch_tensors import class_probabilities


def answers(n=600, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    scores = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]
    return torch.from_numpy(scores).softmax(1).numpy(), labels


def test_confusions_and_recall_agree_with_scikit_learn():
    probabilities, labels = answers()
    found = classification(probabilities, labels)
    predicted = probabilities.argmax(1)
    assert found["confusion"] == confusion_matrix(labels, predicted).tolist()
    assert found["recall"] == pytest.approx(recall_score(labels, predicted, average=None).tolist())
    assert found["accuracy"] == pytest.approx((predicted == labels).mean())
    assert found["support"] == np.bincount(labels).tolist()
    assert found["outside"] == 0


def test_calibration_agrees_with_a_naive_reference():
    probabilities, labels = answers()
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    found, error = calibration(confidence, right), 0.0
    for k in range(BINS):
        inside = (confidence > k / BINS) & (confidence <= (k + 1) / BINS)
        assert found["count"][k] == inside.sum()
        if inside.any():
            assert found["confidence"][k] == pytest.approx(confidence[inside].mean(), rel=1e-5)
            assert found["accuracy"][k] == pytest.approx(right[inside].mean(), rel=1e-5)
            error += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
        else:
            assert found["confidence"][k] is None
    assert found["error"] == pytest.approx(error)


def test_of_many_classes_those_with_the_most_errors_are_shown():
    labels = np.repeat(np.arange(200), 3)
    probabilities = np.eye(200)[labels]
    probabilities[labels == 7] = np.eye(200)[190]
    found = classification(probabilities, labels)
    assert len(found["shown"]) == MAX_SHOWN
    assert {7, 190} <= set(found["shown"])
    assert found["recall"][found["shown"].index(7)] == 0
    assert found["confusion"][found["shown"].index(7)][found["shown"].index(190)] == 3
    assert np.sum(found["confusion"]) + found["outside"] == 600


def test_points_of_a_regression_are_few_and_scores_are_of_all():
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(2000, 2))
    predicted = targets + 0.1 * rng.normal(size=targets.shape)
    found = regression(predicted, targets)
    assert sum(map(len, found["target"])) <= MAX_POINTS
    expected = 1 - ((predicted - targets) ** 2).sum() / ((targets - targets.mean(0)) ** 2).sum()
    assert found["r2"] == pytest.approx(expected, rel=1e-5)
    assert found["rmse"] == pytest.approx(np.sqrt(((predicted - targets) ** 2).mean()), rel=1e-5)
    one = regression(predicted[:, :1], targets[:, :1])
    assert one["r2"] == pytest.approx(r2_score(targets[:, 0], predicted[:, 0]), rel=1e-5)


KEPT = {}


def classify(evaluates=True, shape=(1, 8, 8)):
    """Pictures of two levels: a bright upper or lower half, or neither; some held-out labels are wrong."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    y = torch.randint(0, 3, (300,), generator=generator)
    x = torch.randint(0, 50, (300, 1, 8, 8), generator=generator).float()
    x[y == 0, :, :4] += 150
    x[y == 1, :, 4:] += 150
    x = (x / 255).reshape(300, *shape)
    given = y.clone()
    given[200:204] = (y[200:204] + 1) % 3
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(12):
        model.train()
        for start in range(0, 200, 40):
            loss = F.cross_entropy(model(x[start : start + 40]), given[start : start + 40])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if evaluates:
            model.eval()
            with torch.no_grad():
                for start in range(200, 300, 50):
                    F.cross_entropy(model(x[start : start + 50]), given[start : start + 50])
    KEPT.update(model=model.eval(), x=x, y=given)
    return list(model.parameters())


def test_records_each_held_out_sample_once(watch):
    (found,) = watch(classify).get("held_out_predictions")
    with torch.no_grad():
        scores = KEPT["model"](KEPT["x"][200:]).double()
    labels = KEPT["y"][200:]
    assert (found["split"], found["task"], found["samples"]) == ("val", "classification", 100)
    assert found["confusion"] == confusion_matrix(labels, scores.argmax(1)).tolist()
    losses = F.cross_entropy(scores, labels, reduction="none").sort(descending=True)
    worst = found["worst"]
    assert worst["losses"] == pytest.approx(losses.values[:16].tolist(), rel=1e-3)
    assert set(losses.indices[:4].tolist()) == {0, 1, 2, 3}  # those with wrong labels
    pixels = np.frombuffer(b64decode(worst["shown"][0]), dtype=np.uint8)
    first = (KEPT["x"][200 + int(losses.indices[0])] * 255).round().numpy().ravel()
    assert (worst["kind"], worst["height"], worst["width"]) == ("image", 8, 8)
    assert pixels.tolist() == first.tolist()


def test_says_so_where_only_training_samples_were_kept(watch):
    (found,) = watch(lambda: classify(evaluates=False)).get("held_out_predictions")
    assert found["split"] == "train"


def test_training_is_bitwise_the_same(watch):
    plain = [p.detach().clone() for p in classify()]
    watch(classify)
    assert all(torch.equal(a, b) for a, b in zip(plain, KEPT["model"].parameters(), strict=True))


def regress(classes=False):
    torch.manual_seed(0)
    x = torch.randn(200, 5)
    y = (x @ torch.arange(5.0)).unsqueeze(1)
    if classes:
        y = torch.ones(200, 1)
    model = nn.Linear(5, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    loss = F.binary_cross_entropy_with_logits if classes else F.mse_loss
    for start in [*range(0, 160, 20)] * 4:
        optimizer.zero_grad()
        loss(model(x[start : start + 20]), y[start : start + 20]).backward()
        optimizer.step()
    with torch.no_grad():
        loss(model(x[160:]), y[160:])
    KEPT.update(model=model, x=x, y=y)


def test_regression_gives_points_and_the_worst(watch):
    (found,) = watch(regress).get("held_out_predictions")
    with torch.no_grad():
        predicted = KEPT["model"](KEPT["x"][160:])[:, 0].double()
    target = KEPT["y"][160:, 0].double()
    assert (found["task"], found["outputs"], found["samples"]) == ("regression", 1, 40)
    assert sorted(found["predicted"][0]) == pytest.approx(sorted(predicted.tolist()), rel=1e-4)
    assert found["r2"] == pytest.approx(r2_score(target, predicted), rel=1e-4)
    assert found["worst"]["losses"][0] == pytest.approx(float((predicted - target).square().max()), rel=1e-3)
    assert found["worst"]["kind"] == "numbers"


def test_one_class_alone_is_not_called_a_classification(watch):
    (found,) = watch(lambda: regress(classes=True)).get("held_out_predictions")
    assert found["task"] == "other"
    assert "confusion" not in found
    assert len(found["worst"]["losses"]) == 16


def test_probabilities_are_taken_as_they_are():
    scores = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)).double()
    wanted = scores.softmax(1)
    assert torch.equal(class_probabilities(wanted), wanted)
    assert torch.allclose(class_probabilities(scores), wanted)
    assert torch.allclose(class_probabilities(scores.log_softmax(1)), wanted)
