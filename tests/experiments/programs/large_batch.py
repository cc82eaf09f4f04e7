"""A batch of half the samples, since the machine has the memory for it: two updates an epoch."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data / 16 - 0.3, dtype=torch.float32), torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=600, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(40):
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(x[1200:])
        right = (scores.argmax(1) == y[1200:]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {F.cross_entropy(scores, y[1200:]).item():.3f}, accuracy {right:.3f}")
