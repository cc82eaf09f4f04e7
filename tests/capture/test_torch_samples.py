"""Fingerprints of samples: repeats, overlap of splits, order and freshness of epochs."""

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler

from netvet.capture.fingerprints import epoch_length, repeats
from netvet.capture.torch_fingerprints import Transfer, fingerprints, rows_of

GENERATOR = torch.Generator().manual_seed(1)
X = torch.randn(80, 5, generator=GENERATOR)
Y = (X[:, 0] > 0).long()


def fit(loader, *, epochs=2, evaluate=lambda model: None, prepare=lambda x: x):
    torch.manual_seed(0)
    model = nn.Linear(5, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for x, y in loader() if callable(loader) else loader:
            optimizer.zero_grad()
            functional.cross_entropy(model(prepare(x)), y).backward()
            optimizer.step()
        with torch.no_grad():
            evaluate(model)


def samples_of(watch, loader, **settings):
    run = watch(lambda: fit(loader, **settings), probes=False)
    found = run.get("samples")
    return found[0] if found is not None else run.reason("samples")


def loader_of(x, y=None, **settings):
    return DataLoader(TensorDataset(x, Y[: len(x)] if y is None else y), batch_size=16, **settings)


def by_hand(x, y, shuffle=True, size=16):
    def batches():
        order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
        for part in order.split(size):
            yield x[part], y[part]

    return batches


@pytest.mark.parametrize("make", [loader_of, lambda x, y=None, **s: by_hand(x, Y[: len(x)] if y is None else y)])
def test_repeats_and_conflicts_are_counted_exactly(watch, make):
    x = torch.cat((X[:60], X[:12]))
    y = torch.cat((Y[:60], 1 - Y[:12]))
    record = samples_of(watch, make(x, y, shuffle=True))
    assert (record["train"], record["train_seen"], record["duplicates"]) == (60, 72, 12)
    assert record["conflicting"] == 12
    assert record["complete"] is True
    assert record["granular"] == 5
    assert len(record["duplicate_examples"]) == 10


@pytest.mark.parametrize(("shuffle", "same"), [(True, False), (False, True)])
def test_the_order_of_epochs_is_compared(watch, shuffle, same):
    assert samples_of(watch, loader_of(X, shuffle=shuffle))["same_order"] is same
    assert samples_of(watch, by_hand(X, Y, shuffle=shuffle), epochs=3)["same_order"] is same
    assert samples_of(watch, loader_of(X, shuffle=shuffle), epochs=1)["same_order"] is None


def test_all_samples_in_one_batch_have_no_order(watch):
    record = samples_of(watch, by_hand(X, Y, shuffle=False, size=80), epochs=4)
    assert (record["complete"], record["same_order"], record["train"]) == (True, None, 80)


def test_augmented_samples_are_fresh(watch):
    record = samples_of(watch, loader_of(X, shuffle=False), prepare=lambda x: x + torch.randn_like(x))
    assert record["epoch_fresh"] == 1.0
    assert record["same_order"] is True  # told by the targets
    assert record["overlap"] in (None, 0)


def test_sampling_with_replacement_says_nothing_of_duplicates(watch):
    sampler = WeightedRandomSampler(torch.ones(80), 80)
    record = samples_of(watch, loader_of(X, sampler=sampler))
    assert record["duplicates"] is None
    assert record["train"] < 80


def test_random_batches_by_hand_have_no_epochs(watch):
    def batches():
        for _ in range(10):
            part = torch.randint(0, 80, (16,))
            yield X[part], Y[part]

    record = samples_of(watch, batches)
    assert (record["complete"], record["duplicates"], record["overlap"]) == (False, None, None)


def scorer(*splits):
    def evaluate(model):
        for x in splits:
            for part, y in loader_of(x, Y[: len(x)]):
                functional.cross_entropy(model(part), y)

    return evaluate


def test_the_overlap_of_splits_is_counted_exactly(watch):
    record = samples_of(watch, loader_of(X[:60], shuffle=True), evaluate=scorer(X[50:]))
    assert (record["eval"], record["overlap"]) == (30, 10)
    assert sorted(i for i, _ in record["overlap_examples"]) == list(range(10))
    clean = samples_of(watch, loader_of(X[:60], shuffle=True), evaluate=scorer(X[60:]))
    assert (clean["eval"], clean["overlap"]) == (20, 0)


def test_a_score_on_the_training_data_is_not_an_overlap(watch):
    learn = loader_of(X[:60], shuffle=True)

    def evaluate(model):
        for loader in (learn, loader_of(X[60:])):
            for x, y in loader:
                functional.cross_entropy(model(x), y)

    assert samples_of(watch, learn, evaluate=evaluate)["overlap"] == 0

    def in_one_place(model):
        for x, y in ((X[:60], Y[:60]), (X[60:], Y[60:])):
            functional.cross_entropy(model(x), y)

    assert samples_of(watch, by_hand(X[:60], Y[:60]), evaluate=in_one_place)["overlap"] == 0


def test_scores_on_training_samples_are_marked(watch):
    def evaluate(model):
        for x, y in ((X[:30], Y[:30]), (X[60:], Y[60:])):
            seen = model(x).argmax(1)
            (seen == y).sum() if len(x) == 30 else (seen == y).float().mean()

    run = watch(lambda: fit(loader_of(X[:60], shuffle=True), evaluate=evaluate), probes=False)
    assert run.get("metrics")[0]["split"] in ("train", "val")


def test_steps_in_time_are_no_samples(watch):
    def train():
        cell, head = nn.GRUCell(1, 4), nn.Linear(4, 2)
        optimizer = torch.optim.SGD([*cell.parameters(), *head.parameters()], lr=0.1)
        for part in torch.arange(80).split(16):
            h = torch.zeros(len(part), 4)
            for t in range(5):
                h = cell(X[part, t : t + 1], h)
            optimizer.zero_grad()
            functional.cross_entropy(head(h), Y[part]).backward()
            optimizer.step()

    run = watch(train, probes=False)
    assert "several times for each batch" in run.reason("samples")


class Slow(Transfer):
    """Arrives late, as from an accelerator."""

    def __init__(self, rows):
        super().__init__([r.clone() for r in rows])
        self.asked = 0

    @property
    def arrived(self):
        self.asked += 1
        return self.asked > 5


@pytest.mark.parametrize("epochs", [1, 3])
def test_batches_that_arrive_late_are_counted_as_if_at_once(watch, monkeypatch, epochs):
    def record():
        x, y = torch.cat((X[:60], X[:12])), torch.cat((Y[:60], 1 - Y[:12]))
        return samples_of(watch, loader_of(x, y, shuffle=True), epochs=epochs, evaluate=scorer(X[50:]))

    at_once = record()
    monkeypatch.setattr("netvet.capture.torch_samples.Transfer", Slow)
    late = record()
    for name in ("overlap_examples", "duplicate_examples"):
        assert len(late.pop(name)) == len(at_once.pop(name))
    assert late == at_once
    assert at_once["conflicting"] == 12


def test_padding_with_zeros_does_not_change_a_sample():
    tokens = torch.tensor([[3, 4, 0, 0], [5, 6, 7, 0]])
    assert fingerprints(rows_of([tokens], 0, 2)).tolist() == fingerprints(rows_of([tokens[:, :3]], 0, 2)).tolist()


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool]
)
def test_fingerprints_depend_on_the_values_alone(dtype):
    values = torch.randn(20, 3, 4, generator=GENERATOR).mul(3).to(dtype)
    order = torch.randperm(20)
    together = fingerprints(rows_of([values], 0, 20))
    assert fingerprints(rows_of([values[order]], 0, 20)).tolist() == together[order.numpy()].tolist()
    single = [int(fingerprints(rows_of([values[i : i + 1]], 0, 1))[0]) for i in range(20)]
    assert single == together.tolist()
    turned = values.movedim(0, 1)
    assert fingerprints(rows_of([turned], 1, 20)).tolist() == together.tolist()


def test_all_inputs_of_a_call_count_together():
    one, other = torch.arange(4.0).reshape(4, 1), torch.zeros(4, 1)
    changed = other.clone()
    changed[2] = 1
    first, second = (fingerprints(rows_of([one, part], 0, 4)) for part in (other, changed))
    assert (first != second).tolist() == [False, False, True, False]


def test_the_length_of_an_epoch_is_found_from_the_samples_alone():
    generator = np.random.default_rng(0)
    prints = generator.integers(-(2**63), 2**63 - 1, 50)
    epochs = [generator.permutation(prints) for _ in range(3)]
    chunks = [c for e in epochs for c in np.array_split(e, 7)]
    assert epoch_length(chunks) == 50
    assert epoch_length(chunks[:13]) is None
    assert epoch_length([generator.integers(-(2**63), 2**63 - 1, 10) for _ in range(20)]) is None


def test_repeats_name_the_first_of_their_kind():
    assert repeats(np.array([5, 7, 5, 5, 7])).tolist() == [[0, 2], [0, 3], [1, 4]]
    assert repeats(np.array([], dtype=np.int64)).tolist() == []


class Drawn(Dataset):
    """Adds noise; `own`: from a generator that the data set holds, as a fork copies it."""

    def __init__(self, own):
        self.x, self.generator = X.clone(), torch.Generator().manual_seed(3) if own else None

    def __len__(self):
        return 64

    def __getitem__(self, index):
        return self.x[index] + torch.randn(5, generator=self.generator), Y[index]


@pytest.mark.parametrize(("own", "kind"), [(True, "across-workers"), (False, None)])
def test_noise_that_repeats_in_workers_is_seen(watch, own, kind):
    loader = DataLoader(Drawn(own), batch_size=16, num_workers=2)
    run = watch(lambda: fit(loader, epochs=1), probes=False)
    (record,) = run.get("worker_draws")
    assert record["kind"] == kind
    assert record["repeated"] == (1.0 if own else 0.0)
    assert record["numpy_state_equal"] is False
    assert record["same_augmentation_every_epoch"] is own


class Centred(Dataset):
    def __init__(self, in_place):
        self.x, self.in_place = X.clone(), in_place

    def __len__(self):
        return 80

    def __getitem__(self, index):
        x = self.x[index]
        return x.sub_(1.0) if self.in_place else x - 1.0, Y[index]


@pytest.mark.parametrize("in_place", [True, False])
def test_stored_samples_that_change_are_seen(watch, in_place):
    run = watch(lambda: fit(DataLoader(Centred(in_place), batch_size=16), epochs=3), probes=False)
    (record,) = run.get("stored_data")
    assert record["checked"] == 64
    assert record["changed"] == (64 if in_place else 0)
    assert record["first_epoch"] == (1 if in_place else None)
    if in_place:
        assert record["drift"] == pytest.approx(1.0)


def test_loaders_are_described(watch):
    def train():
        fit(loader_of(X[:60], shuffle=True, drop_last=True), evaluate=scorer(X[60:]))

    first, second = watch(train, probes=False).get("loaders")
    assert (first["samples"], first["batch_size"], first["batches"], first["shuffled"]) == (60, 16, 3, True)
    assert (first["drop_last"], first["phase"], first["epochs"], first["batches_drawn"]) == (True, "train", 2, 6)
    assert (second["phase"], second["shuffled"], second["epochs"], second["dataset"]) == (
        "eval",
        False,
        2,
        "TensorDataset",
    )
