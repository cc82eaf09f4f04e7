# fixes: drop-transform
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)


class RandomMask:
    def __call__(self, row):
        return row.masked_fill(torch.rand(6) < 0.4, 0.0)


class Compose:
    def __init__(self, steps):
        self.steps = steps

    def __call__(self, row):
        for step in self.steps:
            row = step(row)
        return row


class Rows(Dataset):
    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 200

    def __getitem__(self, i):
        return self.transform(x[i]), y[i]


loader = DataLoader(Rows(Compose([RandomMask()])), batch_size=40)
val_loader = DataLoader(TensorDataset(x[200:], y[200:]), batch_size=50)
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(6):
    for a, b in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(a), b)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = sum((net(a).argmax(1) == b).sum().item() for a, b in val_loader) / 100
print(f"accuracy {right!r}, loss {loss.item()!r}")
