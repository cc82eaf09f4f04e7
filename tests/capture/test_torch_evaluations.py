"""Evaluation passes: what belongs to one, what it scored, what it left behind."""

import copy

import pytest
import torch
import torch.nn.functional as functional
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

GENERATOR = torch.Generator().manual_seed(1)
X = torch.randn(100, 6, generator=GENERATOR)
Y = X[:, :3].argmax(1)
LEARN, HELD = TensorDataset(X[:60], Y[:60]), TensorDataset(X[60:], Y[60:])


def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


def fit(evaluate, *, epochs=3, model=None, after=lambda model: None):
    model = make() if model is None else model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(LEARN, batch_size=20, shuffle=True)
    for _ in range(epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            after(model)
        evaluate(model)


def passes(watch, evaluate, **settings):
    run = watch(lambda: fit(evaluate, **settings), probes=False)
    return run, run.get("evaluations")


@torch.no_grad()
def score(model, loader, seen=None):
    model.eval()
    for x, y in loader:
        scores = model(x)
        loss = functional.cross_entropy(scores, y)
        if seen is not None:
            seen.append((len(x), float(loss), float((scores.argmax(1) == y).double().mean())))


def test_scores_agree_with_a_reference(watch):
    seen = []
    held = DataLoader(HELD, batch_size=16)
    run, found = passes(watch, lambda m: score(m, held, seen), epochs=2)
    assert len(found) == 2
    for record, part in zip(found, (seen[:3], seen[3:]), strict=True):
        size = sum(n for n, _, _ in part)
        assert record["loss"] == pytest.approx(sum(n * v for n, v, _ in part) / size)
        assert record["loss_of_batch_means"] == pytest.approx(sum(v for _, v, _ in part) / 3)
        assert record["accuracy"] == pytest.approx(sum(n * a for n, _, a in part) / size)
        assert record["accuracy_of_batch_means"] == pytest.approx(sum(a for _, _, a in part) / 3)
    first = found[0]
    assert (first["step"], first["batches"], first["samples"], first["first_batch"], first["last_batch"]) == (
        3,
        3,
        40,
        16,
        8,
    )
    assert (first["loader_batches"], first["loader_samples"], first["repeats"]) == (3, 40, 1.0)
    assert (first["phase"], first["scored"]) == ("eval", "loss")
    assert (first["dropout_active"], first["batch_norm_active"]) == (False, False)
    (series,) = run.get("val_loss").values()
    assert series.steps.tolist() == [3, 6]
    assert series.values.tolist() == [r["loss"] for r in found]
    (series,) = run.get("val_accuracy").values()
    assert series.values.tolist() == [r["accuracy"] for r in found]


def test_sums_over_batches_are_no_mean_over_batches(watch):
    @torch.no_grad()
    def summed(model):
        model.eval()
        for x, y in DataLoader(HELD, batch_size=16):
            functional.cross_entropy(model(x), y, reduction="sum")

    _, found = passes(watch, summed, epochs=1)
    assert found[0]["loss_of_batch_means"] == found[0]["loss"]


def test_a_good_evaluation_leaves_nothing_behind(watch):
    _, found = passes(watch, lambda m: score(m, DataLoader(HELD, batch_size=16)))
    assert found[0]["buffers_changed"] == found[0]["parameters_changed"] == []
    assert found[0]["rng_changed"] is False
    assert (found[0]["mode_before"], found[0]["mode_after"]) == (True, True)
    assert found[2]["mode_after"] is None


def test_train_mode_shows_in_buffers_and_generators(watch):
    @torch.no_grad()
    def evaluate(model):
        for x, y in DataLoader(HELD, batch_size=16):
            functional.cross_entropy(model(x), y)

    _, found = passes(watch, evaluate)
    assert found[0]["phase"] == "train-mode-no-grad"
    assert found[0]["dropout_active"]
    assert found[0]["batch_norm_active"]
    assert "1.running_mean" in found[0]["buffers_changed"]
    assert found[0]["rng_changed"] is True


def test_a_mode_that_is_not_restored_shows_at_the_next_training_step(watch):
    def train():
        model = make()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            for _ in range(2):
                optimizer.zero_grad()
                functional.cross_entropy(model(X), Y).backward()
                optimizer.step()
            score(model, [(X, Y)])

    found = watch(train, probes=False).get("evaluations")
    assert [(r["mode_before"], r["mode_after"]) for r in found] == [(True, False), (False, False), (False, None)]


def average_then(model, restore):
    kept = copy.deepcopy(model.state_dict())
    model.load_state_dict({k: v * 0.5 if v.is_floating_point() else v for k, v in kept.items()})
    score(model, [(X, Y)])
    if restore:
        model.load_state_dict(kept)


@pytest.mark.parametrize(("restore", "changed"), [(True, False), (False, True)])
def test_weights_that_are_swapped_in_must_be_swapped_out_again(watch, restore, changed):
    _, found = passes(watch, lambda m: average_then(m, restore))
    assert [bool(r["parameters_changed"]) for r in found[:2]] == [changed, changed]
    assert found[0]["buffers_changed"] == []


def test_weights_that_the_script_clamps_after_each_step_are_not_blamed_on_evaluations(watch):
    def clamp(model):
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(0.999)

    _, found = passes(watch, lambda m: score(m, [(X, Y)]), after=clamp)
    assert not any(r.get("parameters_changed") for r in found)


def test_splits_are_passes_of_their_own(watch):
    held, learned = DataLoader(HELD, batch_size=40), DataLoader(LEARN, batch_size=60)

    def evaluate(model):
        for loader in (held, learned, held):
            score(model, loader)

    run, found = passes(watch, evaluate, epochs=1)
    assert [r["samples"] for r in found] == [40, 60, 40]
    assert len(run.get("val_loss")) == 2


def test_two_calls_of_one_function_are_passes_of_their_own(watch):
    def evaluate(model):
        score(model, [(X[:60], Y[:60])])
        score(model, [(X[60:], Y[60:])])

    _, found = passes(watch, evaluate, epochs=1)
    assert sorted(r["samples"] for r in found) == [40, 60]


def test_a_sample_of_ones_own_after_the_loader_is_none_of_its_batches(watch):
    def evaluate(model):
        model.eval()
        with torch.no_grad():
            for x, y in DataLoader(HELD, batch_size=16):
                functional.cross_entropy(model(x), y)
            functional.cross_entropy(model(X[:1]), Y[:1])

    _, found = passes(watch, evaluate)
    assert [(e["samples"], e["loader_samples"]) for e in found[:2]] == [(40, 40), (1, None)]


def test_repeated_calls_on_a_batch_are_counted_as_repeats(watch):
    @torch.no_grad()
    def evaluate(model):
        model.eval()
        for x, y in DataLoader(HELD, batch_size=10):
            draws = [model(x) for _ in range(5)]
            functional.cross_entropy(sum(draws) / 5, y)

    _, found = passes(watch, evaluate, epochs=1)
    assert (found[0]["repeats"], found[0]["batches"], found[0]["samples"]) == (5.0, 4, 40)

    @torch.no_grad()
    def by_hand(model):
        model.eval()
        for start in (60, 80):
            x = X[start : start + 20]
            for _ in range(3):
                functional.cross_entropy(model(x), Y[start : start + 20])

    _, found = passes(watch, by_hand, epochs=1)
    assert (found[0]["repeats"], found[0]["batches"], found[0]["samples"]) == (3.0, 2, 40)


def test_a_part_of_a_loader_is_told_from_all_of_it(watch):
    @torch.no_grad()
    def evaluate(model):
        model.eval()
        for x, y in DataLoader(HELD, batch_size=10):
            functional.cross_entropy(model(x), y)
            return

    _, found = passes(watch, evaluate, epochs=1)
    assert (found[0]["batches"], found[0]["loader_batches"], found[0]["samples"]) == (1, 4, 10)


def test_calls_that_are_not_scored_are_no_evaluations(watch):
    @torch.no_grad()
    def evaluate(model):
        model.eval()
        model(X).mean()

    run, found = passes(watch, evaluate)
    assert found is None
    assert "scored" in run.reason("evaluations")


def test_a_teacher_in_every_step_is_no_evaluation(watch):
    def train():
        teacher, student = make().eval(), make()
        optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
        for _ in range(6):
            with torch.no_grad():
                soft = teacher(X).softmax(1)
            optimizer.zero_grad()
            functional.kl_div(student(X).log_softmax(1), soft, reduction="batchmean").backward()
            optimizer.step()

    assert watch(train, probes=False).get("evaluations") is None


def test_an_evaluation_that_forgets_no_grad_is_one_all_the_same(watch):
    def evaluate(model):
        model.eval()
        functional.cross_entropy(model(X), Y)

    _, found = passes(watch, evaluate)
    assert [r["phase"] for r in found] == ["eval-mode-grad"] * 3


def test_training_in_eval_mode_is_no_evaluation(watch):
    def train():
        model = make().eval()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(6):
            optimizer.zero_grad()
            functional.cross_entropy(model(X), Y).backward()
            optimizer.step()

    assert watch(train, probes=False).get("evaluations") is None


def test_a_loss_outside_no_grad_on_outputs_without_gradient_belongs_to_the_pass(watch):
    def evaluate(model):
        model.eval()
        with torch.no_grad():
            scores = model(X)
        functional.cross_entropy(scores, Y)

    run, found = passes(watch, evaluate)
    assert [r["scored"] for r in found] == ["loss"] * 3
    assert {r["phase"] for r in run.get("losses")} == {"train", "eval"}
