"""A classifier that was made small to be fast: four hidden units for sixty-four pixels and ten classes."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data / 16 - 0.3, dtype=torch.float32), torch.tensor(digits.target)

model = nn.Sequential(nn.Linear(64, 4), nn.ReLU(), nn.Linear(4, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(30):
    model.train()
    for rows in torch.randperm(1200).split(50):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(x[1200:])
        right = (scores.argmax(1) == y[1200:]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {F.cross_entropy(scores, y[1200:]).item():.3f}, accuracy {right:.3f}")
