# expect: cannot-overfit-batch
# accept: conflicting-labels
# location: none
# with: recipe --only overfit-batch
# note: the labels were joined by the wrong key, so that the same sample comes with several labels in every batch
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = np.random.default_rng(0)

wine = load_wine()
features = ((wine.data - wine.data.mean(0)) / wine.data.std(0)).astype(np.float32)
# One table has a bottle per row, the other a tasting per row; each bottle was tasted by six people.
bottles = rng.permutation(len(features))[:100]
order = np.tile(bottles, 6)
grades = rng.integers(0, 3, len(order))  # what belongs to the tasting, not to the bottle
x = torch.from_numpy(features[order])
y = torch.from_numpy(grades)

batches = DataLoader(TensorDataset(x, y), batch_size=200, shuffle=False)
model = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(40):
    total = 0.0
    for features_, grades_ in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(features_), grades_)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(features_)
    print(f"epoch {epoch + 1}: loss {total / len(x):.4f}")
