# expect: split-overlap
# with: data
# note: the held-out digits are filled up to a round number with rows of the training part
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

digits = load_digits()
order = np.random.default_rng(args.seed).permutation(len(digits.data))
rows = {"train": order[:1400], "val": np.concatenate([order[1400:], order[:103]])}


class Digits(Dataset):
    def __init__(self, split):
        self.rows = rows[split]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i]
        image = torch.tensor(digits.images[row], dtype=torch.float32) / 16
        return (image[None] - 0.3) / 0.38, int(digits.target[row])


def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


train = DataLoader(Digits("train"), batch_size=50, shuffle=True)
val = DataLoader(Digits("val"), batch_size=100)  # fault
model = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(8):
    model.train()
    for x, y in train:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} val {evaluate(model, val):.4f}")
