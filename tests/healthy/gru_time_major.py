# healthy: GRU with batch_first left at False and data kept in (time, batch, feature) layout from
# the collate function on, so the second axis is the batch everywhere
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class WaveDataset(Dataset):
    """A wave seen by two noisy sensors, the second one late; the class is its shape."""

    def __init__(self, n, length=42, seed=0):
        rng = np.random.default_rng(seed)
        t = np.arange(length)
        self.y = rng.integers(0, 4, n)
        period = rng.uniform(8, 16, (n, 1))
        phase = t[None] / period + rng.uniform(0, 1, (n, 1))
        frac = phase % 1.0
        waves = np.stack([
            np.sqrt(2) * np.sin(2 * np.pi * phase),
            np.where(frac < 0.5, 1.0, -1.0),
            np.sqrt(3) * (2 * frac - 1),
            np.sqrt(3) * (1 - 2 * frac),
        ])[self.y, np.arange(n)]
        x = np.stack([waves[:, 2:], waves[:, :-2]], axis=-1)
        self.x = (x + rng.normal(0, 0.4, x.shape)).astype(np.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return torch.from_numpy(self.x[i]), int(self.y[i])


def time_major(batch):
    x, y = zip(*batch)
    return torch.stack(x, dim=1), torch.tensor(y)


class GRUClassifier(nn.Module):
    def __init__(self, n_features, hidden, n_classes):
        super().__init__()
        self.gru = nn.GRU(n_features, hidden)
        self.linear = nn.Linear(hidden, n_classes)

    def forward(self, x):  # (T, B, F)
        _, h_n = self.gru(x)
        return self.linear(h_n[-1])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--num-epochs", type=int, default=8)
    opt = p.parse_args()
    torch.manual_seed(opt.seed)
    torch.set_num_threads(1)
    train_loader = DataLoader(
        WaveDataset(1600, seed=opt.seed), 40, shuffle=True, collate_fn=time_major
    )
    val_loader = DataLoader(WaveDataset(400, seed=opt.seed + 1000), 100, collate_fn=time_major)

    model = GRUClassifier(2, 32, 4)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)

    for epoch in range(opt.num_epochs):
        model.train()
        losses = []
        for x, y in train_loader:
            loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            optimizer.step()
            losses.append(loss.item())

        model.eval()
        hits = 0
        with torch.no_grad():
            for x, y in val_loader:
                hits += (model(x).argmax(1) == y).sum().item()
        print(f"[{epoch + 1:02d}] loss={np.mean(losses):.4f} val_acc={hits / 400:.4f}")


if __name__ == "__main__":
    main()
