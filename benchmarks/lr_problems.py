"""Small problems of many kinds for the benchmark of learning rates: each gives a setup."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from torch import nn
from torch.nn import functional as F

from netvet import Setup

Optimizer = Callable[[nn.Module], torch.optim.Optimizer]


def _of(cls: type[torch.optim.Optimizer], **options: float) -> Optimizer:
    return lambda model: cls(model.parameters(), **{"lr": 1e-3, **options})


def _table(load: Callable[..., tuple[object, object]]) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = load(return_X_y=True)
    inputs = torch.tensor(x, dtype=torch.float32)
    spread = inputs.std(0)
    return (inputs - inputs.mean(0)) / torch.where(spread > 0, spread, 1.0), torch.tensor(y)


def _in_groups(model: nn.Module) -> torch.optim.Optimizer:
    first, last = list(model.parameters())[:-2], list(model.parameters())[-2:]
    return torch.optim.SGD([{"params": first}, {"params": last, "lr": 1e-2}], lr=1e-3, momentum=0.9)


def digits_mlp(optimizer: Optimizer) -> Setup:
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    return Setup(make, _table(load_digits), loss=F.cross_entropy, optimizer=optimizer)


def digits_cnn() -> Setup:
    def make() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1),
            nn.Linear(32, 10),
        )  # fmt: skip

    x, y = _table(load_digits)
    return Setup(make, (x.view(-1, 1, 8, 8), y), loss=F.cross_entropy, optimizer=_of(torch.optim.AdamW))


def diabetes() -> Setup:
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))

    x, y = _table(load_diabetes)
    y = ((y - y.mean()) / y.std()).float()[:, None]
    return Setup(make, (x, y), loss=F.mse_loss, optimizer=_of(torch.optim.RMSprop))


def breast_cancer() -> Setup:
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(30, 16), nn.Tanh(), nn.Linear(16, 1))

    x, y = _table(load_breast_cancer)
    loss = F.binary_cross_entropy_with_logits
    return Setup(make, (x, y.float()[:, None]), loss=loss, optimizer=_of(torch.optim.SGD, momentum=0.9))


def autoencoder() -> Setup:
    def make() -> nn.Module:
        return nn.Sequential(
            nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64)
        )

    x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    return Setup(make, (x, x.clone()), loss=F.mse_loss, optimizer=_of(torch.optim.Adam))


class CharLSTM(nn.Module):
    """Predicts the next of a few characters."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(kinds, 16), nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, kinds)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(self.embedding(characters))[0])


class CharTransformer(nn.Module):
    """One block with a causal mask."""

    def __init__(self, kinds: int, length: int) -> None:
        super().__init__()
        self.embedding, self.place = nn.Embedding(kinds, 32), nn.Parameter(torch.zeros(length, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.blocks, self.head = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), nn.Linear(32, kinds)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.embedding(characters) + self.place, mask=self.mask))


def _text(length: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums such as `37+45=82;`, one after the other, as numbers 0 to 12 of characters."""
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randint(0, 50, (1000, 2), generator=generator).tolist()
    text = "".join(f"{a}+{b}={a + b};" for a, b in pairs)
    codes = torch.tensor(["0123456789+=;".index(c) for c in text])
    windows = codes[: len(codes) // (length + 1) * (length + 1)].view(-1, length + 1)
    return windows[:, :-1], windows[:, 1:]


def _next(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(output.flatten(0, 1), target.flatten())


def char_lstm() -> Setup:
    return Setup(lambda: CharLSTM(13), _text(), loss=_next, optimizer=_of(torch.optim.Adam))


def char_transformer() -> Setup:
    return Setup(lambda: CharTransformer(13, 16), _text(), loss=_next, optimizer=_of(torch.optim.AdamW))


PROBLEMS: dict[str, Callable[[], Setup]] = {
    "digits, MLP, SGD": partial(digits_mlp, _of(torch.optim.SGD)),
    "digits, MLP, Adam": partial(digits_mlp, _of(torch.optim.Adam)),
    "digits, MLP, momentum, two groups": partial(digits_mlp, _in_groups),
    "digits, CNN, AdamW": digits_cnn,
    "diabetes, MLP, RMSprop": diabetes,
    "breast cancer, MLP, momentum": breast_cancer,
    "sums, LSTM, Adam": char_lstm,
    "sums, transformer, AdamW": char_transformer,
    "digits, autoencoder, Adam": autoencoder,
}
