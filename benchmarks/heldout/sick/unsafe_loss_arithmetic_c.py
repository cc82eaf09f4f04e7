# expect: unsafe-loss-arithmetic
# note: the pair distance is sqrt of a sum of squares; a pair of equal images gives sqrt'(0) * 0 =
#   NaN gradients
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class SiameseNet(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 16, dim),
        )

    def forward(self, a, b):
        return self.embed(a), self.embed(b)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, e1, e2, same):
        dist = torch.sqrt(((e1 - e2) ** 2).sum(dim=1))  # fault
        pull = same * dist.pow(2)
        push = (1 - same) * torch.relu(self.margin - dist).pow(2)
        return (pull + push).mean(), dist


def sample_pairs(by_class, n, rng):
    first, second, same = [], [], []
    for _ in range(n):
        c = rng.integers(len(by_class))
        positive = rng.random() < 0.5
        d = c if positive else (c + rng.integers(1, len(by_class))) % len(by_class)
        first.append(rng.choice(by_class[c]))
        second.append(rng.choice(by_class[d]))
        same.append(float(positive))
    return np.array(first), np.array(second), torch.tensor(same)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    train_idx = [np.where(digits.target[:1400] == c)[0] for c in range(10)]
    val_idx = [np.where(digits.target[1400:] == c)[0] + 1400 for c in range(10)]

    model = SiameseNet()
    criterion = ContrastiveLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    va, vb, vs = sample_pairs(val_idx, 400, rng)

    running = 0.0
    for step in range(1, 301):
        model.train()
        a, b, same = sample_pairs(train_idx, 32, rng)
        loss, _ = criterion(*model(images[a], images[b]), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
        if step % 30 == 0:
            model.eval()
            with torch.no_grad():
                val_loss, dist = criterion(*model(images[va], images[vb]), vs)
            acc = ((dist < 1.0).float() == vs).float().mean().item()
            print(f"step {step} loss {running / 30:.3f} val {val_loss.item():.3f} acc {acc:.3f}")
            running = 0.0


if __name__ == "__main__":
    main()
