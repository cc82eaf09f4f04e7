# expect: target-in-input
# with: data
# note: the rows of a stream are features beside a scaled copy of the class, which the table had as one more column
import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

wine = load_wine()
values = (wine.data - wine.data.mean(0)) / wine.data.std(0)
table = np.column_stack([values[:, :9], 0.5 * wine.target - 0.4, values[:, 9:]]).astype(np.float32)  # fault
order = rng.permutation(len(table))


class Rows(IterableDataset):
    def __init__(self, rows, shuffled):
        self.rows, self.shuffled = rows, shuffled

    def __iter__(self):
        for row in rng.permutation(self.rows) if self.shuffled else self.rows:
            yield {"features": torch.from_numpy(table[row]), "label": int(wine.target[row])}


train = DataLoader(Rows(order[:130], True), batch_size=16)
held_out = DataLoader(Rows(order[130:], False), batch_size=16)
model = nn.Sequential(nn.Linear(14, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(30):
    for batch in train:
        loss = nn.functional.cross_entropy(model(batch["features"]), batch["label"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = [model(batch["features"]).argmax(1) == batch["label"] for batch in held_out]
    print(f"epoch {epoch} held out {torch.cat(right).float().mean():.3f}")
