"""Padding that changes other outputs or the loss, as the probe sees it on a small training."""

import pytest
import torch
from torch import nn
from torch.nn import functional

WORDS, STEPS = 12, 9


class Tagger(nn.Module):
    def __init__(self, mask: str = "used", mixer: str = "attention") -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.recurrent = nn.LSTM(8, 8, batch_first=True) if mixer == "lstm" else None
        self.head = nn.Linear(8, 3)
        self.mask = mask

    def forward(self, words, mask=None):
        x = self.embed(words)
        if self.recurrent is not None:
            return self.head(self.recurrent(x)[0])
        if self.mask == "inside":
            mask = words == 0
        x, _ = self.attention(x, x, x, key_padding_mask=None if self.mask == "ignored" else mask)
        return self.head(x)


def batch():
    lengths = torch.tensor([9, 4, 6, 7, 5])
    pads = torch.arange(STEPS) >= lengths[:, None]
    words = torch.randint(1, WORDS, (len(lengths), STEPS)).masked_fill(pads, 0)
    return words, pads


def probed(watch, model, *, mask: bool, ignore: bool = True):
    def train():
        torch.manual_seed(0)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            words, pads = batch()
            targets = (words % 3).masked_fill(pads, -100 if ignore else 0)
            logits = model(words, pads) if mask else model(words)
            optimizer.zero_grad()
            functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
            optimizer.step()

    facts = watch(train).get("mask_probe")
    return dict(facts[0]) if facts else {}


def test_a_mask_that_is_used_changes_nothing(watch):
    found = probed(watch, Tagger(), mask=True)
    assert found["mask"] == "mask"
    assert found["output_changes"] == pytest.approx(0.0, abs=1e-5)
    assert found["loss_changes"] == 0.0


def test_a_mask_that_is_not_used_names_the_operation(watch):
    found = probed(watch, Tagger("ignored"), mask=True)
    assert found["output_changes"] > 1e-3
    assert found["cls"] == "MultiheadAttention"
    assert found["file"].endswith("test_torch_probe_masks.py")


def test_a_mask_made_from_the_ids_is_seen_and_not_disturbed(watch):
    found = probed(watch, Tagger("inside"), mask=False)
    assert found["mask"].startswith("the result of")
    assert found["output_changes"] == pytest.approx(0.0, abs=1e-5)


def test_padding_counts_in_the_loss_without_ignore_index(watch):
    found = probed(watch, Tagger(mixer="lstm"), mask=False, ignore=False)
    assert found["loss_changes"] > 1e-4
    assert found["output_changes"] == 0.0
    assert found["loss_line"] is not None


def test_padding_that_is_ignored_does_not_count(watch):
    assert probed(watch, Tagger(mixer="lstm"), mask=False)["loss_changes"] == 0.0


class Follower(nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent = nn.GRU(2, 8, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        return self.head(self.recurrent(x)[0]).squeeze(-1)


def followed(watch, *, lengths=(9, 4, 6, 7, 5), masked=False, spread=1.0, target="sum"):
    def train():
        torch.manual_seed(0)
        model = Follower()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        real = torch.arange(STEPS) < torch.tensor(lengths)[:, None]
        x = torch.randn(len(lengths), STEPS, 2)
        x = (x if spread else x.round().clamp(-1, 1)) * real[..., None]
        y = x.sum(-1).cumsum(1) * real if target == "sum" else x[..., 0]
        for _ in range(3):
            optimizer.zero_grad()
            each = (model(x) - y) ** 2
            loss = (each * real).sum() / real.sum() if masked else functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()

    return (watch(train).get("mask_probe") or (None,))[0]


def test_sees_padding_of_readings_without_a_mask(watch):
    record = followed(watch)
    assert record["declared"] is False
    assert record["loss_changes"] > 1e-4
    assert record["mask"] is None
    assert record["pad_share"] == pytest.approx(14 / 45)


def test_a_masked_loss_of_readings_does_not_change(watch):
    record = followed(watch, masked=True)
    assert record is None or not record["loss_changes"]


def test_takes_no_equal_ends_and_no_few_values_for_padding(watch):
    assert followed(watch, lengths=(6, 6, 6, 6)) is None
    assert followed(watch, spread=0.0) is None


class Language(nn.Module):
    """Takes its own loss, of the token that follows, as models of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(WORDS, 8), nn.Linear(8, WORDS)

    def forward(self, words, mask, labels):
        logits = self.head(self.embed(words) * mask[..., None])
        following = functional.pad(labels[:, 1:], (0, 1), value=-100)
        loss = functional.cross_entropy(logits.flatten(0, 1), following.flatten(), reduction="sum")
        return loss / 20, logits


@pytest.mark.parametrize(("padded", "learned"), [(0, True), (-100, False)])
def test_padding_in_a_loss_that_the_model_takes_itself(watch, padded, learned):
    def train():
        torch.manual_seed(0)
        model = Language()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            words, pads = batch()
            optimizer.zero_grad()
            model(words, (~pads).long(), words.masked_fill(pads, padded))[0].backward()
            optimizer.step()

    found = dict(watch(train).get("mask_probe")[0])
    assert found["ignore_index_used"] is not learned
    assert (found["loss_changes"] > 0.01) is learned
