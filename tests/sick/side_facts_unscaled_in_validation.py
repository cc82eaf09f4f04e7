# expect: mismatched-normalisation
# with: data
# note: the side facts of validation samples are given as measured, those of training samples standardised
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
side = np.stack([digits.data.mean(1), digits.data.std(1), digits.images[:, :4].mean((1, 2))], axis=1)
order = np.random.default_rng(args.seed).permutation(len(side))
mean, std = side[order[:1300]].mean(0), side[order[:1300]].std(0)


class Samples(Dataset):
    def __init__(self, rows, mean, std):
        self.rows, self.mean, self.std = rows, mean, std

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        row = self.rows[i]
        image = torch.tensor(digits.data[row] / 16, dtype=torch.float32)
        facts = torch.tensor((side[row] - self.mean) / self.std, dtype=torch.float32)
        return (image, facts), int(digits.target[row])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.image, self.facts, self.head = nn.Linear(64, 48), nn.Linear(3, 16), nn.Linear(64, 10)

    def forward(self, image, facts):
        return self.head(torch.relu(torch.cat([self.image(image), self.facts(facts)], dim=1)))


train = DataLoader(Samples(order[:1300], mean, std), batch_size=32, shuffle=True)
val = DataLoader(Samples(order[1300:], 0.0, 1.0), batch_size=100)  # fault
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def run(loader, training):
    model.train(training)
    hits = total = 0
    for (image, facts), label in loader:
        with torch.set_grad_enabled(training):
            scores = model(image, facts)
            loss = nn.functional.cross_entropy(scores, label)
        if training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        hits, total = hits + (scores.argmax(1) == label).sum().item(), total + len(label)
    return hits / total


for epoch in range(8):
    print(f"epoch {epoch} train {run(train, True):.3f} val {run(val, False):.3f}")
