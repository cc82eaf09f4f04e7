"""A deep plain net that learns: eight layers of equal width, initialised for ReLU, with a safe optimizer."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data / 16 - 0.3, dtype=torch.float32), torch.tensor(digits.target)

layers = [nn.Linear(64, 64), nn.ReLU()]
for _ in range(7):
    layers += [nn.Linear(64, 64), nn.ReLU()]
    nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
model = nn.Sequential(*layers, nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(12):
    model.train()
    for rows in torch.randperm(1200).split(32):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(x[1200:])
        right = (scores.argmax(1) == y[1200:]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {F.cross_entropy(scores, y[1200:]).item():.3f}, accuracy {right:.3f}")
