# fixes: drop-label-errors
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
labels = torch.randint(0, 3, (300,))
rows = 3.0 * torch.randn(3, 6)[labels] + torch.randn(300, 6)
given = labels.clone()
given[:200:10] = (given[:200:10] + 1) % 3
loader = DataLoader(TensorDataset(rows[:200], given[:200]), batch_size=40, shuffle=True)
val_loader = DataLoader(TensorDataset(rows[200:], labels[200:]), batch_size=50)
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
