# expect: missing-zero-grad
# note: gradients are cleared once per epoch only, so they pile up over the batches of the epoch
import argparse

import numpy as np
import torch
from torch import nn


def make_waves(n, rng):
    t = np.linspace(0, 1, 64)
    kinds = rng.integers(0, 4, n)
    freq = rng.uniform(3, 6, (n, 1))
    ph = rng.uniform(0, 2 * np.pi, (n, 1))
    arg = 2 * np.pi * freq * t + ph
    sine = np.sin(arg)
    saw = (arg / np.pi) % 2 - 1
    table = np.stack([sine, np.sign(sine), saw, sine * np.exp(-3 * t)])
    waves = table[kinds, np.arange(n)] + 0.2 * rng.normal(size=(n, 64))
    return torch.tensor(waves[:, None], dtype=torch.float32), torch.tensor(kinds)


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.loss_fn = nn.CrossEntropyLoss()

    def fit_epoch(self, x, y, batch=32):
        self.model.train()
        self.opt.zero_grad()  # fault
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            loss = self.loss_fn(self.model(x[idx]), y[idx])
            loss.backward()  # fault
            self.opt.step()  # fault
            total += loss.item() * len(idx)
        return total / len(x)

    def score(self, x, y):
        self.model.eval()
        with torch.no_grad():
            out = self.model(x)
        return self.loss_fn(out, y).item(), (out.argmax(1) == y).float().mean().item()


def build():
    return nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Flatten(),
        nn.Linear(32 * 16, 4),
    )


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    x_train, y_train = make_waves(1200, rng)
    x_val, y_val = make_waves(400, rng)
    trainer = Trainer(build(), lr=0.02)
    for epoch in range(8):
        tr = trainer.fit_epoch(x_train, y_train)
        vl, va = trainer.score(x_val, y_val)
        print(f"{epoch}: train {tr:.3f} val {vl:.3f} acc {va:.3f}")
