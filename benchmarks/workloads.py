"""Trainings to measure on: a model, its optimizer and one step, the same each time they are made.

`full` is the size that figures are quoted for, `small` one for a quick look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

Make = Callable[[str], tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]]


@dataclass
class Task:
    """One training.

    Args:
        batches: inputs and targets, taken in turn.
        after_backward, after_step: what a tool asks its users to write into their loop.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    batches: Sequence[tuple[torch.Tensor, torch.Tensor]]
    forward: Callable[[nn.Module, torch.Tensor], torch.Tensor] = lambda model, x: model(x)
    loss_function: Any = field(default_factory=nn.CrossEntropyLoss)
    after_backward: Callable[[], None] = lambda: None
    after_step: Callable[[torch.Tensor], None] = lambda _loss: None
    steps: int = 0

    def step(self) -> torch.Tensor:
        """Train on the next batch."""
        x, y = self.batches[self.steps % len(self.batches)]
        self.steps += 1
        output = self.forward(self.model, x)
        loss = self.loss_function(output.flatten(0, -2), y.flatten())
        self.optimizer.zero_grad()
        loss.backward()
        self.after_backward()
        self.optimizer.step()
        self.after_step(loss)
        return loss


@dataclass(frozen=True)
class Workload:
    """How to make a training, and how long to measure it.

    Args:
        steps: timed steps of a block.
        pairs: blocks with and without, if there is the time.
    """

    name: str
    make: Make
    steps: int
    pairs: int

    def task(self, size: str, device: str) -> Task:
        """A training from its seed."""
        torch.manual_seed(0)
        model, batches = self.make(size)
        model.to(device)
        moved = [(x.to(device), y.to(device)) for x, y in batches]
        return Task(model, torch.optim.AdamW(model.parameters(), lr=1e-3), moved)


def mlp(_size: str) -> tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]:
    """64-128-128-10 on the 8 x 8 digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target)
    rows = torch.randperm(len(x))[: len(x) // 64 * 64].split(64)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    return model, [(x[i], y[i]) for i in rows]


class Block(nn.Module):
    """Basic block of a ResNet."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU()
        same = stride == 1 and channels == out
        self.skip = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        return self.relu(y + self.skip(x))


def cnn(size: str) -> tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]:
    """The shape of a ResNet-18, 32 channels wide, on 64 images of 32 x 32."""
    width, batch = {"small": (8, 16), "full": (32, 64)}[size]
    widths = [width, width, 2 * width, 4 * width, 8 * width]
    blocks = [
        Block(widths[stage] if first else widths[stage + 1], widths[stage + 1], 2 if first and stage else 1)
        for stage in range(4)
        for first in (True, False)
    ]
    stem = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    model = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, 10))
    return model, [(torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))) for _ in range(4)]


class Layer(nn.Module):
    """A layer of a decoder."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(attended.transpose(1, 2).reshape(b, t, c))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Decoder-only transformer; the head is the table of tokens."""

    def __init__(self, vocabulary: int, width: int, length: int, layers: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(length, width))
        self.layers = nn.Sequential(*(Layer(width, width // 64) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.layers(self.tokens(tokens) + self.positions[: tokens.shape[1]])))


def gpt(size: str) -> tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]:
    """6 layers of width 384 on 8 sequences of 256, 1,024 tokens."""
    width, length = {"small": (128, 64), "full": (384, 256)}[size]
    text = torch.randint(0, 1024, (4, 8, length + 1))
    return GPT(1024, width, length, 6), [(t[:, :-1], t[:, 1:]) for t in text]


class LSTM(nn.Module):
    """Two layers, a prediction at each step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(64, width, 2, batch_first=True)
        self.head = nn.Linear(width, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0])


def lstm(size: str) -> tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]:
    """2 x 256 on 32 sequences of 64."""
    width, length = {"small": (64, 32), "full": (256, 64)}[size]
    return LSTM(width), [(torch.randn(32, length, 64), torch.randint(0, 64, (32, length))) for _ in range(4)]


WORKLOADS: dict[str, Workload] = {
    w.name: w
    for w in (
        Workload("mlp", mlp, steps=200, pairs=100),
        Workload("lstm", lstm, steps=4, pairs=100),
        Workload("cnn", cnn, steps=2, pairs=40),
        Workload("gpt", gpt, steps=2, pairs=30),
    )
}


def chain(layers: int, width: int) -> Workload:
    """Linear layers with ReLU between them: `layers` tensors of weights and as many biases."""

    def make(_size: str) -> tuple[nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]:
        parts: list[nn.Module] = []
        for _ in range(layers - 1):
            parts += [nn.Linear(width, width), nn.ReLU()]
        batches = [(torch.randn(32, width), torch.randint(0, 10, (32,))) for _ in range(2)]
        return nn.Sequential(*parts, nn.Linear(width, 10)), batches

    return Workload(f"{layers} x {width}", make, steps=10, pairs=20)
