# fixes: copy-first
# place: copy-first -> row -= 0.1
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)


class Rows(Dataset):
    def __init__(self, x, y, augment=False, mean=0.0):
        self.x, self.y, self.augment, self.mean = x, y, augment, mean

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        row = self.x[i]
        row -= 0.1
        return row, self.y[i]


loader = DataLoader(Rows(x[:200], y[:200]), batch_size=40)
val_loader = DataLoader(Rows(x[200:], y[200:]), batch_size=50)
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
