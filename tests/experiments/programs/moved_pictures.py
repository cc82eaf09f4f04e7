"""Few pictures to learn from, and in each the digit stands in another place."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
digits = load_digits()
x, y = torch.zeros(len(digits.target), 1, 12, 12), torch.tensor(digits.target)
for picture, digit in zip(x, digits.images, strict=True):
    top, left = torch.randint(1, 4, (2,)).tolist()
    picture[0, top : top + 8, left : left + 8] = torch.tensor(digit / 16)

model = nn.Sequential(nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(60):
    model.train()
    for rows in torch.randperm(200).split(20):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(x[200:])
        right = (scores.argmax(1) == y[200:]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {F.cross_entropy(scores, y[200:]).item():.3f}, accuracy {right:.3f}")
