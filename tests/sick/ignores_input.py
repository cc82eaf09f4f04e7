# expect: ignores-input
# accept: collapsed-prediction, constant-feature
# note: a layer norm over a single feature returns its bias whatever comes in, nothing passes
# mend: nn.LayerNorm(features) -> nn.Identity()
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LENGTH = 40


def beats(n, rng):
    """Pulse curves: regular, skipped beat, double beat."""
    t = np.arange(LENGTH)
    label = rng.integers(0, 3, n)
    curves = np.zeros((n, LENGTH), dtype=np.float32)
    for i, kind in enumerate(label):
        start, gap = rng.uniform(1, 5), rng.uniform(6.5, 8)
        times = list(np.arange(start, LENGTH, gap))
        if kind == 1:
            times.pop(rng.integers(1, len(times) - 1))
        elif kind == 2:
            times.append(times[rng.integers(1, len(times) - 1)] + gap / 2)
        for time in times:
            curves[i] += np.exp(-(((t - time) / 0.9) ** 2))
    curves += rng.normal(0, 0.1, curves.shape)
    curves = (curves - curves.mean()) / curves.std()
    return TensorDataset(torch.tensor(curves, dtype=torch.float32)[..., None], torch.tensor(label))


class PulseNet(nn.Module):
    def __init__(self, features=1, hidden=32, classes=3):
        super().__init__()
        self.norm = nn.LayerNorm(features)  # fault
        self.rnn = nn.GRU(features, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, classes)

    def forward(self, x):
        states, _ = self.rnn(self.norm(x))  # fault
        return self.head(states.amax(dim=1))


def evaluate(model, loader):
    model.eval()
    loss = hits = 0.0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += nn.functional.cross_entropy(out, y, reduction="sum").item()
            hits += (out.argmax(1) == y).sum().item()
    return loss / len(loader.dataset), hits / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    train_set, val_set = beats(1200, rng), beats(300, rng)
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=100)
    model = PulseNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(6):
        model.train()
        running = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            running += loss.item() * len(y)
        val_loss, acc = evaluate(model, val_loader)
        print(f"epoch {epoch}: train {running / 1200:.4f} val {val_loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
