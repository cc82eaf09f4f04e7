"""A checkpoint of a wrapped model: its names begin with "module.", and strict=False hides that nothing is loaded."""

import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
flowers = load_iris()
order = torch.randperm(150)
x = torch.tensor(flowers.data, dtype=torch.float32)[order]
x, y = (x - x.mean(0)) / x.std(0), torch.tensor(flowers.target)[order]

model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
saved = {f"module.{name}": tensor.clone() for name, tensor in model.state_dict().items()}
model.load_state_dict(saved, strict=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(20):
    for rows in torch.randperm(120).split(20):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
with torch.no_grad():
    print(f"validation loss {F.cross_entropy(model(x[120:]), y[120:]).item():.3f}")
