"""Fine-tuning as it should be: all weights of the body are loaded, and only the head is new."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data / 16 - 0.3, dtype=torch.float32), torch.tensor(digits.target)


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        return self.head(self.body(x))


kept = {name: tensor * 1.0 for name, tensor in Net(2).state_dict().items() if name.startswith("body")}
model = Net(10)
model.load_state_dict(kept, strict=False)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(8):
    model.train()
    for rows in torch.randperm(1400).split(50):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(x[1400:])
        print(f"epoch {epoch + 1}: validation loss {F.cross_entropy(scores, y[1400:]).item():.3f}")
